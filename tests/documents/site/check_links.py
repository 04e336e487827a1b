#!/usr/bin/env python3
"""Checks that every internal link of a built site leads somewhere.

    tests/documents/site/check_links.py DIRECTORY

Each href and src must be a file of the site, and each #anchor an id in it; so must be what the search finds. Also, each
page must fit phones: it has a viewport, and no id twice.
"""

import html.parser
import json
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links = []
        self.ids = []
        self.has_viewport = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "meta" and attributes.get("name") == "viewport":
            self.has_viewport = True
        if attributes.get("id"):
            self.ids.append(attributes["id"])
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.append(attributes[name])


def problems(site):
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: no pages"
    index = (site / "search_index.js").read_text(encoding="utf-8")
    found = json.loads(index[index.index("["):index.rindex("]") + 1])
    pages[site / "search.html"].links += [section["address"] for section in found]
    for path, page in pages.items():
        name = path.relative_to(site)
        if not page.has_viewport:
            yield f"{name}: no viewport"
        for each in sorted({each for each in page.ids if page.ids.count(each) > 1}):
            yield f"{name}: the id {each} more than once"
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                yield f"{name}: {link}: no such file"
            elif url.fragment and target in pages:
                if urllib.parse.unquote(url.fragment) not in pages[target].ids:
                    yield f"{name}: {link}: no such anchor"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(problems(pathlib.Path(sys.argv[1]).resolve()))
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
