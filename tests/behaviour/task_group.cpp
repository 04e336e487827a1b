// SPDX-License-Identifier: MIT

// task_group: tasks that belong together, waited for and cancelled together.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#include <version>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

namespace futures = concurrent::futures;
using futures::task_group;
using namespace std::chrono_literals;

namespace {

void fail() {
    throw std::runtime_error("bad luck");
}

using pool = futures::thread_pool_executor<>;

}  // namespace

TEST_CASE("A task group waits until all its tasks are done, and may be used again") {
    pool executor(2);
    task_group group(executor);
    group.wait();
    std::atomic<int> done = 0;
    for (int round = 1; round != 3; ++round) {
        std::vector<futures::Future<int>> tasks;
        for (int index = 0; index != 50; ++index) {
            tasks.push_back(group.submit([&done](int number) { return ++done, number; }, index));
        }
        group.wait();
        CHECK(done == 50 * round);
        CHECK(tasks[7].done());
        CHECK(tasks[7].result() == 7);
    }
    STATIC_REQUIRE(std::is_same_v<decltype(group), task_group<>>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<task_group<>>);
}

TEST_CASE("The destructor of a task group waits") {
    pool executor(2);
    futures::Future<void> task;
    {
        task_group group(executor);
        task = group.submit([] { std::this_thread::yield(); });
    }
    CHECK(task.done());
}

TEST_CASE("A failure cancels what has not started, and wait() rethrows the first in time") {
    const tests::captured_log log;
    pool executor(1);
    std::latch submitted(1);
    task_group group(executor);
    const auto bad = group.submit([&submitted] {
        submitted.wait();
        fail();
    });
    const auto waiting = group.submit([] { return 42; });
    submitted.count_down();
    CHECK_THROWS_WITH(group.wait(), "bad luck");
    CHECK(waiting.cancelled());
    CHECK(bad.done());
    group.wait();  // has nothing left to rethrow
    CHECK(group.submit([] { return 42; }).result() == 42);
    CHECK(log.lines().empty());
}

TEST_CASE("A failure that nobody saw goes to the log handler, and one that somebody saw does not") {
    const tests::captured_log log;
    pool executor(1);
    {
        task_group group(executor);
        group.submit(fail);
    }
    CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: bad luck"});
    {
        task_group group(executor);
        CHECK(group.submit(fail).exception() != nullptr);
    }
    CHECK(log.lines().size() == 1);
}

TEST_CASE("What fails after the first failure goes to the log handler") {
    const tests::captured_log log;
    pool executor(2);
    std::latch running(2);
    task_group group(executor);
    for (int index = 0; index != 2; ++index) {
        group.submit([&running] {
            running.arrive_and_wait();
            fail();
        });
    }
    CHECK_THROWS_WITH(group.wait(), "bad luck");
    CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: bad luck"});
}

TEST_CASE("A task that was cancelled by its future has not failed") {
    pool executor(1);
    tests::busy_workers busy(executor);
    task_group group(executor);
    const auto cancelled = group.submit([] {});
    const auto other = group.submit([] {});
    CHECK(cancelled.cancel());
    busy.release();
    group.wait();
    CHECK(other.state() == futures::future_state::finished);
}

TEST_CASE("cancel() cancels what has not started, and what is submitted until the next wait()") {
    pool executor(1);
    tests::busy_workers busy(executor);
    task_group group(executor);
    const auto before = group.submit([] { return 1; });
    group.cancel();
    CHECK(before.cancelled());
    const auto after = group.submit([] { return 2; });
    CHECK(after.cancelled());
    group.cancel();
    group.wait();
    const auto again = group.submit([] { return 3; });
    busy.release();
    CHECK(again.result() == 3);
}

TEST_CASE("A task that waits for one that was cancelled with the group has not failed") {
    const tests::captured_log log;
    pool executor(2);
    tests::busy_workers busy(executor);
    task_group group(executor);
    futures::Promise<void> submitted;
    group.submit([&] {
        const auto child = group.submit([] {});
        child.add_done_callback([&](const auto&) { submitted.set_result(); });
        group.cancel();
        child.result();
    });
    submitted.get_future().wait();
    group.wait();
    CHECK(log.lines().empty());
}

#if defined(__cpp_lib_jthread)
TEST_CASE("A failure and cancel() request a stop of what runs") {
    pool executor(2);
    task_group group(executor);
    const auto until_stopped = [](const std::stop_token& stop, std::latch& begun) {
        begun.count_down();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
    };
    {
        std::latch begun(1);
        group.submit([&](std::stop_token stop) { until_stopped(stop, begun); });
        begun.wait();
        group.submit(fail);
        CHECK_THROWS_WITH(group.wait(), "bad luck");
    }
    {
        std::latch begun(1);
        group.submit([&](std::stop_token stop) { until_stopped(stop, begun); });
        begun.wait();
        group.cancel();
        group.wait();
    }
    try {
        std::latch begun(1);
        task_group left(executor);
        left.submit([&](std::stop_token stop) { until_stopped(stop, begun); });
        begun.wait();
        fail();
    } catch (const std::runtime_error&) {
    }
}
#endif

