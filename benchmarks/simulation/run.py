#!/usr/bin/env python3
"""Runs the library on simulated cores, and prints for each scenario and number of cores the tasks a second, the transfers of
cache lines a task, and the line that limits; then which goals were reached. Nothing of it depends on this machine.

    benchmarks/simulation/run.py [--real REAL] [--write] [--draw FILE] [--cores N...] SIMULATION

SIMULATION and REAL are the two programs that CMake builds of scenarios.cpp. `--real` also runs some scenarios on this machine, and
prints how far the simulation is off; nothing else should run meanwhile. `--write` puts the tables into docs/performance.md, and
`--draw` draws the speeds. `--check` does nothing but compare the transfers a task of some scenarios with the page; it exits with 1
if one has grown by more than 3 %.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import counts  # noqa: E402

CORES = [1, 2, 4, 8, 16, 32, 64, 128]
SCENARIOS = {
    "burst_from_one": "a burst of empty tasks from one thread",
    "burst_from_sixteen": "a burst of empty tasks from 16 threads",
    "one_in_flight": "one task at a time from each of half as many threads as cores",
    "map": "`map` of an empty function with chunks of one element",
    "fib": "Fibonacci(27) by tasks that wait for tasks",
    "skynet": "skynet, 10 children a task, 100,000 leaves",
    "wake": "a task of 50 µs for each worker of a sleeping pool",
}
SCALING = ["fib", "skynet"]
BURSTS = ["burst_from_one", "burst_from_sixteen"]

CHECKED = ["burst_from_one", "burst_from_sixteen", "one_in_flight", "fib", "skynet"]
CHECKED_CORES = [2, 8, 64]

CALIBRATED = ["burst_from_one", "fib", "skynet"]
CALIBRATED_CORES = [1, 2]
ROUNDS = 31

SPEEDS = ["millions of tasks a second on simulated cores", *map(str, CORES), "limits 64 cores"]
TRANSFERS = ["transfers of cache lines a task on simulated cores", *map(str, CHECKED_CORES)]
OFF = ["nanoseconds a task", "1 core, simulated", "1 core, real", "off", "2 cores, simulated", "2 cores, real", "off"]


class Result:
    def __init__(self, program, scenario, cores):
        output = subprocess.run([program, scenario, str(cores)], check=True, capture_output=True, text=True).stdout
        measured = json.loads(output)
        self.tasks = measured["tasks"]
        self.nanoseconds = measured["nanoseconds"] / self.tasks
        self.last_begin = measured["last_begin"]
        self.lines = measured["lines"]
        self.moves = sum(each["moves"] for each in self.lines) / self.tasks
        self.invalidations = sum(each["invalidations"] for each in self.lines) / self.tasks
        self.lost = sum(each["lost"] for each in self.lines) / self.tasks

    @property
    def transfers(self):
        return self.moves + self.invalidations

    @property
    def limit(self):
        return self.lines[0] if self.lines else None

    @property
    def most_moved(self):
        return max(self.lines, key=lambda each: each["most_moves"], default=None)


def print_scenario(scenario, results):
    print(f"\n{SCENARIOS[scenario]}")
    print(f"  {'cores':>5} {'tasks a second':>15} {'speed':>7} {'moves':>7} {'invalidations':>14}  limit: ns of all cores a task, "
          "and the line")
    first = next(iter(results.values()))
    for cores, result in results.items():
        limit = f'{result.limit["lost"] / result.tasks:9.1f}  {result.limit["name"]}' if result.limit else ""
        print(f"  {cores:5} {1e9 / result.nanoseconds:15,.0f} {first.nanoseconds / result.nanoseconds:7.2f} {result.moves:7.2f} "
              f"{result.invalidations:14.2f}  {limit}")
    if scenario == "wake":
        print("  the last worker began after " +
              ", ".join(f"{result.last_begin / 1000:.1f} µs ({cores})" for cores, result in results.items()))


def goals(results):
    """Returns texts, and whether each was reached."""
    found = []
    for scenario in SCALING:
        for cores, result in results[scenario].items():
            if 1 < cores <= 64:
                linear = results[scenario][1].nanoseconds / result.nanoseconds / cores
                found.append((f"{scenario} on {cores} cores: at least 0.85 of linear: {linear:.2f}, limited by "
                              f'{result.limit["name"]}', linear >= 0.85))
    if 64 in results["wake"]:
        last = results["wake"][64].last_begin / 1000
        found.append((f"a pool of 64 is awake within 25 µs: {last:.1f} µs, limited by "
                      f'{results["wake"][64].limit["name"]}', last <= 25))
    for scenario in BURSTS:
        for cores, result in results[scenario].items():
            if cores > 2:
                ratio = results[scenario][2].nanoseconds / result.nanoseconds
                found.append((f"{scenario} on {cores} cores: not slower than with 2: {ratio:.2f} times as fast, limited by "
                              f'{result.limit["name"]}', ratio >= 1))
    for scenario, by_cores in results.items():
        for cores, result in by_cores.items():
            if result.most_moved:
                moves = result.most_moved["most_moves"] / result.tasks
                found.append((f"{scenario} on {cores} cores: no line moves more than twice a task: {moves:.2f} times, "
                              f'{result.most_moved["name"]}', moves <= 2))
    return found


def print_goals(found):
    print()
    for text, reached in found:
        print(f"{'reached' if reached else 'MISSED '} {text}")
    print(f"{sum(reached for _, reached in found)} of {len(found)} goals reached")


def real_nanoseconds(program, scenario, cores):
    """With as many processors as cores, and as many workers."""
    mask = set(sorted(os.sched_getaffinity(0))[:cores])
    command = [program, scenario, str(cores), str(ROUNDS)]
    output = subprocess.run(command, check=True, capture_output=True, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, mask)).stdout
    return float(output)


def calibration(simulation, real):
    """Returns rows of OFF."""
    rows = []
    for scenario in CALIBRATED:
        row = [SCENARIOS[scenario]]
        for cores in CALIBRATED_CORES:
            simulated = Result(simulation, scenario, cores).nanoseconds
            measured = real_nanoseconds(real, scenario, cores)
            row += [f"{simulated:.1f}", f"{measured:.1f}", f"{100 * (simulated / measured - 1):+.0f} %"]
        rows.append(row)
        print(" | ".join(row), flush=True)
    return rows


def check(simulation, write):
    measured = {SCENARIOS[scenario]: [Result(simulation, scenario, cores).transfers for cores in CHECKED_CORES]
                for scenario in CHECKED}
    rows = [[text, *(f"{each:.2f}" for each in numbers)] for text, numbers in measured.items()]
    for row in rows:
        print(" | ".join(row))
    if write:
        counts.write(TRANSFERS, rows)
    elif grown := counts.grown(TRANSFERS, measured):
        sys.exit("grown by more than 3 %:\n" + "\n".join(grown))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--real")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--cores", type=int, nargs="+", default=CORES)
    parser.add_argument("simulation")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.simulation, arguments.write)
        return
    results = {}
    for scenario in SCENARIOS:
        results[scenario] = {cores: Result(arguments.simulation, scenario, cores) for cores in arguments.cores}
        print_scenario(scenario, results[scenario])
    print_goals(goals(results))
    if arguments.write:
        counts.write(SPEEDS, [[SCENARIOS[scenario],
                               *(f"{1000 / by_cores[cores].nanoseconds:.2f}" for cores in CORES),
                               by_cores[64].limit["name"]] for scenario, by_cores in results.items()])
        check(arguments.simulation, True)
    if arguments.real:
        print("\nhow far off this machine")
        rows = calibration(arguments.simulation, arguments.real)
        if arguments.write:
            counts.write(OFF, rows)


main()
