"""parse.py FILE...: each is what Python can parse: a Conan recipe, or one of Bazel's files, whose language is a part of
Python's."""

import ast
import pathlib
import sys

for name in sys.argv[1:]:
    ast.parse(pathlib.Path(name).read_text(encoding="utf-8"), name)