TEST_CASE("A task group that is left by an exception cancels first") {
    pool executor(1);
    tests::busy_workers busy(executor);
    futures::Future<void> task;
    try {
        task_group group(executor);
        task = group.submit([] {});
        fail();
    } catch (const std::runtime_error&) {
    }
    CHECK(task.cancelled());
    struct makes_a_group_while_it_unwinds {
        ~makes_a_group_while_it_unwinds() {
            task_group group(executor);
            task = group.submit([] {});
            busy.release();
        }
        pool& executor;
        tests::busy_workers& busy;
        futures::Future<void>& task;
    };
    try {
        const makes_a_group_while_it_unwinds unwinds{executor, busy, task};
        fail();
    } catch (const std::runtime_error&) {
    }
    CHECK(task.state() == futures::future_state::finished);
}

TEST_CASE("wait() with a timeout throws when that passes, and may be called again") {
    pool executor(1);
    tests::busy_workers busy(executor);
    task_group group(executor);
    const auto task = group.submit([] { return 42; });
    group.submit([] {});
    CHECK_THROWS_WITH(group.wait(0s), "2 tasks of the group were not done within the timeout");
    CHECK_THROWS_AS(group.wait(1ms), futures::timeout_error);
    CHECK_FALSE(task.done());
    busy.release();
    group.wait(1h);
    CHECK(task.done());
}

TEST_CASE("Tasks submit to the group that they run in") {
    pool executor(2);
    task_group group(executor);
    std::atomic<int> visited = 0;
    std::function<void(int)> visit = [&](int depth) {
        ++visited;
        if (depth != 0) {
            group.submit(visit, depth - 1);
            group.submit(visit, depth - 1);
        }
    };
    group.submit(visit, 7);
    group.wait();
    CHECK(visited == 255);
}

TEST_CASE("A failure deep in a group that grows ends it") {
    const tests::captured_log log;
    pool executor(2);
    for (int round = 0; round != 50; ++round) {
        task_group group(executor);
        std::function<void(int)> visit = [&](int depth) {
            if (depth == 0) {
                fail();
            }
            group.submit(visit, depth - 1);
            group.submit(visit, depth - 1);
        };
        group.submit(visit, 6);
        CHECK_THROWS_WITH(group.wait(), "bad luck");
    }
}

TEST_CASE("A task that waits for a group runs its tasks on the spot, on a pool of one worker, to any depth") {
    pool executor(1);
    std::atomic<int> leaves = 0;
    std::function<void(int)> split = [&](int depth) {
        if (depth == 0) {
            ++leaves;
            return;
        }
        task_group group(executor);
        group.submit(split, depth - 1);
        group.submit(split, depth - 1);
        if (depth % 2 == 0) {
            group.wait();
        } else {
            group.wait(1h);
        }
    };
    executor.submit(split, 8).result();
    CHECK(leaves == 256);
}

TEST_CASE("A task that waits for a group runs nothing else") {
    bool other_ran = false;
    bool ran_too_early = true;
    pool executor(1);
    const auto task = executor.submit([&] {
        executor.submit([&] { other_ran = true; });
        task_group group(executor);
        group.submit([] {});
        group.wait();
        ran_too_early = other_ran;
    });
    task.result();
    CHECK_FALSE(ran_too_early);
}

TEST_CASE("A worker that sleeps in wait() wakes for a task that is submitted to the group") {
    // The task of the group occupies the only other worker until the one that it submits has run.
    pool executor(2);
    std::latch begun(1);
    const auto waits = executor.submit([&] {
        task_group group(executor);
        group.submit([&] {
            begun.wait();
            std::latch ran(1);
            group.submit([&] { ran.count_down(); });
            ran.wait();
        });
        while (executor.pending_count() != 0) {
            std::this_thread::yield();  // the other worker has taken the task
        }
        begun.count_down();
        group.wait();
        return true;
    });
    CHECK(waits.result());
}

TEST_CASE("wait() leaves tasks to others while it may end before they do") {
    pool executor(2);
    const auto other = executor.submit([&] {
        task_group group(executor);
        const auto task = group.submit([] { return std::this_thread::get_id(); });
        group.wait(1h);
        return task.result() != std::this_thread::get_id();
    });
    CHECK(other.result());
}

