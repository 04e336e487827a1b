"""layers.py INCLUDE: no header of the library includes one of a layer above its own, or of a layer beside it.

A header's layer is its folder. The folders `state` and `future` know nothing of `queue` and `pool`, and the other way
round: `task` connects them.
"""

import pathlib
import re
import sys

# From the lowest to the highest. What lies beside the folders is known to all but `platform` and `sync`.
LAYERS = ["platform", "sync", "", "queue", "pool", "state", "future", "task", "algorithm", "executor"]
SIBLINGS = [{"queue", "pool"}, {"state", "future"}]


def layer_of(name):
    parts = pathlib.PurePosixPath(name).parts
    return parts[2] if len(parts) == 4 else ""


def is_allowed(above, below):
    for siblings in SIBLINGS:
        if (above in siblings) != (below in siblings) and {above, below} <= set().union(*SIBLINGS):
            return False
    return LAYERS.index(below) <= LAYERS.index(above)


for above, below in [("state", "pool"), ("pool", "future"), ("queue", "pool"), ("sync", "task"), ("", "state")]:
    if is_allowed(above, below):
        sys.exit(f"{above} must not know {below}")

include = pathlib.Path(sys.argv[1])
checked = 0
wrong = []
for header in sorted((include / "concurrent" / "futures").rglob("*.hpp")):
    name = header.relative_to(include).as_posix()
    for included in re.findall(r"^#include <(concurrent/futures/\S+)>", header.read_text(encoding="utf-8"), re.MULTILINE):
        checked += 1
        if not is_allowed(layer_of(name), layer_of(included)):
            wrong.append(f"{name} includes {included}")
if checked < 50:
    sys.exit(f"only {checked} inclusions were found")
if wrong:
    sys.exit("\n".join(wrong))
