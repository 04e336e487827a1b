// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <vector>

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.map(
        {.chunksize = 2.5}, [](int x) { return x; }, std::vector{1, 2});
}
