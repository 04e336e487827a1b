#!/usr/bin/env python3
"""What the header costs a user's build: the time to compile an #include of it, against that of the standard headers that
it needs; and the code that a submit of one more callable adds, over a hundred different ones. Exits with 1 if
one is above its goal.

    benchmarks/compile_cost.py [COMPILER]
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / "include"
ROUNDS = 7


def standard_headers():
    """Those that are always included: the single header names them first, and leaves where they are those in an #if."""
    text = (INCLUDE.parent / "single_include" / "concurrent_futures.hpp").read_text()
    return "".join(re.findall(r"^#include <[a-z_]+>\n", text.split("\n// ---", 1)[0], re.MULTILINE))


def seconds_to_compile(compiler, source, directory):
    file = directory / "source.cpp"
    file.write_text(source)
    start = time.monotonic()
    subprocess.run([compiler, "-std=c++20", "-O2", "-I", INCLUDE, "-c", file, "-o", directory / "source.o"], check=True)
    return time.monotonic() - start


def code_size(compiler, submits, directory):
    lines = "\n".join(f"    executor.submit([&value] {{ return value + {i}; }});" for i in range(submits))
    file = directory / "size.cpp"
    file.write_text("#include <concurrent/futures.hpp>\n"
                    "void use(concurrent::futures::thread_pool_executor<>& executor, int& value) {\n"
                    "    executor.submit([&value] { return value - 1; });\n" + lines + "\n}\n")
    subprocess.run([compiler, "-std=c++20", "-O2", "-I", INCLUDE, "-c", file, "-o", directory / "size.o"], check=True)
    sizes = subprocess.run(["size", directory / "size.o"], check=True, capture_output=True, text=True).stdout
    return int(sizes.splitlines()[1].split()[0])


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "c++"
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        ours, standard = [], []
        for _ in range(ROUNDS):
            standard.append(seconds_to_compile(compiler, standard_headers(), directory))
            ours.append(seconds_to_compile(compiler, "#include <concurrent/futures.hpp>\n", directory))
        ratio = statistics.median(ours) / statistics.median(standard)
        print(f"including the header: {statistics.median(ours):.2f} s, the standard headers that it needs: "
              f"{statistics.median(standard):.2f} s, ratio {ratio:.2f} (goal: at most 1.50)")
        each = (code_size(compiler, 100, directory) - code_size(compiler, 0, directory)) / 100
        print(f"code of a submit of one more callable: {each:.0f} bytes (goal: at most 2048)")
        sys.exit(0 if ratio <= 1.5 and each <= 2048 else 1)


main()
