// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

concurrent::futures::thread_pool_executor<> executor({.thread_name_prefix = "crawler", .max_workers = 8});
