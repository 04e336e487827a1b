// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

namespace futures = concurrent::futures;

void crawl(futures::thread_pool_executor<> executor);

void fan_out(futures::thread_pool_executor<>& executor) {
    crawl(executor);
}
