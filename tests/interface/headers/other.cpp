// SPDX-License-Identifier: MIT

#include "other.hpp"

#include <concurrent/futures.hpp>

concurrent::futures::Future<int> submit_elsewhere(concurrent::futures::thread_pool_executor<>& executor) {
    return executor.submit([] { return 42; });
}

std::string name_elsewhere() {
    return concurrent::futures::this_thread_name();
}
