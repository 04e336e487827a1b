#!/usr/bin/env python3
"""Makes of Markdown that GitHub shows pages for Doxygen.

    docs/pages.py DIRECTORY PAGE.md...  writes them into DIRECTORY

Headings get the anchors that GitHub gives them, links between the pages become links between the site's, and links to
what isn't a page become plain text. In the reference, names become links to their descriptions. Code stays as it is.
"""

import pathlib
import re
import sys

# Doxygen knows names by the inline namespace that has the version.
VERSION_HEADER = pathlib.Path(__file__).resolve().parent.parent / "include" / "concurrent" / "futures" / "version.hpp"
VERSION = re.search(r"inline namespace (\w+)", VERSION_HEADER.read_text(encoding="utf-8"))[1]

CODE = r"`[^`]+`"
LINK = rf"(!?)\[((?:{CODE}|[^]`])*)\]\(([^)]*)\)"
BOLD = rf"\*\*((?:{CODE}|[^*`])+)\*\*"


def page_name(path):
    return "index" if path.stem == "README" else path.stem


def slug(title):
    """GitHub's anchor of a heading."""
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).strip().replace(" ", "-")


def replace_outside_code(pattern, replacement, text):
    return re.sub(f"{CODE}|{pattern}", lambda match: match[0] if match[0].startswith("`") else replacement(match), text)


class Page:
    def __init__(self, path, pages):
        self.path = path
        self.name = page_name(path)
        self.pages = pages

    def heading(self, match):
        level, title = match.groups()
        if level == "#":
            return match[0] if self.name == "index" else f"# {title} {{#{self.name}}}"
        # In these, Doxygen shows the tags that it makes of backticks.
        return f"{level} {title.replace('`', '')} {{#{self.name}-{slug(title)}}}"

    def link(self, match):
        image, text, target = match.groups()
        if image:
            return f'<img src="{pathlib.Path(target).name}" alt="{text}"/>'
        file, _, anchor = target.partition("#")
        if "://" in file:
            return match[0]
        path = (self.path.parent / file).resolve() if file else self.path
        if path not in self.pages:
            return text
        name = page_name(path)
        return f"[{text}]({name}.html" + (f"#{name}-{anchor})" if anchor else ")")

    def code(self, match):
        name = re.fullmatch(r"`(\w+)(\(\))?`", match[0])
        if name and self.name == "reference":
            return f'<code>\\ref concurrent::futures::{VERSION}::{name[1]} "{name[1]}{name[2] or ""}"</code>'
        # Within single backticks, Doxygen takes an apostrophe for the end of a quotation.
        return f"`{match[0]}`"

    def prose(self, text):
        text = re.sub(r"<!--.*?-->\n*", "", text, flags=re.DOTALL)
        text = re.sub(r"^(#+) (.*)$", self.heading, text, flags=re.MULTILINE)
        text = replace_outside_code(LINK, self.link, text)
        # Doxygen sees no asterisks beside a backtick or a quotation mark.
        text = replace_outside_code(BOLD, lambda match: f"<b>{match[1]}</b>", text)
        text = re.sub(CODE, self.code, text)
        # A percent sign keeps Doxygen from making a link to our namespace, of the name of Python's module too. In the
        # headings of sections, Doxygen makes no links, and shows the sign.
        names = re.compile(r"(^##.*$)|(?<![\w./:])(?=concurrent(?:\.|::)futures\b(?!::))", re.MULTILINE)
        return names.sub(lambda match: match[1] or "%", text)

    def text(self):
        # Every second part is a block of code.
        parts = re.split(r"(^```.*?^```$)", self.path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        parts[::2] = [self.prose(part) for part in parts[::2]]
        return "".join(parts)


def main():
    directory = pathlib.Path(sys.argv[1])
    pages = [pathlib.Path(page).resolve() for page in sys.argv[2:]]
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.md"):
        old.unlink()
    for path in pages:
        (directory / path.name).write_text(Page(path, pages).text(), encoding="utf-8")


main()
