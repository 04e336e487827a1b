// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <random>

namespace endurance {

// What one thread, or one task, does at random. One word, so that a task may capture it.
class random_source {
public:
    explicit random_source(std::uint64_t seed) : engine_(scattered(seed)) {}

    // From 0 to `end` - 1.
    unsigned up_to(unsigned end) { return static_cast<unsigned>(engine_() % end); }
    bool one_in(unsigned count) { return up_to(count) == 0; }
    // For another one.
    std::uint64_t seed() { return engine_(); }

private:
    // Seeds that are close to each other would begin alike.
    static std::minstd_rand::result_type scattered(std::uint64_t seed) {
        return static_cast<std::minstd_rand::result_type>((seed + 1) * 0x9E3779B97F4A7C15U >> 32U);
    }

    std::minstd_rand engine_;
};

}  // namespace endurance
