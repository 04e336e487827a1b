#!/usr/bin/env python3
"""Builds and runs all benchmarks, prints their tables and which goals were reached, and draws the pictures of
README.md and docs/performance.md and writes the latter's table. Exits with 1 if a goal was missed.

    benchmarks/run.py [--build DIRECTORY] [--rounds N] [--draw docs]

Needs what benchmarks/CMakeLists.txt asks for; rivals that are not installed are left out.
"""

import argparse
import html
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ["submit_get", "round_trip", "producers", "fibonacci", "map", "completion", "sleepers", "scaling"]

# What the picture shows: benchmark, as the programs name it, and its caption.
SHOWN = {
    "submit 200,000 tasks, then take each result": "submit 200,000 tasks and take each result",
    "round trip, hot": "one submit, one result, repeated",
    "4 producers": "4 threads submit at once",
    "Fibonacci(30) by tasks that wait for tasks": "Fibonacci(30) by tasks that wait for tasks",
}

# What the picture of scaling shows, with a colour for each.
SCALING = {
    "scaling of Fibonacci(27) by tasks": "#1a7f37",
    "scaling of a map of 20,000 elements": "#0969da",
}


def run(command):
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(command, check=True)


def measure(build, rounds):
    """Returns the figures, and the goals as pairs of what was to be reached and whether it was."""
    run(["cmake", "-S", SOURCE, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O3",
         "-DCONCURRENT_FUTURES_BUILD_BENCHMARKS=ON", "-DCONCURRENT_FUTURES_BUILD_TESTS=OFF",
         "-DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF"])
    run(["cmake", "--build", build, "-j", "2"])
    file = build / "figures.json"
    file.unlink(missing_ok=True)
    for program in PROGRAMS:
        run([build / "benchmarks" / f"benchmark_{program}", "--rounds", str(rounds), "--json", file])
    figures = [json.loads(line) for line in file.read_text().splitlines()]
    goals = [(f'{each["benchmark"]}: {each["contestant"]}, {each["verdict"]}', each["verdict"].endswith("reached"))
             for each in figures if each["verdict"]]
    for name, command in {
            "an idle pool never wakes": [build / "benchmarks" / "benchmark_idle"],
            "the cost to compile": [sys.executable, SOURCE / "benchmarks" / "compile_cost.py"]}.items():
        print("$", " ".join(map(str, command)), flush=True)
        goals.append((name, subprocess.run(command).returncode == 0))
    return figures, goals


def svg(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12" fill="#1f2328">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def draw(figures, file):
    """A bar for each contestant, as long as its median is in proportion to ours, up to a limit."""
    width, label, longest, row = 860, 330, 400, 20
    parts = []
    y = 10
    for benchmark, caption in SHOWN.items():
        contestants = [each for each in figures if each["benchmark"] == benchmark]
        if not contestants:
            continue
        contestants.sort(key=lambda each: each["median"])
        parts.append(f'<text x="10" y="{y + 15}" font-weight="bold">{html.escape(caption)}</text>')
        y += row + 4
        most = max(each["median"] for each in contestants)
        for each in contestants:
            length = max(1, longest * each["median"] / most)
            ours = each["contestant"].startswith("concurrent::futures")
            colour = "#1a7f37" if ours else "#8c959f"
            parts.append(f'<text x="{label - 8}" y="{y + 14}" text-anchor="end">{html.escape(each["contestant"])}</text>')
            parts.append(f'<rect x="{label}" y="{y + 2}" width="{length:.1f}" height="{row - 5}" fill="{colour}"/>')
            parts.append(f'<text x="{label + length + 6:.1f}" y="{y + 14}">{each["median"]:,.0f} {html.escape(each["unit"])}</text>')
            y += row
        y += 14
    file.write_text(svg(width, y, parts))


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
    """How much faster the same work is on more workers than on one, and a grey line for the ideal."""
    width, height, left, bottom = 480, 300, 50, 250
    speeds = {}
    for benchmark in SCALING:
        medians = [each["median"] for each in figures if each["benchmark"] == benchmark]
        speeds[benchmark] = [medians[0] / each for each in medians]
    workers = max(map(len, speeds.values()))
    def x(number):
        return left + 400 * (number - 1) / max(1, workers - 1)
    def y(speed):
        return bottom - 220 * speed / workers
    parts = []
    for number in range(1, workers + 1):
        parts.append(f'<text x="{x(number):.1f}" y="{bottom + 18}" text-anchor="middle">{number}</text>')
        parts.append(f'<text x="{left - 14}" y="{y(number) + 4:.1f}" text-anchor="end">{number}</text>')
        parts.append(f'<line x1="{left}" y1="{y(number):.1f}" x2="{left + 400}" y2="{y(number):.1f}" stroke="#d0d7de"/>')
    processors = min(len(os.sched_getaffinity(0)), workers)
    ideal = f'{x(1):.1f},{y(1):.1f} {x(processors):.1f},{y(processors):.1f} {x(workers):.1f},{y(processors):.1f}'
    parts.append(f'<polyline points="{ideal}" fill="none" stroke="#8c959f" stroke-dasharray="4"/>')
    for row, (benchmark, colour) in enumerate(SCALING.items()):
        points = " ".join(f"{x(i + 1):.1f},{y(speed):.1f}" for i, speed in enumerate(speeds[benchmark]))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{left + 10}" y="{20 + 16 * row}" fill="{colour}">{html.escape(benchmark)}</text>')
    parts.append(f'<text x="{left + 200}" y="{height - 10}" text-anchor="middle">workers (speed, one worker = 1; '
                 f'dashed: ideal on {processors} processors)</text>')
    file.write_text(svg(width, height, parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "benchmarks")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--draw", type=pathlib.Path, metavar="DIRECTORY")
    arguments = parser.parse_args()
    figures, goals = measure(arguments.build, arguments.rounds)
    if arguments.draw:
        draw(figures, arguments.draw / "performance.svg")
        draw_scaling(figures, arguments.draw / "scaling.svg")
        write_table(figures, arguments.draw / "performance.md")
    missed = [name for name, reached in goals if not reached]
    print(f"{len(goals) - len(missed)} of {len(goals)} goals reached" + "".join(f"\n  missed: {name}" for name in missed))
    sys.exit(1 if missed else 0)


main()
