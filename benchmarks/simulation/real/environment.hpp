// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

#include "costs.hpp"

// What the scenarios know of the machine on which they run: here, the real one.
namespace simulation::environment {

// Until `stop_measuring`, when it began; then, how long it took. `processors` is the time of all threads.
struct times {
    std::int64_t clock = 0;
    std::int64_t processors = 0;
};
inline times measured;

inline std::int64_t now() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

inline void work(std::int64_t nanoseconds) noexcept {
    const std::int64_t until = now() + nanoseconds;
    while (now() < until) {
    }
}

// A real task has its instructions.
inline void spend(costs::nanoseconds) noexcept {}

inline std::int64_t time_of_processors() noexcept {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

inline void start_measuring() noexcept {
    measured = {now(), time_of_processors()};
}

inline void stop_measuring() noexcept {
    measured = {now() - measured.clock, time_of_processors() - measured.processors};
}

}  // namespace simulation::environment
