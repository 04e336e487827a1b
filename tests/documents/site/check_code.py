#!/usr/bin/env python3
"""Checks that a built site shows the inline code of its pages as their Markdown has it.

    tests/documents/site/check_code.py DIRECTORY PAGE.md...
"""

import difflib
import html.parser
import pathlib
import re
import sys


def words(text):
    return " ".join(text.split())


def written(path):
    """The inline code of a page's Markdown, without the headings of sections."""
    left_out = re.compile(r"^```.*?^```$|^##.*?$|<!--.*?-->", re.MULTILINE | re.DOTALL)
    text = left_out.sub("", path.read_text(encoding="utf-8"))
    return [words(code) for code in re.findall(r"`([^`]+)`", text)]


class Shown(html.parser.HTMLParser):
    """The inline code of a page of the site."""

    def __init__(self, path):
        super().__init__()
        self.inside = False
        self.codes = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        if tag == "code":
            self.inside = True
            self.codes.append("")

    def handle_endtag(self, tag):
        if tag == "code":
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.codes[-1] += data


def main():
    site = pathlib.Path(sys.argv[1])
    different = []
    for page in map(pathlib.Path, sys.argv[2:]):
        shown = site / ("index.html" if page.stem == "README" else f"{page.stem}.html")
        codes = [words(code) for code in Shown(shown).codes]
        different += difflib.unified_diff(written(page), codes, str(page), str(shown), n=0, lineterm="")
    print("\n".join(different))
    sys.exit(1 if different else 0)


main()
