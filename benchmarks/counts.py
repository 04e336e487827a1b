"""Tables of counts in docs/performance.md, for the scripts that count them again: a row is a text and some numbers. Counts don't
drift from hour to hour, as times do, so a count that has grown is a mistake."""

import itertools
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "performance.md"
TOLERANCE = 0.03


def head_of(titles):
    return f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|\n"


def read(titles):
    """Returns the numbers of each row by its text."""
    table = PAGE.read_text(encoding="utf-8").split(head_of(titles))[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0]: [float(cell) for cell in row[1:] if re.fullmatch(r"[\d.]+", cell)] for row in rows}


def write(titles, rows):
    """Puts rows, each a list of texts, in the place of those in the page."""
    head = head_of(titles)
    before, after = PAGE.read_text(encoding="utf-8").split(head)
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    rest = itertools.dropwhile(lambda line: line.startswith("|"), after.splitlines(keepends=True))
    PAGE.write_text(before + head + table + "".join(rest), encoding="utf-8")


def grown(titles, counts):
    """Returns, as texts, the counts that are greater than those in the page by more than the tolerance."""
    old = read(titles)
    found = []
    for text, numbers in counts.items():
        for number, before, title in zip(numbers, old.get(text, [0] * len(numbers)), titles[1:]):
            # A count of nearly nothing may change by what rounding hides.
            if number > before * (1 + TOLERANCE) + 0.05:
                found.append(f"{text}: {before} -> {number:.2f} {title}")
    return found
