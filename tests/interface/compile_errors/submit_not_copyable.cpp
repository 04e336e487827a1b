// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <memory>

void fan_out(concurrent::futures::thread_pool_executor<>& executor, std::unique_ptr<int>& number) {
    executor.submit([](std::unique_ptr<int> owned) { return *owned; }, number);
}
