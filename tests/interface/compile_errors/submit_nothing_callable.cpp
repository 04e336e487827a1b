// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.submit(42);
}
