// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

void fan_out(concurrent::futures::thread_pool_executor<>& executor, int& number) {
    executor.submit([](int& changed) { ++changed; }, number);
}
