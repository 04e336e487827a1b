// SPDX-License-Identifier: MIT

// Runs one scenario on the simulated machine, and prints what was measured, as JSON.

#include <concurrent/futures.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "machine.hpp"
#include "memory.hpp"
#include "scenarios.hpp"

namespace {

const simulation::scenario* chosen = nullptr;
int workers = 0;
simulation::amount done;

void run_chosen() {
    done = chosen->run(workers);
}

void print(const simulation::measurement& measured) {
    std::printf(R"({"cores": %d, "tasks": %d, "nanoseconds": %lld, "last_begin": %lld, "lines": [)",
                workers + chosen->more_cores, done.tasks, static_cast<long long>(measured.nanoseconds),
                static_cast<long long>(done.last_begin));
    const char* separator = "";
    for (const auto& each : measured.lines) {
        std::printf(R"(%s{"name": "%s", "lines": %zu, "moves": %llu, "most_moves": %llu, )"
                    R"("invalidations": %llu, "lost": %lld})",
                    std::exchange(separator, ", "), each.name.c_str(), each.lines,
                    static_cast<unsigned long long>(each.moves),
                    static_cast<unsigned long long>(each.most_moves),
                    static_cast<unsigned long long>(each.invalidations), static_cast<long long>(each.lost));
    }
    std::puts("]}");
}

}  // namespace

int main(int argc, char** argv) {
    const auto& all = simulation::scenarios();
    if (argc != 3 || !all.contains(argv[1])) {
        std::fprintf(stderr, "usage: %s SCENARIO WORKERS\n", argv[0]);
        return 2;
    }
    chosen = &all.at(argv[1]);
    workers = std::atoi(argv[2]);
    // The standard library's reference counts are atomic only in a process that has ever had two threads.
    std::thread([] {}).join();
    namespace detail = concurrent::futures::detail;
    simulation::memory::name(sizeof(detail::worker), "worker");
    simulation::memory::name(sizeof(detail::worker_pool<detail::fifo_queue>), "pool");
    simulation::run(static_cast<std::size_t>(workers + chosen->more_cores), run_chosen);
    print(simulation::measured());
    std::fflush(stdout);
    // Without the destructors of thread-local objects, which were those of simulated threads.
    std::_Exit(0);
}
