// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace simulation {

// What a scenario was about, while it was measured.
struct amount {
    int tasks = 0;
    std::int64_t last_begin = 0;  // when the last task began, in nanoseconds; 0 where nobody asks
};

struct scenario {
    // Runs with `workers` workers. It calls `start_measuring` and `stop_measuring` once.
    amount (*run)(int workers);
    int more_cores = 0;  // than workers
};

[[nodiscard]] const std::map<std::string, scenario>& scenarios();

}  // namespace simulation
