// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <memory>
#include <vector>

void fan_out(concurrent::futures::thread_pool_executor<>& executor,
             std::vector<std::unique_ptr<int>>& numbers) {
    executor.map([](const std::unique_ptr<int>& number) { return *number; }, numbers);
}
