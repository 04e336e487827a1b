#!/usr/bin/env python3
"""Builds and runs all benchmarks, prints their tables and which goals were reached, and draws the pictures of
README.md and docs/performance.md and writes the latter's table. Exits with 1 if a goal was missed.

    benchmarks/run.py [--build DIRECTORY] [--rounds N] [--brief] [--draw docs]

--brief does a small part of the work, once, only to see that everything runs. Its figures say nothing.

Needs what benchmarks/CMakeLists.txt asks for; rivals that are not installed are left out.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

from pictures import label, svg

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ["submit_get", "round_trip", "producers", "fibonacci", "skynet", "nqueens", "matmul", "map", "loops",
            "completion", "composition", "sleepers", "scaling", "limits"]

# What the picture shows: benchmark, as the programs name it, and its caption.
SHOWN = {
    "submit 200,000 tasks, then take each result": "Submit 200,000 tasks, take each result",
    "round trip, hot": "One submit, one result, repeated",
    "4 producers": "4 threads submit at once",
    "Fibonacci(30) by tasks that wait for tasks": "Fibonacci(30) by tasks that wait for tasks",
}

# Contestants whose names are too long for it.
SHORT = {
    "Asio thread_pool, packaged_task": "Asio thread_pool",
    "oneTBB task_arena::enqueue, packaged_task": "oneTBB enqueue",
    "oneTBB task_group::run, no future": "oneTBB, no future",
}

# What the picture of scaling shows, with a class of `pictures.STYLE` for each.
SCALING = {
    "scaling of Fibonacci(27) by tasks": "first",
    "scaling of a map of 20,000 elements": "second",
}


def run(command):
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(command, check=True)


def build(source, directory, *targets, run=run):
    """Builds the benchmarks of a source tree, or only the targets."""
    run(["cmake", "-S", source, "-B", directory, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O3",
         "-DCONCURRENT_FUTURES_BUILD_BENCHMARKS=ON", "-DCONCURRENT_FUTURES_BUILD_TESTS=OFF",
         "-DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF"])
    run(["cmake", "--build", directory, "-j", "2", *(["--target", *targets] if targets else [])])


def figures_of(programs, directory, options, run=run):
    """Runs programs that `build` has made, and returns their figures, a dictionary for each contestant."""
    file = directory / "figures.json"
    file.unlink(missing_ok=True)
    for program in programs:
        run([directory / "benchmarks" / f"benchmark_{program}", "--json", file, *options])
    return [json.loads(line) for line in file.read_text().splitlines()]


def measure(directory, options):
    """Returns the figures, and the goals as pairs of what was to be reached and whether it was."""
    build(SOURCE, directory)
    figures = figures_of(PROGRAMS, directory, options)
    goals = [(f'{each["benchmark"]}: {each["contestant"]}, {each["verdict"]}', each["verdict"].endswith("reached"))
             for each in figures if each["verdict"]]
    brief = [each for each in options if each == "--brief"]
    for name, command in {
            "an idle pool never wakes": [directory / "benchmarks" / "benchmark_idle", *brief],
            "the cost to compile": [sys.executable, SOURCE / "benchmarks" / "compile_cost.py"]}.items():
        print("$", " ".join(map(str, command)), flush=True)
        goals.append((name, subprocess.run(command).returncode == 0))
    return figures, goals


def draw(figures, file):
    """A bar for each contestant, in proportion to its time. That of std::async would dwarf the others: it is a text."""
    width, left, longest, row = 480, 160, 250, 21
    parts = [label(12, 24, "Time relative to concurrent::futures (shorter is better)", 'class="quiet"')]
    y = 38
    for benchmark, caption in SHOWN.items():
        contestants = [each for each in figures if each["benchmark"] == benchmark]
        if not contestants:
            continue
        contestants.sort(key=lambda each: each["median"])
        parts.append(label(12, y + 16, caption, 'class="caption"'))
        y += row + 3
        ours = next(each for each in contestants if each["contestant"] == "concurrent::futures")
        bars = [each for each in contestants if each["contestant"] != "std::async"]
        for each in contestants:
            ratio = each["median"] / ours["median"]
            value = f"{ratio:.1f}×" if ratio < 10 else f"{ratio:.0f}×"
            name = SHORT.get(each["contestant"], each["contestant"])
            parts.append(label(left - 8, y + 15, name, 'text-anchor="end"'))
            if each in bars:
                length = longest * each["median"] / bars[-1]["median"]
                kind = "first" if each is ours else "rival"
                parts.append(f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{length:.1f}" height="{row - 6}"/>')
                value = f'1× = {each["median"]:,.0f} {each["unit"]}' if each is ours else value
                parts.append(label(left + length + 6, y + 15, value))
            else:
                parts.append(label(left, y + 15, f"{value}, with a thread for each task", 'class="quiet"'))
            y += row
        y += 12
    file.write_text(svg(width, y, parts), encoding="utf-8")


def write_table(figures, file):
    """Puts the figures in the place of the table that is in a page."""
    rows = ["| work | contestant | median | ratio | goal |", "|---|---|---|---|---|"]
    first = None
    for each in figures:
        begins = first is None or each["benchmark"] != first["benchmark"]
        if begins:
            first = each
        rows.append(f'| {each["benchmark"] if begins else ""} | {each["contestant"]} | {each["median"]:,.1f} {each["unit"]} '
                    f'| {each["median"] / first["median"]:.2f} | {each["verdict"].removeprefix("goal: ").replace("MISSED", "**missed**")} |')
    page = file.read_text()
    before, rest = page.split(rows[0], 1)
    after = rest.split("\n\n", 1)[1]
    file.write_text(before + "\n".join(rows) + "\n\n" + after)


def draw_scaling(figures, file):
    """How much faster the same work is on more workers than on one, and a dashed line for the ideal."""
    width, height, left, bottom = 480, 330, 36, 280
    speeds = {}
    for benchmark in SCALING:
        medians = [each["median"] for each in figures if each["benchmark"] == benchmark]
        speeds[benchmark] = [medians[0] / each for each in medians]
    workers = max(map(len, speeds.values()))
    def x(number):
        return left + 420 * (number - 1) / max(1, workers - 1)
    def y(speed):
        return bottom - 240 * speed / workers
    def line(points, kind):
        places = " ".join(f"{x(number):.1f},{y(speed):.1f}" for number, speed in points)
        return f'<polyline class="{kind}" points="{places}"/>'
    parts = []
    for number in range(1, workers + 1):
        parts.append(label(x(number), bottom + 18, str(number), 'text-anchor="middle"'))
        parts.append(label(left - 12, y(number) + 5, str(number), 'text-anchor="end"'))
        parts.append(f'<line class="grid" x1="{left}" y1="{y(number):.1f}" x2="{left + 420}" y2="{y(number):.1f}"/>')
    processors = min(len(os.sched_getaffinity(0)), workers)
    parts.append(line([(1, 1), (processors, processors), (workers, processors)], "ideal"))
    for row, (benchmark, colour) in enumerate(SCALING.items()):
        parts.append(line(enumerate(speeds[benchmark], 1), f"line {colour}"))
        parts.append(label(left + 10, 65 + 20 * row, benchmark.removeprefix("scaling of "), f'class="{colour}"'))
    parts.append(label(12, 20, "Speed, that of one worker being 1", 'class="quiet"'))
    parts.append(label(left + 210, height - 10, f"workers (dashed: ideal on {processors} processors)",
                       'class="quiet" text-anchor="middle"'))
    file.write_text(svg(width, height, parts), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "benchmarks")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--draw", type=pathlib.Path, metavar="DIRECTORY")
    arguments = parser.parse_args()
    options = ["--brief"] if arguments.brief else ["--rounds", str(arguments.rounds)]
    figures, goals = measure(arguments.build, options)
    if arguments.draw:
        draw(figures, arguments.draw / "performance.svg")
        draw_scaling(figures, arguments.draw / "scaling.svg")
        write_table(figures, arguments.draw / "performance.md")
    missed = [name for name, reached in goals if not reached]
    print(f"{len(goals) - len(missed)} of {len(goals)} goals reached" + "".join(f"\n  missed: {name}" for name in missed))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
