#!/usr/bin/env python3
"""What the library costs a user's build: the time to compile an #include of it, against that of the standard headers that
it needs; the code that a submit of one more callable adds, over a hundred different ones; and what a unit costs that
makes one pool and submits one task, against the same by std::async. All of it twice: where the library consists of headers,
and where it is compiled once. Exits with 1 if one of the second is above its goal, which the first can't reach.

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


def command(compiler, options, file):
    return [compiler, "-std=c++20", "-O2", *options, "-I", INCLUDE, "-c", file, "-o", file.with_suffix(".o")]


def seconds_to_compile(compiler, options, source, directory):
    file = directory / "source.cpp"
    file.write_text(source)
    process = subprocess.Popen(command(compiler, options, file))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{compiler} doesn't compile {source}")
    return usage.ru_utime + usage.ru_stime


def medians(compiler, units, directory):
    """`units` are pairs of options and a source."""
    seconds = [[] for _ in units]
    for _ in range(ROUNDS):
        for each, (options, source) in zip(seconds, units):
            each.append(seconds_to_compile(compiler, options, source, directory))
    return [statistics.median(each) for each in seconds]


def text_size(compiler, options, source, directory):
    file = directory / "size.cpp"
    file.write_text(source)
    subprocess.run(command(compiler, options, file), check=True)
    sizes = subprocess.run(["size", file.with_suffix(".o")], check=True, capture_output=True, text=True).stdout
    return int(sizes.splitlines()[1].split()[0])


def code_size(compiler, options, submits, directory):
    lines = "\n".join(f"    executor.submit([&value] {{ return value + {i}; }});" for i in range(submits))
    return text_size(compiler, options, "#include <concurrent/futures.hpp>\n"
                     "void use(concurrent::futures::thread_pool_executor<>& executor, int& value) {\n"
                     "    executor.submit([&value] { return value - 1; });\n" + lines + "\n}\n", directory)


def report(text, value, unit, goal):
    """Prints a value, and returns whether the goal is reached."""
    reached = value <= goal
    shown = f"{value:.2f}" if unit == "times" else f"{value:.0f}"
    print(f"  {text}: {shown} {unit} (at most {goal}: {'reached' if reached else 'MISSED'})")
    return reached


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "c++"
    ways = {"headers only": [], "compiled once": ["-DCONCURRENT_FUTURES_COMPILED"]}
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        units = [([], standard_headers()), ([], ONE_ASYNC)]
        for options in ways.values():
            units += [(options, "#include <concurrent/futures.hpp>\n"), (options, ONE_SUBMIT)]
        standard, one_async, *seconds = medians(compiler, units, directory)
        print(f"the standard headers that the library needs: {standard:.2f} s, one std::async: {one_async:.2f} s")
        for way, options in ways.items():
            ours, one_submit, *seconds = seconds
            size = text_size(compiler, options, ONE_SUBMIT, directory)
            each = (code_size(compiler, options, 100, directory) - code_size(compiler, options, 0, directory)) / 100
            print(f"{way}: including the header {ours:.2f} s, one pool and one submit {one_submit:.2f} s")
            reached = [
                report("the header, to the standard headers", ours / standard, "times", 1.5),
                report("one pool and one submit, to one std::async", one_submit / one_async, "times", 1.5),
                report("code of one pool and one submit", size, "bytes", 25600),
                report("code of a submit of one more callable", each, "bytes", 2048),
            ]
    sys.exit(0 if all(reached) else 1)


main()
