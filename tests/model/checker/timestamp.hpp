// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace model {

using thread_number = std::uint32_t;
constexpr thread_number most_threads = 8;

// A moment in one thread's life.
using epoch = std::uint32_t;

// What a thread knows of the others: of each, up to which of its events they came before; and the latest that
// any of them saw the clock show.
struct timestamp {
    std::array<epoch, most_threads> seen{};
    std::int64_t nanoseconds = 0;

    void join(const timestamp& other) noexcept {
        for (std::size_t thread = 0; thread != seen.size(); ++thread) {
            seen[thread] = std::max(seen[thread], other.seen[thread]);
        }
        nanoseconds = std::max(nanoseconds, other.nanoseconds);
    }

    [[nodiscard]] bool includes(thread_number thread, epoch when) const noexcept {
        return when <= seen[thread];
    }
};

// A hash of `history` with one thing more at its end.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t history, std::uint64_t more) noexcept {
    std::uint64_t x = history * 0x9E3779B97F4A7C15U + more;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
}

}  // namespace model
