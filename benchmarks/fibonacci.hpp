// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <functional>

namespace benchmarks {

// A Fibonacci number by a task for each but the smallest: nothing but submitting, and waiting inside tasks.
inline int fibonacci(concurrent::futures::thread_pool_executor<>& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto first = executor.submit(fibonacci, std::ref(executor), n - 1);
    const int second = fibonacci(executor, n - 2);
    return first.result() + second;
}

}  // namespace benchmarks
