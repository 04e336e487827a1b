// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "timestamp.hpp"

namespace model {

// One value that an atomic had.
struct stored {
    std::uint64_t value = 0;
    timestamp released;                       // what an acquire load that reads this gets to know
    std::array<epoch, most_threads> known{};  // when each thread first read or wrote it; 0: never
    std::uint64_t history = 0;                // the writer's
};

// An atomic, with all the values that it had in their modification order, which is the order of the writing.
struct location {
    std::vector<stored> values;
    std::size_t sequentially_consistent = 0;  // the newest that such an operation has read or written

    [[nodiscard]] std::size_t newest() const noexcept { return values.size() - 1; }

    // The oldest that a thread that knows `now` may still read: it knows of no newer one that it was written
    // or read. That is all four rules of coherence, [intro.races]/15 to 18.
    [[nodiscard]] std::size_t oldest_visible(const timestamp& now) const noexcept {
        for (std::size_t index = newest();; --index) {
            for (thread_number thread = 0; thread != most_threads; ++thread) {
                const epoch when = values[index].known[thread];
                if (index == 0 || (when != 0 && now.includes(thread, when))) {
                    return index;
                }
            }
        }
    }
};

// A mutex. While it is locked, nobody sees what its holder does, so locking is one step, and unlocking none
// that another thread could come before.
struct mutex_state {
    bool locked = false;
    timestamp released;
    std::uint64_t history = 0;  // of the last who unlocked it
};

struct condition_state {
    std::vector<thread_number> waiting;
    std::uint64_t history = 0;  // of the last who did anything with it
};

// What a compiler's own atomics order, as those of `std::shared_ptr` do. All are taken for acquire and
// release.
struct foreign_atomic {
    timestamp known;
    std::uint64_t history = 0;
};

// Plain memory: who last wrote it, and who has read it since.
struct plain_state {
    thread_number writer = 0;
    epoch written = 0;
    std::array<epoch, most_threads> read{};
};

}  // namespace model
