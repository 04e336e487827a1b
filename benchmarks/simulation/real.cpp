// SPDX-License-Identifier: MIT

// Runs one scenario on the real machine some times, and prints the median of the nanoseconds a task, and how
// many rounds count: those in which nothing else took a processor away, as the process has used all of them.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "environment.hpp"
#include "scenarios.hpp"

int main(int argc, char** argv) {
    const auto& all = simulation::scenarios();
    if (argc != 4 || !all.contains(argv[1])) {
        std::fprintf(stderr, "usage: %s SCENARIO WORKERS ROUNDS\n", argv[0]);
        return 2;
    }
    constexpr double nearly = 0.9;
    const int workers = std::atoi(argv[2]);
    std::vector<double> counted;
    for (int round = std::atoi(argv[3]); round > 0; --round) {
        const simulation::amount done = all.at(argv[1]).run(workers);
        const auto [clock, processors] = simulation::environment::measured;
        if (static_cast<double>(processors) >= nearly * workers * static_cast<double>(clock)) {
            counted.push_back(static_cast<double>(clock) / done.tasks);
        }
    }
    std::sort(counted.begin(), counted.end());
    std::printf("%.1f %zu\n", counted.empty() ? 0 : counted[counted.size() / 2], counted.size());
}
