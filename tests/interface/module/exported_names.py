"""exported_names.py INCLUDE: the module exports every name that the headers declare in concurrent::futures, and no other.

It reads the headers as clang-format lays them out: what is declared in a namespace begins at the line's begin.
"""

import pathlib
import re
import sys

PUBLIC = re.compile(r"namespace concurrent::futures { inline namespace v\d+_\d+ {")
DECLARATION = re.compile(
    r"""(?:class|struct|enum\ class)\ (?:\[\[.*?\]\]\ )?(?P<type>\w+)
      | (?:concept|using)\ (?P<named>\w+)\ =
      | inline\ constexpr\ (?:const\ )?\w+&?\ (?P<constant>\w+)\ =
      | (?:\[\[nodiscard\]\]\ )?[\w:]+[^()=]*[ &](?P<function>operator[^(\s]+|\w+)\(""",
    re.VERBOSE,
)


def public_names(header):
    namespaces = []
    for line in header.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"namespace .* {", line):
            namespaces.append(line)
        elif re.match(r"}+  // namespace", line):
            namespaces.pop()
        elif len(namespaces) == 1 and PUBLIC.fullmatch(namespaces[0]):
            if declared := DECLARATION.match(line):
                yield next(name for name in declared.groups() if name)


include = pathlib.Path(sys.argv[1])
declared = {name for header in include.rglob("*.hpp") for name in public_names(header)}
module = (include / "concurrent" / "futures.cppm").read_text(encoding="utf-8")
exported = set(re.findall(r"^using concurrent::futures::(\S+);$", module, re.MULTILINE))
if len(declared) < 30:
    sys.exit(f"only {sorted(declared)} were found in the headers")
if declared != exported:
    sys.exit(f"not exported: {sorted(declared - exported)}; exported, but not declared: {sorted(exported - declared)}")
