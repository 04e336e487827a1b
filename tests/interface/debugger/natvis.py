"""natvis.py INCLUDE: Visual Studio's visualizers are XML, and speak of types and members that the headers have."""

import pathlib
import re
import sys
import xml.etree.ElementTree

NAMESPACE = "{http://schemas.microsoft.com/vstudio/debugger/natvis/2010}"

include = pathlib.Path(sys.argv[1])
headers = "\n".join(path.read_text(encoding="utf-8") for path in include.rglob("*.hpp"))
visualizers = xml.etree.ElementTree.parse(include / "concurrent/futures/debugger/concurrent_futures.natvis")

members = set()
types = set()
for node in visualizers.iter():
    if node.tag == NAMESPACE + "Type":
        types.add(node.get("Name"))
    for text in [node.text or "", *(value for name, value in node.attrib.items() if name != "Name")]:
        members.update(re.findall(r"\b[a-z]\w*_\b", text))

missing = [name for name in members if not re.search(rf"\b{name}(?: = [^;]*|\{{[^;]*)?;", headers)]
for name in types:
    plain = re.fullmatch(r"((?:\w+::)+)(\w+)(?:<\*>)?", name)
    namespace = plain.group(1).removesuffix("::")
    opened = namespace.removesuffix("::detail")
    if not re.search(rf"^class {plain.group(2)}\b[^;]*{{$", headers, re.MULTILINE):
        missing.append(name)
    if f"namespace {opened.replace('::v', ' { inline namespace v')} {{" not in headers:
        missing.append(opened)
if len(types) < 5 or len(members) < 8:
    sys.exit(f"there is less in it than there should be: {sorted(types)}, {sorted(members)}")
if missing:
    sys.exit(f"the headers have no {', '.join(sorted(set(missing)))}")
