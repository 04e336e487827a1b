// SPDX-License-Identifier: MIT

// Hangs in a task and in who waits for it, so that the watchdog can be seen to end that.

#include <concurrent/futures.hpp>
#include <latch>

#include "watchdog.hpp"

namespace {

std::latch never_opened(1);

void task_that_hangs() {
    never_opened.wait();
}

}  // namespace

int main() {
    tests::start_watchdog();
    concurrent::futures::thread_pool_executor executor(1);
    executor.submit(task_that_hangs).wait();
}
