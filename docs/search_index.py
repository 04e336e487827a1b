#!/usr/bin/env python3
"""Writes what the search of a built site looks through: search_index.js, with each section of its pages.

    docs/search_index.py DIRECTORY
"""

import html
import json
import pathlib
import re
import sys

# Lists that Doxygen makes: what they have stands on other pages too.
LISTS = re.compile("annotated|classes|concepts|dir_.*|functions.*|hierarchy|namespace(concurrent|members.*)|pages|search|"
                   ".*-members")
HEADING = re.compile(r'<(?:h[1-4]|div class="title")[^>]*>(.*?)</(?:h[1-4]|div)>', re.DOTALL)


def plain(text):
    text = re.sub(r'<span class="permalink">.*?</span>|<div class="summary">.*?</div>', "", text, flags=re.DOTALL)
    text = re.sub(r"</?(?:br|d[dtl]|div|li|p|t[dhr])\b[^>]*>", " ", text)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def sections(path):
    # Each heading comes between what is before it, where Doxygen may put its id, and its text.
    before, *parts = HEADING.split(path.read_text(encoding="utf-8").split("<footer>")[0])
    page = plain(parts[0])
    found = []
    address = path.name
    for heading, text in zip(parts[::2], parts[1::2]):
        ids = re.findall(r'\bid="([^"]*)"', before + heading)
        address = f"{path.name}#{ids[-1]}" if ids else address
        before = text
        if plain(heading) == "Detailed Description":
            found[-1]["text"] = plain(text)
        elif not found:
            found.append({"page": page, "heading": page, "address": path.name, "text": plain(text)})
        elif plain(text):
            found.append({"page": page, "heading": plain(heading), "address": address, "text": plain(text)})
    return found


def main():
    site = pathlib.Path(sys.argv[1])
    pages = [path for path in sorted(site.glob("*.html")) if not LISTS.fullmatch(path.stem)]
    index = [section for path in pages for section in sections(path)]
    (site / "search_index.js").write_text(f"const sections = {json.dumps(index, indent=0)};\n", encoding="utf-8")


main()
