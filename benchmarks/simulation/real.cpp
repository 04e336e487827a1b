// SPDX-License-Identifier: MIT

// Runs one scenario on the real machine some times, and prints the least nanoseconds a task.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "environment.hpp"
#include "scenarios.hpp"

int main(int argc, char** argv) {
    const auto& all = simulation::scenarios();
    if (argc != 4 || !all.contains(argv[1])) {
        std::fprintf(stderr, "usage: %s SCENARIO WORKERS ROUNDS\n", argv[0]);
        return 2;
    }
    double least = std::numeric_limits<double>::infinity();
    for (int round = std::atoi(argv[3]); round > 0; --round) {
        const simulation::amount done = all.at(argv[1]).run(std::atoi(argv[2]));
        least = std::min(least, static_cast<double>(simulation::environment::measured) / done.tasks);
    }
    std::printf("%.1f\n", least);
}
