// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <vector>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.map(std::vector{1, 2, 3}, [](int x) { return x; });
}
