// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <functional>

namespace costs {

using executor_type = concurrent::futures::thread_pool_executor<>;

// Runs `work` as the only task of a pool of one worker.
void in_a_task(const std::function<void(executor_type&)>& work);

// Works in a file of their own: with more code beside them, the compiler would inline less in the others.
void then_and_get(int times);
void gather_and_get(int times);

}  // namespace costs
