// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <vector>

#include "harness.hpp"

namespace benchmarks {

// Submits empty tasks, then takes the result of each. Returns how long that took, in nanoseconds a task.
template <class Pool>
double submit_and_get(int threads, int tasks) {
    Pool pool(threads);
    return nanoseconds_of([&] {
               std::vector<decltype(pool.submit([] { return 1; }))> futures;
               futures.reserve(static_cast<std::size_t>(tasks));
               for (int i = 0; i < tasks; ++i) {
                   futures.push_back(pool.submit([i] { return i; }));
               }
               for (auto& future : futures) {
                   future.get();
               }
           }) /
           tasks;
}

}  // namespace benchmarks
