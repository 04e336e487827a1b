// SPDX-License-Identifier: MIT

#include <any>
#include <concurrent/futures.hpp>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.submit([](std::any, int number) { return number; }, 42);
}
