#!/usr/bin/env python3
"""Builds the benchmarks twice, with the headers as they are and with those of another revision, runs both by turns,
and prints how much longer each takes now. Exits with 1 if something takes more than --tolerance percent longer and
most turns agree.

    benchmarks/compare.py REVISION [--turns N] [--rounds N] [--tolerance PERCENT] [--build DIRECTORY] [PROGRAM ...]

A program is named as in run.py; all of them is the default. The rivals are left out. The machine must be idle, but
what it does meanwhile befalls both alike, as each turn runs both, now the one first and now the other.
"""

import argparse
import collections
import io
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tarfile

from run import PROGRAMS, SOURCE


def build(directory, revision, programs):
    """Builds the benchmarks as they are with the headers of a revision, or of the work tree if that is None."""
    source = directory / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name in ("CMakeLists.txt", "cmake", "benchmarks", "tests", "include"):
        if name == "include" and revision is not None:
            archive = subprocess.run(["git", "-C", SOURCE, "archive", revision, name], check=True, capture_output=True)
            tarfile.open(fileobj=io.BytesIO(archive.stdout)).extractall(source)
        elif (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, source / name)
        else:
            shutil.copy(SOURCE / name, source / name)
    subprocess.run(["cmake", "-S", source, "-B", directory / "build", "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_CXX_FLAGS=-O3", "-DCONCURRENT_FUTURES_BUILD_BENCHMARKS=ON",
                    "-DCONCURRENT_FUTURES_BUILD_TESTS=OFF", "-DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", directory / "build", "-j", "2", "--target",
                    *(f"benchmark_{name}" for name in programs)], check=True, stdout=subprocess.DEVNULL)


def measure(directory, program, rounds):
    """Yields what was measured, its unit and the median."""
    figures = directory / "figures.json"
    figures.unlink(missing_ok=True)
    subprocess.run([directory / "build" / "benchmarks" / f"benchmark_{program}", "--without-rivals", "--rounds",
                    str(rounds), "--json", figures], check=True, stdout=subprocess.DEVNULL)
    for line in figures.read_text().splitlines():
        each = json.loads(line)
        yield f'{each["benchmark"]}: {each["contestant"]}', each["unit"], each["median"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", default=PROGRAMS)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "compare")
    arguments = parser.parse_args()
    # A directory for each revision: the times of its files say nothing against those of another.
    commit = subprocess.run(["git", "-C", SOURCE, "rev-parse", "--short", arguments.revision + "^{commit}"], check=True,
                            capture_output=True, text=True).stdout.strip()
    directories = {"before": arguments.build / commit, "now": arguments.build / "now"}
    build(directories["before"], commit, arguments.programs)
    build(directories["now"], None, arguments.programs)
    worse = 0
    print(f'{"":<110} {"before":>9} {"now":>9} {"change":>7}  turns slower', flush=True)
    for program in arguments.programs:
        measured = collections.defaultdict(lambda: {side: [] for side in directories})
        for turn in range(arguments.turns):
            for side in sorted(directories, reverse=turn % 2 == 1):
                for what, unit, median in measure(directories[side], program, arguments.rounds):
                    measured[what, unit][side].append(median)
        for (what, unit), times in measured.items():
            before, now = statistics.median(times["before"]), statistics.median(times["now"])
            change = 100 * (now / before - 1)
            slower = sum(b < n for b, n in zip(times["before"], times["now"]))
            too_slow = unit != "%" and change > arguments.tolerance and slower > 0.75 * arguments.turns
            worse += too_slow
            print(f"{what:<110} {before:9.1f} {now:9.1f} {change:+6.1f}%  {slower} of {arguments.turns}"
                  f'{"  SLOWER" if too_slow else ""}', flush=True)
    sys.exit(1 if worse else 0)


main()
