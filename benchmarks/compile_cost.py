#!/usr/bin/env python3
"""What the header costs a user's build: the time to compile an #include of it, against that of the standard headers that
it needs; the code that a submit of one more callable adds, over a hundred different ones; and what a unit costs that
makes one pool and submits one task, against the same by std::async. Exits with 1 if one is above its goal.

Times are seconds of CPU, of user and system. The units take turns, so that all meet the same load, and the median of their
rounds counts.

    benchmarks/compile_cost.py [COMPILER]
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / "include"
ROUNDS = 7


def standard_headers():
    """Those that are always included: the single header names them first, and leaves where they are those in an #if."""
    text = (INCLUDE.parent / "single_include" / "concurrent_futures.hpp").read_text()
    return "".join(re.findall(r"^#include <[a-z_]+>\n", text.split("\n// ---", 1)[0], re.MULTILINE))


ONE_SUBMIT = """\
#include <concurrent/futures.hpp>
#include <cstdio>
int main() {
    concurrent::futures::thread_pool_executor executor(2);
    std::printf("%d\\n", executor.submit([](int x) { return 2 * x; }, 21).result());
}
"""

ONE_ASYNC = """\
#include <future>
#include <cstdio>
int main() {
    std::printf("%d\\n", std::async([](int x) { return 2 * x; }, 21).get());
}
"""


def seconds_to_compile(compiler, source, directory):
    file = directory / "source.cpp"
    file.write_text(source)
    process = subprocess.Popen(
        [compiler, "-std=c++20", "-O2", "-I", INCLUDE, "-c", file, "-o", directory / "source.o"]
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{compiler} doesn't compile {source}")
    return usage.ru_utime + usage.ru_stime


def medians(compiler, sources, directory):
    seconds = [[] for _ in sources]
    for _ in range(ROUNDS):
        for each, source in zip(seconds, sources):
            each.append(seconds_to_compile(compiler, source, directory))
    return [statistics.median(each) for each in seconds]


def text_size(file):
    sizes = subprocess.run(["size", file], check=True, capture_output=True, text=True).stdout
    return int(sizes.splitlines()[1].split()[0])


def code_size(compiler, submits, directory):
    lines = "\n".join(f"    executor.submit([&value] {{ return value + {i}; }});" for i in range(submits))
    file = directory / "size.cpp"
    file.write_text("#include <concurrent/futures.hpp>\n"
                    "void use(concurrent::futures::thread_pool_executor<>& executor, int& value) {\n"
                    "    executor.submit([&value] { return value - 1; });\n" + lines + "\n}\n")
    subprocess.run([compiler, "-std=c++20", "-O2", "-I", INCLUDE, "-c", file, "-o", directory / "size.o"], check=True)
    return text_size(directory / "size.o")


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "c++"
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        standard, ours, one_async, one_submit = medians(
            compiler, [standard_headers(), "#include <concurrent/futures.hpp>\n", ONE_ASYNC, ONE_SUBMIT], directory
        )
        size = text_size(directory / "source.o")  # of the last, ONE_SUBMIT
        ratio = ours / standard
        print(f"including the header: {ours:.2f} s, the standard headers that it needs: {standard:.2f} s, "
              f"ratio {ratio:.2f} (goal: at most 1.50)")
        each = (code_size(compiler, 100, directory) - code_size(compiler, 0, directory)) / 100
        print(f"code of a submit of one more callable: {each:.0f} bytes (goal: at most 2048)")
        one_ratio = one_submit / one_async
        print(f"one pool and one submit: {one_submit:.2f} s, the same by std::async: {one_async:.2f} s, "
              f"ratio {one_ratio:.2f} (goal: at most 1.50)")
        print(f"text of one pool and one submit: {size} bytes (goal: at most 25600)")
        sys.exit(0 if ratio <= 1.5 and each <= 2048 and one_ratio <= 1.5 and size <= 25600 else 1)


main()
