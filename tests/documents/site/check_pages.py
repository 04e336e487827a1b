#!/usr/bin/env python3
"""Checks what docs/pages.py makes of Markdown, paragraph by paragraph.

    tests/documents/site/check_pages.py
"""

import pathlib
import subprocess
import sys
import tempfile

PAGES = pathlib.Path(__file__).resolve().parents[3] / "docs" / "pages.py"

# What is in a page, and what must come of it.
PARAGRAPHS = {
    "# Page": "# Page {#page}",
    "## Choosing `max_workers`": "## Choosing max_workers {#page-choosing-max_workers}",
    "[Above](#page), [there](other.md), [further down](other.md#the-end)":
        "[Above](page.html#page-page), [there](other.html), [further down](other.html#other-the-end)",
    "[The licence](../LICENSE) and [a site](https://example.com/concurrent.futures)":
        "The licence and [a site](https://example.com/concurrent.futures)",
    "![A picture](drawn.svg)": '<img src="drawn.svg" alt="A picture"/>',
    "A lambda in code: `submit([](int x) { return x; }, 1)`.": "A lambda in code: ``submit([](int x) { return x; }, 1)``.",
    "A link of code: [`[](auto x)`](other.md).": "A link of code: [``[](auto x)``](other.html).",
    "**`*x` is bold** and **[a link](other.md)**": "<b>``*x`` is bold</b> and <b>[a link](other.html)</b>",
    "Quotes: `dependency('name')`": "Quotes: ``dependency('name')``",
    "Python's `concurrent.futures`, our concurrent::futures": "Python's ``%concurrent.futures``, our %concurrent::futures",
    "`concurrent::futures::wait`, `<concurrent/futures.hpp>`": "``concurrent::futures::wait``, ``<concurrent/futures.hpp>``",
    "```cpp\nauto f = [](int x) { return `x`; };\n```": "```cpp\nauto f = [](int x) { return `x`; };\n```",
}


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        page, other = directory / "page.md", directory / "other.md"
        page.write_text("\n\n".join(PARAGRAPHS), encoding="utf-8")
        other.write_text("# Other\n", encoding="utf-8")
        subprocess.run([sys.executable, PAGES, directory / "made", page, other], check=True)
        made = (directory / "made" / "page.md").read_text(encoding="utf-8").split("\n\n")
    wrong = [f"{each}\n  became {got}\n  not    {must}"
             for (each, must), got in zip(PARAGRAPHS.items(), made) if got != must]
    if len(made) != len(PARAGRAPHS):
        wrong.append(f"{len(PARAGRAPHS)} paragraphs became {len(made)}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
