#!/usr/bin/env python3
"""Makes of Markdown that GitHub shows pages for Doxygen.

    docs/pages.py DIRECTORY PAGE.md...  writes them into DIRECTORY

Headings get the anchors that GitHub gives them, links between the pages become links between the site's, and links to
what isn't a page become plain text. In the reference, names become links to their descriptions.
"""

import pathlib
import re
import sys


def page_name(path):
    return "index" if path.stem == "README" else path.stem


def slug(title):
    """GitHub's anchor of a heading."""
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).strip().replace(" ", "-")


class Page:
    def __init__(self, path, pages):
        self.path = path
        self.name = page_name(path)
        self.pages = pages

    def heading(self, match):
        level, title = match.groups()
        if level == "#" and self.name == "index":
            return match.group(0)
        label = self.name if level == "#" else f"{self.name}-{slug(title)}"
        return f"{level} {title} {{#{label}}}"

    def link(self, match):
        text, target = match.groups()
        file, _, anchor = target.partition("#")
        if "://" in file:
            return match.group(0)
        path = (self.path.parent / file).resolve() if file else self.path
        if path not in self.pages:
            return text
        name = page_name(path)
        return f"[{text}]({name}.html" + (f"#{name}-{anchor})" if anchor else ")")

    def image(self, match):
        text, target = match.groups()
        return f'<img src="{pathlib.Path(target).name}" alt="{text}"/>'

    def prose(self, text):
        text = re.sub(r"^(#+) (.*)$", self.heading, text, flags=re.MULTILINE)
        text = re.sub(r"!\[([^]]*)\]\(([^)]*)\)", self.image, text)
        text = re.sub(r"(?<!!)\[([^]]*)\]\(([^)]*)\)", self.link, text)
        if self.name == "reference":
            text = re.sub(r"`(\w+)(?:\(\))?`", r'\\ref concurrent::futures::\1 "\1"', text)
        return re.sub(r"<!--.*?-->\n*", "", text, flags=re.DOTALL)

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
