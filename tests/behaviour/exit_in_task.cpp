// SPDX-License-Identifier: MIT

// exit() in a task of an executor with static storage duration ends the process, although other tasks run on:
// of this executor, and of others that are destroyed before or after it. The argument says which.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string_view>

#include "support/watchdog.hpp"

namespace futures = concurrent::futures;

namespace {

std::latch both_run(2);
std::latch never(1);
futures::thread_pool_executor<> made_before(2);
futures::thread_pool_executor<> executor(2);
futures::thread_pool_executor<> made_after(2);

// Its executor has started a thread before `exit` is told to destroy it, and is shut down before.
struct application {
    application() {
        own_executor.submit([] {}).wait();
    }
    ~application() { own_executor.shutdown(); }

    futures::thread_pool_executor<> own_executor{2};
};

void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "%s\n", what);
        std::_Exit(1);
    }
}

void exit_while_a_task_runs_of(futures::thread_pool_executor<>& other) {
    other.submit([] {
        both_run.count_down();
        never.wait();
    });
    executor
        .submit([] {
            both_run.arrive_and_wait();
            std::exit(0);
        })
        .wait();
}

void exit_in_a_task_awaited_by_one_of(futures::thread_pool_executor<>& other) {
    other.submit([] { executor.submit([] { std::exit(0); }).wait(); }).wait();
}

// What is made while `exit` destroys static objects runs everything before it is destroyed, as ever.
void have_exit_use_another_executor() {
    static const struct uses_another_executor {
        ~uses_another_executor() {
            std::atomic<bool> ran = false;
            {
                futures::thread_pool_executor(1).submit([&] { ran = true; });
            }
            check(ran, "an executor that was made at exit was destroyed before its task ran");
        }
    } made;
}

// Without an exit, a task waits for what it destroys.
void destroy_an_executor_in_a_task() {
    std::latch is_destroyed(1);
    std::atomic<bool> ran = false;
    auto destroyed = std::make_unique<futures::thread_pool_executor<>>(1);
    destroyed->submit([&] {
        is_destroyed.wait();
        ran = true;
    });
    executor
        .submit([&] {
            is_destroyed.count_down();
            destroyed.reset();
            check(ran, "an executor was destroyed before its task ran");
        })
        .wait();
}

}  // namespace

int main(int count, char** arguments) {
    tests::start_watchdog();
    const std::string_view which = count > 1 ? arguments[1] : "the_same";
    have_exit_use_another_executor();
    if (which == "the_same") {
        exit_while_a_task_runs_of(executor);
    } else if (which == "made_before") {
        exit_while_a_task_runs_of(made_before);
    } else if (which == "made_after") {
        exit_while_a_task_runs_of(made_after);
    } else if (which == "awaited_by_made_before") {
        exit_in_a_task_awaited_by_one_of(made_before);
    } else if (which == "awaited_by_made_after") {
        exit_in_a_task_awaited_by_one_of(made_after);
    } else if (which == "made_by_an_application") {
        static application made;
        exit_while_a_task_runs_of(made.own_executor);
    } else if (which == "destroyed_in_a_task") {
        destroy_an_executor_in_a_task();
        exit_while_a_task_runs_of(made_after);
    }
    return 1;
}
