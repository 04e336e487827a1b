#!/usr/bin/env python3
"""Runs the library on simulated cores, and prints for each scenario and number of cores the tasks a second, the transfers of
cache lines a task, and the line that limits; then which goals were reached. Nothing of it depends on this machine,
but for the time that it takes: some ten minutes.

    benchmarks/simulation/simulate.py [--draw DIRECTORY] [--write] SIMULATION
    benchmarks/simulation/simulate.py --check [--write] SIMULATION
    benchmarks/simulation/simulate.py --real REAL [--write] SIMULATION

`--draw docs` draws the picture of docs/performance.md. `--check` does nothing but compare the transfers a task of some scenarios
with that page, and exits with 1 if one has grown by more than 3 %. `--real` does nothing but run some scenarios on this machine too,
and print how far the simulation is off. SIMULATION and REAL are the two programs that CMake builds of scenarios.cpp. `--write` puts
the tables into the page.
"""

import argparse
import json
import math
import multiprocessing.pool
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import counts  # noqa: E402
import pictures  # noqa: E402

CORES = [1, 2, 4, 8, 16, 32, 64, 128]
SCENARIOS = {
    "burst_from_one": "a burst of empty tasks from one thread",
    "burst_from_sixteen": "a burst of empty tasks from 16 threads",
    "one_in_flight": "one task at a time from each of half as many threads as cores",
    "map": "`map` of an empty function with chunks of one element",
    "fib": "Fibonacci(27) by tasks that wait for tasks",
    "fib_large": "Fibonacci(34)",
    "skynet": "skynet, 10 children a task, 100,000 leaves",
    "skynet_large": "skynet, 10,000,000 leaves",
    "wake": "a task of 50 µs for each worker of a sleeping pool",
}
SCALING = ["fib_large", "skynet_large"]
BURSTS = ["burst_from_one", "burst_from_sixteen"]

CHECKED = ["burst_from_one", "burst_from_sixteen", "one_in_flight", "fib", "skynet"]
CHECKED_CORES = [2, 8, 64]
# Which worker steals what is chaotic: any change of the code moves the count of one run by a quarter, up or down. So such a count
# is the mean of runs on so many cores less and more, and has grown only if it is greater by twice its standard error too.
CHAOTIC = ["burst_from_sixteen", "fib", "skynet"]
AROUND = {8: 3, 64: 6}

# With the number of rounds: the longer one takes, the fewer are undisturbed.
CALIBRATED = {"burst_from_one": 300, "fib": 600, "skynet": 600}
CALIBRATED_CORES = [1, 2]

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


def run_on_each(simulation, scenario, cores):
    """Returns a `Result` for each of the numbers of cores."""
    with multiprocessing.pool.ThreadPool() as pool:
        return dict(zip(cores, pool.map(lambda each: Result(simulation, scenario, each), cores, 1)))


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
    last = results["wake"][64].last_begin / 1000
    found.append((f'a pool of 64 is awake within 25 µs: {last:.1f} µs, limited by {results["wake"][64].limit["name"]}', last <= 25))
    for scenario in BURSTS:
        slowest = max((cores for cores in results[scenario] if cores > 2), default=None,
                      key=lambda cores: results[scenario][cores].nanoseconds)
        if slowest:
            result = results[scenario][slowest]
            ratio = results[scenario][2].nanoseconds / result.nanoseconds
            found.append((f"{scenario} is never slower than on 2 cores: on {slowest}, {ratio:.2f} times as fast, limited by "
                          f'{result.limit["name"]}', ratio >= 1))
    for scenario, by_cores in results.items():
        most, cores, name = max((result.most_moved["most_moves"] / result.tasks, cores, result.most_moved["name"])
                                for cores, result in by_cores.items() if result.most_moved)
        found.append((f"{scenario}: no line moves more than twice a task: on {cores} cores, {most:.2f} times, {name}", most <= 2))
    return found


def print_goals(found):
    print()
    for text, reached in found:
        print(f"{'reached' if reached else 'MISSED '} {text}")
    print(f"{sum(reached for _, reached in found)} of {len(found)} goals reached")


def real_nanoseconds(program, scenario, cores):
    """With as many processors as cores, and as many workers. None if something else has run in every round."""
    mask = set(sorted(os.sched_getaffinity(0))[:cores])
    command = [program, scenario, str(cores), str(CALIBRATED[scenario])]
    output = subprocess.run(command, check=True, capture_output=True, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, mask)).stdout
    nanoseconds, rounds = output.split()
    return float(nanoseconds) if rounds != "0" else None


