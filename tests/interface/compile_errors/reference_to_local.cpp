// SPDX-License-Identifier: MIT

// The compilers warn of it, where they can see it; the library doesn't get into their way.

#include <concurrent/futures.hpp>
#include <string>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.submit([](std::string text) -> std::string& { return text; }, "argument");
}