TEST_CASE("A task that waits for its own group is told so") {
    pool executor(1);
    task_group group(executor);
    const auto task = group.submit([&group] { group.wait(); });
    CHECK_THROWS_AS(task.result(), futures::invalid_state_error);
    CHECK_THROWS_AS(group.wait(), futures::invalid_state_error);
}

TEST_CASE("A task may own its group") {
    pool executor(1);
    tests::busy_workers busy(executor);
    auto group = std::make_shared<task_group<>>(executor);
    auto& submitted_to = *group;
    const auto last = submitted_to.submit([group] { return group.use_count(); });
    group.reset();
    busy.release();
    CHECK(last.result() == 1);
}

TEST_CASE("A task that could not be submitted leaves no trace in its group") {
    pool executor(1);
    task_group group(executor);
    group.submit([] {});
    executor.shutdown();
    CHECK_THROWS_AS(group.submit([] {}), futures::executor_shutdown);
    group.wait();
}

TEST_CASE("A task group works with an executor of any kind") {
    tests::inline_executor executor;
    task_group group(executor);
    CHECK(group.submit([](int number) { return number; }, 42).result() == 42);
    const auto owner = group.submit([owned = std::make_unique<int>(42)] { return *owned; });
    CHECK(owner.result() == 42);
    const auto bad = group.submit(fail);
    CHECK(group.submit([] { return 42; }).cancelled());
    CHECK_THROWS_WITH(group.wait(), "bad luck");
    group.wait();
    CHECK(bad.done());
}

TEST_CASE("wait() of a group returns after the results that nobody wants are destroyed") {
    pool executor(2);
    task_group group(executor);
    std::vector<std::weak_ptr<int>> watched;
    for (int index = 0; index != 100; ++index) {
        auto shared = std::make_shared<int>(index);
        watched.push_back(shared);
        group.submit([result = std::move(shared)] { return result; });
    }
    group.wait();
    for (const auto& each : watched) {
        CHECK(each.expired());
    }
}

TEST_CASE("Several threads submit to a group, cancel it and wait for it") {
    const tests::captured_log log;
    pool executor(2);
    for (int round = 0; round != 20; ++round) {
        task_group group(executor);
        std::atomic<int> not_over = 0;
        std::vector<std::thread> threads;
        for (int thread = 0; thread != 3; ++thread) {
            threads.emplace_back([&, thread] {
                std::vector<futures::Future<void>> tasks;
                for (int count = 0; count != 30; ++count) {
                    tasks.push_back(group.submit([] {}));
                    if (count == 10 * thread) {
                        tasks.push_back(group.submit(fail));
                    }
                    if (count == 20 && thread == 1) {
                        group.cancel();
                    }
                }
                try {
                    group.wait();
                } catch (const std::runtime_error&) {
                }
                for (const auto& task : tasks) {
                    not_over += task.done() ? 0 : 1;
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        CHECK(not_over == 0);
    }
}

namespace {

// What it returns of a task is the future of a continuation.
class continuing_executor {
public:
    explicit continuing_executor(pool& its_pool) : pool_(its_pool) {}

    template <class Fn>
    auto submit(Fn fn) {
        return pool_.submit([] {}).then(pool_, std::move(fn));
    }

private:
    pool& pool_;
};

}  // namespace

TEST_CASE("A task waits for a group of continuations, on a pool of one worker") {
    std::atomic<int> sum = 0;
    pool workers(1);
    continuing_executor executor(workers);
    const auto waits = [&](const futures::timeout& limit) {
        workers
            .submit([&] {
                futures::task_group group(executor);
                for (int index = 0; index != 10; ++index) {
                    group.submit([&] {
                        ++sum;
                        group.submit([&] { ++sum; });
                    });
                }
                group.wait(limit);
            })
            .result();
    };
    waits({});
    CHECK(sum == 20);
    waits(1h);
    CHECK(sum == 40);
}

TEST_CASE("Tasks of two pools of one worker wait for groups of each other's tasks") {
    std::atomic<int> sum = 0;
    pool first(1);
    pool second(1);
    const auto both_ways = [&](auto& here, auto& there) {
        return here.submit([&] {
            futures::task_group group(there);
            for (int index = 0; index != 5; ++index) {
                group.submit([&] {
                    futures::task_group back(here);
                    back.submit([&] { ++sum; });
                    back.submit([&] { ++sum; });
                    back.wait();
                });
            }
            group.wait();
        });
    };
    for (int round = 0; round != 20; ++round) {
        const auto one = both_ways(first, second);
        const auto two = both_ways(second, first);
        one.result();
        two.result();
    }
    CHECK(sum == 20 * 2 * 5 * 2);
}
