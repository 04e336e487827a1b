// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>

concurrent::futures::Future<int> answer(concurrent::futures::thread_pool_executor<>& executor);
