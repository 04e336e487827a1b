// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

concurrent::futures::thread_pool_executor<concurrent::futures::round_robin> executor(1);
