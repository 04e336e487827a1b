// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

concurrent::futures::thread_pool_executor<int> executor(1);
