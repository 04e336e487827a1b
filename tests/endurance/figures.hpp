// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>
#include <cstdint>

namespace endurance {

using figure = std::atomic<std::uint64_t>;

// How often what was done, in all rounds.
inline struct figures {
    figure operations{0};
    figure executors{0};
    figure shutdowns{0};
    figure submits{0};
    figure results{0};
    figure exceptions{0};
    figure cancelled{0};
    figure broken{0};
    figure refused{0};
    figure callbacks{0};
    figure waits{0};
    figure as_completed{0};
    figure queues{0};
    figure groups{0};
    figure compositions{0};
    figure linked{0};
    figure maps{0};
    figure promises{0};
    figure orders{0};
    figure crossings{0};
    figure joins{0};
    figure pool_ends{0};
    figure logged{0};
    figure allocation_failures{0};
    figure start_failures{0};
} total;

}  // namespace endurance
