// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <vector>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.map([](int a, int b) { return a + b; }, std::vector{1, 2, 3});
}