def calibration(simulation, real):
    """Returns rows of OFF."""
    rows = []
    for scenario in CALIBRATED:
        row = [SCENARIOS[scenario]]
        for cores in CALIBRATED_CORES:
            simulated = Result(simulation, scenario, cores).nanoseconds
            measured = real_nanoseconds(real, scenario, cores)
            row += [f"{simulated:.1f}"]
            row += [f"{measured:.1f}", f"{100 * (simulated / measured - 1):+.0f} %"] if measured else ["disturbed", "?"]
        rows.append(row)
        print(" | ".join(row), flush=True)
    return rows


def draw(results, file):
    """How much faster the same work is on more cores than on one, both by doubling, and a dashed line for the ideal."""
    width, left, bottom, step = 480, 36, 280, 60
    def x(cores):
        return left + step * math.log2(cores)
    def y(speed):
        return bottom - 240 / 7 * math.log2(speed)
    def line(points, kind):
        places = " ".join(f"{x(cores):.1f},{y(speed):.1f}" for cores, speed in points)
        return f'<polyline class="{kind}" points="{places}"/>'
    parts = []
    for cores in CORES:
        parts.append(pictures.label(x(cores), bottom + 18, str(cores), 'text-anchor="middle"'))
        parts.append(pictures.label(left - 6, y(cores) + 5, str(cores), 'text-anchor="end"'))
        parts.append(f'<line class="grid" x1="{left}" y1="{y(cores):.1f}" x2="{x(CORES[-1])}" y2="{y(cores):.1f}"/>')
    parts.append(line([(cores, cores) for cores in CORES], "ideal"))
    for row, (scenario, colour) in enumerate(zip(SCALING, ("first", "second"))):
        first = results[scenario][1].nanoseconds
        parts.append(line([(cores, first / result.nanoseconds) for cores, result in results[scenario].items()], f"line {colour}"))
        parts.append(pictures.label(left + 10, 65 + 20 * row, SCENARIOS[scenario], f'class="{colour}"'))
    parts.append(pictures.label(12, 20, "Speed, that of one core being 1", 'class="quiet"'))
    parts.append(pictures.label(left + 210, bottom + 40, "simulated cores (dashed: ideal)", 'class="quiet" text-anchor="middle"'))
    file.write_text(pictures.svg(width, bottom + 50, parts), encoding="utf-8")


def transfers_of_runs(simulation, scenario, cores):
    around = AROUND.get(cores, 0) if scenario in CHAOTIC else 0
    runs = run_on_each(simulation, scenario, range(cores - around, cores + around + 1))
    return [each.transfers for each in runs.values()]


def standard_error(numbers):
    return statistics.stdev(numbers) / math.sqrt(len(numbers)) if len(numbers) > 1 else 0


def check(simulation, write):
    runs = {SCENARIOS[scenario]: [transfers_of_runs(simulation, scenario, cores) for cores in CHECKED_CORES] for scenario in CHECKED}
    rows = [[text, *(f"{statistics.fmean(each):.2f}" for each in by_cores)] for text, by_cores in runs.items()]
    for row in rows:
        print(" | ".join(row))
    surely = {text: [statistics.fmean(each) - 2 * standard_error(each) for each in by_cores] for text, by_cores in runs.items()}
    if write:
        counts.write(TRANSFERS, rows)
    elif grown := counts.grown(TRANSFERS, surely):
        sys.exit("grown by more than 3 %:\n" + "\n".join(grown))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--real")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--draw", type=pathlib.Path, metavar="DIRECTORY")
    parser.add_argument("simulation")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.simulation, arguments.write)
        return
    if arguments.real:
        rows = calibration(arguments.simulation, arguments.real)
        if arguments.write:
            counts.write(OFF, rows)
        return
    results = {}
    for scenario in SCENARIOS:
        results[scenario] = run_on_each(arguments.simulation, scenario, CORES)
        print_scenario(scenario, results[scenario])
    print_goals(goals(results))
    if arguments.draw:
        draw(results, arguments.draw / "simulation.svg")
    if arguments.write:
        counts.write(SPEEDS, [[SCENARIOS[scenario],
                               *(f"{1000 / by_cores[cores].nanoseconds:.2f}" for cores in CORES),
                               by_cores[64].limit["name"]] for scenario, by_cores in results.items()])


main()
