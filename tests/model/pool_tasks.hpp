// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>

#include "checker/model.hpp"

// What tasks of the scenarios do.

using value = model::checked<int>;

inline const auto make_value = [] { return value(2); };

// A task that waits for another, without the pool knowing.
inline void run_at_once(concurrent::futures::thread_pool_executor<>& executor) {
    concurrent::futures::detail::parking_spot other_runs;
    const auto waits = executor.submit([&] { other_runs.park(); });
    const auto wakes = executor.submit([&] { other_runs.unpark(); });
    waits.wait();
    wakes.wait();  // `unpark()` may still use `other_runs` after the other task has woken
}
