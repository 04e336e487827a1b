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
import pathlib
import shutil
import statistics
import subprocess
import sys
import tarfile

import run


def quietly(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(directory, revision, programs):
    """Builds the benchmarks as they are with the headers of a revision, or of the work tree if that is None."""
    source = directory / "source"
    shutil.rmtree(source, ignore_errors=True)
    for name in ("cmake", "benchmarks", "tests") if revision else ("cmake", "benchmarks", "tests", "include"):
        shutil.copytree(run.SOURCE / name, source / name)
    shutil.copy(run.SOURCE / "CMakeLists.txt", source)
    if revision:
        archive = subprocess.run(["git", "-C", run.SOURCE, "archive", revision, "include"], check=True, capture_output=True)
        tarfile.open(fileobj=io.BytesIO(archive.stdout)).extractall(source)
    run.build(source, directory / "build", *(f"benchmark_{name}" for name in programs), run=quietly)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", default=run.PROGRAMS)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=run.SOURCE / "build" / "compare")
    arguments = parser.parse_args()
    for program in arguments.programs:
        if program not in run.PROGRAMS:
            parser.error(f"{program}: not one of {', '.join(run.PROGRAMS)}")
    # A directory for each revision: the times of its files say nothing against those of another.
    commit = subprocess.run(["git", "-C", run.SOURCE, "rev-parse", "--short", arguments.revision + "^{commit}"], check=True,
                            capture_output=True, text=True).stdout.strip()
    directories = {"before": arguments.build / commit, "now": arguments.build / "now"}
    build(directories["before"], commit, arguments.programs)
    build(directories["now"], None, arguments.programs)
    options = ["--without-rivals", "--rounds", str(arguments.rounds)]
    worse = 0
    print(f'{"":<110} {"before":>9} {"now":>9} {"change":>7}  turns slower', flush=True)
    for program in arguments.programs:
        measured = collections.defaultdict(lambda: {side: [] for side in directories})
        for turn in range(arguments.turns):
            for side in sorted(directories, reverse=turn % 2 == 1):
                for each in run.figures_of([program], directories[side] / "build", options, run=quietly):
                    measured[f'{each["benchmark"]}: {each["contestant"]}', each["unit"]][side].append(each["median"])
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
