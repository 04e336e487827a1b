#!/usr/bin/env python3
"""Makes single_include/concurrent_futures.hpp of the headers in include/.

    cmake/amalgamate.py          writes it
    cmake/amalgamate.py --check  fails if it isn't what would be written

What it writes depends on the sources alone.
"""

import pathlib
import re
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = PROJECT / "include"
ROOT = "concurrent/futures.hpp"
OUTPUT = PROJECT / "single_include" / "concurrent_futures.hpp"
GUARD = "CONCURRENT_FUTURES_HPP"

BANNER = f"""\
// concurrent::futures {{version}}: Python's concurrent.futures for C++20, in a single header.
//
// {{copyright}}
// SPDX-License-Identifier: MIT
//
// Made by cmake/amalgamate.py of the headers in include/: change those.
//
// A program may use this header and <{ROOT}>, even in one translation unit. But a translation
// unit that includes this must not include one of the headers under concurrent/futures/ by itself.

#pragma once
"""


class Amalgamation:
    def __init__(self):
        self.system_headers = set()
        self.parts = []
        self.seen = set()

    def add(self, name):
        """Appends the header `name`, after those that it includes."""
        if name in self.seen:
            return
        self.seen.add(name)
        kept = []
        begins = 0  # what stands before the first of the library's headers stays before them, in the umbrella
        depth = 0  # in how many #if we are; what is included there stays where it is
        for line in self.lines_of(name):
            directive = re.match(r"#\s*(\w+)", line)
            keyword = directive.group(1) if directive else ""
            depth += keyword.startswith("if") - (keyword == "endif")
            included = re.match(r"#\s*include\s+([<\"])([^>\"]+)", line)
            if not included:
                kept.append(line)
            elif included.group(1) == '"':
                sys.exit(f"{name}: {line}: include by <>")
            elif included.group(2).startswith("concurrent/"):
                if depth:
                    sys.exit(f"{name}: {line}: no header of the library can be included in an #if")
                if name == ROOT and not begins:
                    begins = len(kept)
                    self.begin = self.tidy(kept)
                self.add(included.group(2))
            elif depth:
                kept.append(line)
            else:
                self.system_headers.add(included.group(2))
        self.parts.append(f"// {name}\n\n{self.tidy(kept[begins:])}\n")

    @staticmethod
    def tidy(lines):
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")

    @staticmethod
    def lines_of(name):
        """The lines between the header's guards."""
        lines = (INCLUDE / name).read_text(encoding="utf-8").splitlines()
        lines.remove("#pragma once")
        lines.remove("// SPDX-License-Identifier: MIT")
        if name == ROOT:
            guard = [index for index, line in enumerate(lines) if GUARD in line]
            if len(guard) != 3 or not lines[guard[2]].startswith("#endif"):
                sys.exit(f"{name}: it needs an include guard {GUARD}")
            lines = lines[guard[1] + 1 : guard[2]]
        return lines

    def text(self):
        self.add(ROOT)
        rule = "// " + "-" * 100 + "\n"
        includes = "".join(f"#include <{header}>\n" for header in sorted(self.system_headers))
        return "\n".join(
            [
                banner(),
                f"#ifndef {GUARD}\n#define {GUARD}\n",
                includes,
                f"{self.begin}\n",
                *(rule + part for part in self.parts),
                f"#endif  // {GUARD}\n",
            ]
        )


def banner():
    version = re.search(r"\n\s*VERSION (\S+)", (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
    copyright = re.search(r"Copyright.*", (PROJECT / "LICENSE").read_text(encoding="utf-8")).group(0)
    return BANNER.format(version=version, copyright=copyright)


def main():
    text = Amalgamation().text()
    if sys.argv[1:] == ["--check"]:
        if not OUTPUT.exists() or OUTPUT.read_text(encoding="utf-8") != text:
            sys.exit(f"{OUTPUT.relative_to(PROJECT)} is out of date; run: python3 cmake/amalgamate.py")
    elif not sys.argv[1:]:
        OUTPUT.parent.mkdir(exist_ok=True)
        OUTPUT.write_text(text, encoding="utf-8")
    else:
        sys.exit(__doc__)


main()
