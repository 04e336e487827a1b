#!/usr/bin/env python3
"""Builds and runs all benchmarks, prints their tables, and draws the README's picture.

    benchmarks/run.py [--build DIRECTORY] [--rounds N] [--svg FILE]

Needs what benchmarks/CMakeLists.txt asks for; rivals that are not installed are left out.
"""

import argparse
import html
import json
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


def run(command):
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(command, check=True)


def measure(build, rounds):
    run(["cmake", "-S", SOURCE, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O3",
         "-DCONCURRENT_FUTURES_BUILD_BENCHMARKS=ON", "-DCONCURRENT_FUTURES_BUILD_TESTS=OFF",
         "-DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF"])
    run(["cmake", "--build", build, "-j", "2"])
    figures = build / "figures.json"
    figures.unlink(missing_ok=True)
    for program in PROGRAMS:
        run([build / "benchmarks" / f"benchmark_{program}", "--rounds", str(rounds), "--json", figures])
    run([build / "benchmarks" / "benchmark_idle"])
    run([sys.executable, SOURCE / "benchmarks" / "compile_cost.py"])
    return [json.loads(line) for line in figures.read_text().splitlines()]


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
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        f'font-family="sans-serif" font-size="12" fill="#1f2328">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(parts) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "benchmarks")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--svg", type=pathlib.Path)
    arguments = parser.parse_args()
    figures = measure(arguments.build, arguments.rounds)
    if arguments.svg:
        draw(figures, arguments.svg)


main()
