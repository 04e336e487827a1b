#!/usr/bin/env python3
"""Makes docs/cookbook.md of the programs in examples/cookbook/.

    docs/cookbook.py          writes it
    docs/cookbook.py --check  fails if it isn't what would be written

A program begins with a comment: its first line is the recipe's title, what follows says what it is about.
"""

import pathlib
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = PROJECT / "examples" / "cookbook"
OUTPUT = PROJECT / "docs" / "cookbook.md"

INTRODUCTION = """\
<!-- Made by docs/cookbook.py of the programs in examples/cookbook/: change those. -->

# Cookbook

What is often asked of Python's `concurrent.futures` and of thread pools in C++. Each recipe is a whole program to copy
from, which says by `assert` what holds, and is compiled and run with the tests. They synchronise by latches where a
program of yours would have work to do.
"""

CHAPTERS = {
    "Results": ["first_good_answer", "stream_in_order", "two_ranges", "cpu_bound", "memoize", "crawl"],
    "Errors": ["retry", "collect_errors", "cancel_on_first_error"],
    "Time and progress": ["batch_timeout", "stop_long_loop", "progress_bar", "heartbeat", "rate_limit", "periodic"],
    "Flow of work": ["bounded_producer", "pipeline", "producer_consumer", "continuation", "callbacks", "strand"],
    "Threads": ["nested", "priorities", "per_thread_connections", "thread_names", "graceful_shutdown"],
    "Libraries and tests": ["library_function", "testing"],
}


def recipe(name):
    """The title, the text and the code of a program."""
    comment, code = (RECIPES / f"{name}.cpp").read_text(encoding="utf-8").split("\n\n", 1)
    lines = [line.removeprefix("//").strip() for line in comment.splitlines()]
    return lines[0], "\n".join(lines[2:]), code


def slug(title):
    """What GitHub makes of a title."""
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return "".join(kept).replace(" ", "-")


def text():
    listed = [name for names in CHAPTERS.values() for name in names]
    if sorted(listed) != sorted(path.stem for path in RECIPES.glob("*.cpp")):
        sys.exit(f"docs/cookbook.py doesn't list just what is in {RECIPES.relative_to(PROJECT)}")
    contents = []
    sections = []
    for chapter, names in CHAPTERS.items():
        contents.append(f"\n**{chapter}**\n\n")
        sections.append(f"\n## {chapter}\n")
        for name in names:
            title, about, code = recipe(name)
            contents.append(f"- [{title}](#{slug(title)})\n")
            sections.append(
                f"\n### {title}\n\n{about}\n\n[`examples/cookbook/{name}.cpp`](../examples/cookbook/{name}.cpp)\n"
                f"\n```cpp\n{code}```\n"
            )
    return INTRODUCTION + "".join(contents) + "".join(sections)


def main():
    if sys.argv[1:] == ["--check"]:
        if not OUTPUT.exists() or OUTPUT.read_text(encoding="utf-8") != text():
            sys.exit("docs/cookbook.md is out of date; run: python3 docs/cookbook.py")
    elif not sys.argv[1:]:
        OUTPUT.write_text(text(), encoding="utf-8")
    else:
        sys.exit(__doc__)


main()
