#!/usr/bin/env python3
"""Makes docs/cookbook.md from the programs in examples/cookbook/.

    docs/cookbook.py          writes it
    docs/cookbook.py --check  fails if the file would change

Each program begins with a comment. Its first line is the title of the recipe; the lines after it are the text.
"""

import pathlib
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = PROJECT / "examples" / "cookbook"
OUTPUT = PROJECT / "docs" / "cookbook.md"

INTRODUCTION = """\
<!-- docs/cookbook.py makes this page from the programs in examples/cookbook/: change those. -->

# Cookbook

These recipes answer what users of Python's `concurrent.futures` and of C++ thread pools often ask. Each is a whole program
to copy from. The program asserts what it shows, and the tests compile and run it. The recipes use latches where a program
of yours would have work to do.
"""

CHAPTERS = {
    "Results": ["first_good_answer", "stream_in_order", "two_ranges", "gather_mixed", "cpu_bound", "memoize", "crawl"],
    "Errors": ["retry", "collect_errors", "cancel_on_first_error"],
    "Time and progress": ["batch_timeout", "stop_long_loop", "progress_bar", "heartbeat", "rate_limit", "periodic"],
    "Flow of work": ["bounded_producer", "pipeline", "producer_consumer", "continuation", "callbacks", "strand",
                     "group_per_request"],
    "Coroutines": ["coroutine_fan_out", "coroutine_two_pools", "asio_awaitable"],
    "Threads": ["nested", "priorities", "per_thread_connections", "thread_names", "graceful_shutdown"],
    "Libraries and tests": ["library_function", "own_executor", "testing"],
}


def recipe(name):
    """The title, the text and the code of a program."""
    comment, code = (RECIPES / f"{name}.cpp").read_text(encoding="utf-8").split("\n\n", 1)
    lines = [line.removeprefix("//").strip() for line in comment.splitlines()]
    return lines[0], "\n".join(lines[2:]), code


def slug(title):
    """The anchor that GitHub makes from a title."""
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return "".join(kept).replace(" ", "-")


def text():
    listed = [name for names in CHAPTERS.values() for name in names]
    if sorted(listed) != sorted(path.stem for path in RECIPES.glob("*.cpp")):
        sys.exit(f"the list in docs/cookbook.py is not the same as the programs in {RECIPES.relative_to(PROJECT)}")
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
