// SPDX-License-Identifier: MIT

// What compiles: that the other files don't is not for want of an include directory.

#include <concurrent/futures.hpp>

int fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    return executor.submit([](int number) { return number; }, 42).result();
}
