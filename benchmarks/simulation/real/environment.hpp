// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <cstdint>

#include "costs.hpp"

// What the scenarios know of the machine on which they run: here, the real one.
namespace simulation::environment {

inline std::int64_t measured_from = 0;
inline std::int64_t measured = 0;

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

inline void start_measuring() noexcept {
    measured_from = now();
}

inline void stop_measuring() noexcept {
    measured = now() - measured_from;
}

}  // namespace simulation::environment
