// SPDX-License-Identifier: MIT

#include "answers.hpp"

concurrent::futures::Future<int> answer(concurrent::futures::thread_pool_executor<>& executor) {
    return executor.submit([] { return 42; });
}
