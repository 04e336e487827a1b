// SPDX-License-Identifier: MIT

// The library's headers go with <curses.h>, whose macro timeout(delay) stays in C++.

#include <curses.h>

#include <concurrent/futures.hpp>

#include "other.hpp"

bool works_after_curses() {
    concurrent::futures::thread_pool_executor executor(1);
    const concurrent::futures::timeout limit = std::chrono::minutes(1);
    return executor.submit([] { return true; }).result(limit);
}
