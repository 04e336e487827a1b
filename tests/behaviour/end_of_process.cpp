// SPDX-License-Identifier: MIT

// What executors that were destroyed by their own tasks have left behind at the end of the process runs
// before it, and so does what that leaves behind in its turn. This program's end is what is tested.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <utility>

#include "support/watchdog.hpp"

namespace futures = concurrent::futures;

namespace {

std::atomic<int> ran = 0;
std::latch main_has_returned(1);

// The first static that is made is the last that is destroyed.
const struct check_at_last {
    ~check_at_last() {
        if (ran != 5) {
            std::fprintf(stderr, "of 5 tasks, %d ran before the end of the process\n", ran.load());
            std::_Exit(1);
        }
    }
} check;

futures::thread_pool_executor<> lives_longest(1);

// Returns when the executor is destroyed, unless the end of the process has begun.
template <class Fn>
void run_on_an_orphaned_thread(Fn fn) {
    const auto orphaned = std::make_shared<std::latch>(1);
    auto owner = std::make_unique<futures::thread_pool_executor<>>(1);
    auto& executor = *owner;
    executor.submit([owner = std::move(owner), fn, orphaned]() mutable {
        owner.reset();
        orphaned->count_down();
        fn();
    });
    orphaned->wait();
}

void count() {
    ++ran;
}

void count_after_main_and_leave_more() {
    main_has_returned.wait();
    run_on_an_orphaned_thread(count);
    count();
}

}  // namespace

int main() {
    tests::start_watchdog();
    run_on_an_orphaned_thread(count);
    run_on_an_orphaned_thread(count_after_main_and_leave_more);
    lives_longest.submit(count_after_main_and_leave_more);
    // The last static that is made is the first that is destroyed.
    static const struct tell_that_main_has_returned {
        ~tell_that_main_has_returned() { main_has_returned.count_down(); }
    } tell;
}
