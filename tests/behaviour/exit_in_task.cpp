// SPDX-License-Identifier: MIT

// exit() in a task of an executor with static storage duration ends the process, although another task runs
// on.

#include <concurrent/futures.hpp>
#include <cstdlib>
#include <latch>

#include "support/watchdog.hpp"

namespace futures = concurrent::futures;

namespace {

std::latch both_run(2);
std::latch never(1);
futures::thread_pool_executor<> executor(2);

}  // namespace

int main() {
    tests::start_watchdog();
    executor.submit([] {
        both_run.count_down();
        never.wait();
    });
    executor
        .submit([] {
            both_run.arrive_and_wait();
            std::exit(0);
        })
        .wait();
    return 1;
}
