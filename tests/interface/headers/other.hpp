// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/fwd.hpp>
#include <string>

concurrent::futures::Future<int> submit_elsewhere(concurrent::futures::thread_pool_executor<>& executor);
std::string name_elsewhere();
bool works_among_careless_macros();
bool works_after_curses();
bool works_beside_global_names();
