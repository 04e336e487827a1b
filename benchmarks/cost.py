#!/usr/bin/env python3
"""Counts what a task costs, in instructions (by callgrind) and in atomic read-modify-writes, for the works of cost.cpp,
and compares that with the table of docs/performance.md. Exits with 1 if a count has grown by more than 3 %. Counts don't
drift from hour to hour, as times do.

    benchmarks/cost.py [--write] INSTRUCTIONS READ_MODIFY_WRITES

The arguments are the two programs that CMake builds of cost.cpp. `--write` puts the counts into the table.
"""

import argparse
import re
import shutil
import subprocess
import sys

import counts

TITLES = ["what one costs, on one thread", "instructions", "read-modify-writes"]
WORKS = {
    "submit_and_get": "a submit from outside, its run and its result",
    "spawn_and_join": "a submit in a task, and its result",
    "then_and_get": "a submit in a task, a `then` of it, and the result of that",
    "gather_and_get": "a submit in a task, its part of a `gather` of 100, and that one's result",
    "invoke": "`invoke` of two callables in a task",
    "for_each": "an element of `for_each` in a task",
    "map": "an element of `map` with `auto_chunksize` in a task",
}
TIMES = 20_000


def instructions(program, work, times):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, work, str(times)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(re.search(r"refs:\s+([\d,]+)", result.stderr)[1].replace(",", ""))


def read_modify_writes(program, work, times):
    return int(subprocess.run([program, work, str(times)], check=True, capture_output=True, text=True).stdout)


def per_time(count, program, work):
    """What the start of the program costs is in both counts, and not in their difference."""
    return (count(program, work, 2 * TIMES) - count(program, work, TIMES)) / TIMES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("instructions")
    parser.add_argument("read_modify_writes")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("there is no valgrind (Debian: valgrind)")
    measured = {}
    rows = []
    for work, text in WORKS.items():
        measured[text] = (per_time(instructions, arguments.instructions, work),
                          per_time(read_modify_writes, arguments.read_modify_writes, work))
        rows.append([text, f"{measured[text][0]:.1f}", f"{max(measured[text][1], 0):.2f}"])
        print(" | ".join(rows[-1]))
    if arguments.write:
        counts.write(TITLES, rows)
    elif grown := counts.grown(TITLES, measured):
        sys.exit("grown by more than 3 %:\n" + "\n".join(grown))


main()
