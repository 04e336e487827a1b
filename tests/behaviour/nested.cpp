// SPDX-License-Identifier: MIT

// Waiting inside a worker runs what waits in the same pool's queue, so it never deadlocks the pool.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <future>
#include <latch>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;
using namespace std::chrono_literals;

namespace {

int fibonacci(futures::executor auto& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto first = executor.submit([&executor, n] { return fibonacci(executor, n - 1); });
    const auto second = executor.submit([&executor, n] { return fibonacci(executor, n - 2); });
    return first.result() + second.result();
}

// A chain of tasks, each of which waits for the next.
int depth(futures::executor auto& executor, int left) {
    return left == 0 ? 0
                     : 1 + executor.submit([&executor, left] { return depth(executor, left - 1); }).result();
}

}  // namespace

TEMPLATE_TEST_CASE("a recursive Fibonacci by submit() and result() ends on every kind of pool", "",
                   futures::fifo, futures::lifo, futures::priority) {
    for (const int workers : {1, 2, 4}) {
        futures::thread_pool_executor<TestType> executor(workers);
        CHECK(executor.submit([&] { return fibonacci(executor, 16); }).result() == 987);
        CHECK(executor.worker_count() <= workers);
    }
}

TEST_CASE("a chain of a thousand tasks, each waiting for the next, ends on one thread") {
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([&] { return depth(executor, 1000); }).result() == 1000);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("a task maps over tasks that map, on one thread") {
    futures::thread_pool_executor executor(1);
    const auto inner = [&](int row) {
        int sum = 0;
        for (const int product :
             executor.map([row](int column) { return row * column; }, std::views::iota(0, 10))) {
            sum += product;
        }
        return sum;
    };
    const auto outer = executor.submit([&] {
        int sum = 0;
        for (const int row : executor.map(inner, std::views::iota(0, 10))) {
            sum += row;
        }
        return sum;
    });
    CHECK(outer.result() == 45 * 45);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("a map with buffersize and chunksize inside a task ends on one thread") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        int sum = 0;
        for (const int each : executor.map(
                 {.buffersize = 2, .chunksize = 3}, [](int x) { return x; }, std::views::iota(0, 100))) {
            sum += each;
        }
        return sum;
    });
    CHECK(outer.result() == 4950);
}

TEST_CASE("as_completed() inside a task ends on one thread") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        std::vector<futures::Future<int>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
        }
        int sum = 0;
        for (auto future : futures::as_completed(tasks)) {
            sum += future.result();
        }
        return sum;
    });
    CHECK(outer.result() == 4950);
}

TEST_CASE("wait() inside a task ends on one thread, in each of its ways") {
    futures::thread_pool_executor executor(1);
    const auto counts = executor.submit([&] {
        const auto tasks = [&] {
            std::vector<futures::Future<int>> made;
            for (int i = 0; i < 10; ++i) {
                made.push_back(executor.submit([i] { return i == 4 ? throw i : i; }));
            }
            return made;
        };
        const auto all = futures::wait(tasks());
        const auto first = futures::wait(tasks(), {.return_when = futures::return_when::first_completed});
        const auto failed = futures::wait(tasks(), {.return_when = futures::return_when::first_exception});
        for (const auto& result : {all, first, failed}) {
            for (const auto& future : result.done) {
                future.exception();
            }
            for (const auto& future : result.not_done) {
                future.cancel();
            }
        }
        return std::vector{all.done.size(), first.done.size(), failed.done.size()};
    });
    CHECK(counts.result() == std::vector<std::size_t>{10, 1, 5});
}

TEST_CASE("exception(), wait() and get() inside a task run what they wait for") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        const auto first = executor.submit([] { return 1; });
        const auto second = executor.submit([] { return 2; });
        const auto third = executor.submit([] { return 3; });
        const bool none = first.exception() == nullptr;
        second.wait();
        return none && second.done() ? third.get() : 0;
    });
    CHECK(outer.result() == 3);
}

TEST_CASE("a worker runs the awaited task on its own thread") {
    futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "only"});
    const auto outer =
        executor.submit([&] { return executor.submit([] { return futures::this_thread_name(); }).result(); });
    CHECK(outer.result() == "only_0");
}

TEST_CASE("a timed wait inside a task runs the task too, but a timeout of zero doesn't") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        const auto inner = executor.submit([] { return 1; });
        const bool not_run = inner.wait_for(0s) == std::future_status::timeout && !inner.done();
        const bool not_by_wait = futures::wait(std::vector{inner}, {.timeout = 0s}).not_done.size() == 1;
        return not_run && not_by_wait ? inner.result(1h) : 0;
    });
    CHECK(outer.result() == 1);
}

TEST_CASE("a worker that waits for another pool's task doesn't run it") {
    futures::thread_pool_executor first({.max_workers = 1, .thread_name_prefix = "first"});
    futures::thread_pool_executor second({.max_workers = 1, .thread_name_prefix = "second"});
    const auto outer =
        first.submit([&] { return second.submit([] { return futures::this_thread_name(); }).result(); });
    CHECK(outer.result() == "second_0");
}

TEST_CASE("a worker waits for a promise as any thread does") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    std::latch waiting(1);
    const auto outer = executor.submit([&] {
        waiting.count_down();
        return promise.get_future().result();
    });
    waiting.wait();
    promise.set_result(6);
    CHECK(outer.result() == 6);
}

TEST_CASE("a task that another worker runs already is waited for") {
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor);
    std::latch waiting(1);
    const auto outer = executor.submit([&] {
        waiting.count_down();
        busy.task().result();
        return 1;
    });
    waiting.wait();
    busy.release();
    CHECK(outer.result() == 1);
}

TEST_CASE("tasks of a pool of two wait for each other's tasks, by turns and at once") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < tests::often(300); ++round) {
        std::vector<futures::Future<int>> outer;
        for (int i = 0; i < 8; ++i) {
            outer.push_back(executor.submit([&executor, i] {
                std::vector<futures::Future<int>> inner;
                for (int j = 0; j < 4; ++j) {
                    inner.push_back(executor.submit([i, j] { return i * j; }));
                }
                int sum = 0;
                for (const auto& future : inner) {
                    sum += future.result();
                }
                return sum;
            }));
        }
        for (int i = 0; i < 8; ++i) {
            REQUIRE(outer[static_cast<std::size_t>(i)].result() == 6 * i);
        }
    }
    CHECK(executor.worker_count() <= 2);
}

TEST_CASE("an exception crosses nested tasks") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        return executor.submit([&]() -> int { return executor.submit([]() -> int { throw 5; }).result(); })
            .result();
    });
    CHECK_THROWS_AS(outer.result(), int);
}

namespace {

// Runs `wait` in a task of a pool whose other worker is idle, or not started yet, or has just begun to run
// the task that `wait` gets. That one runs until it is released, and `wait` must come back before.
template <class Wait>
void check_that_it_is_left_to_another(Wait wait, bool after_it_has_begun = false) {
    const auto check = [&](auto executor, bool warm) {
        if (warm) {
            tests::busy_workers(*executor, 2).release();
        }
        executor
            ->submit([&] {
                std::latch begun(1);
                std::latch released(1);
                const auto slow = executor->submit([&] {
                    begun.count_down();
                    released.wait();
                    return 1;
                });
                if (after_it_has_begun) {
                    begun.wait();
                }
                wait(*executor, slow);
                released.count_down();
                CHECK(slow.result() == 1);
            })
            .result();
    };
    for (const bool warm : {false, true}) {
        INFO((warm ? "idle" : "not started"));
        check(std::make_unique<futures::thread_pool_executor<futures::fifo>>(2), warm);
        check(std::make_unique<futures::thread_pool_executor<futures::lifo>>(2), warm);
        check(std::make_unique<futures::thread_pool_executor<futures::priority>>(2), warm);
    }
}

}  // namespace

TEST_CASE("a task's wait with a limit leaves its task to another worker, and ends by the limit") {
    check_that_it_is_left_to_another([](auto&, const auto& slow) {
        CHECK_THROWS_AS(slow.result(1ms), futures::timeout_error);
        CHECK_THROWS_AS(slow.exception(1ms), futures::timeout_error);
        CHECK_THROWS_AS(std::move(futures::Future<int>(slow)).result(1ms), futures::timeout_error);
        CHECK(slow.wait_for(1ms) == std::future_status::timeout);
        CHECK(slow.wait_until(std::chrono::system_clock::now() + 1ms) == std::future_status::timeout);
        CHECK(futures::wait({slow}, {.timeout = 1ms}).done.empty());
        CHECK_THROWS_AS(futures::as_completed({slow}, 1ms).begin(), futures::timeout_error);
    });
}

TEST_CASE("a task's map with a limit leaves its tasks to another worker, and ends by the limit") {
    futures::thread_pool_executor executor(2);
    executor
        .submit([&] {
            std::latch released(1);
            const auto elements = std::vector{1};
            auto results = executor.map(
                {.timeout = 1ms}, [&](int) { released.wait(); }, elements);
            CHECK_THROWS_AS(static_cast<void>(results.begin()), futures::timeout_error);
            released.count_down();  // for what runs, which the results' end waits for
        })
        .result();
}

TEST_CASE("a task that waits for the first of two doesn't run the one on top of itself that it would end") {
    // Of two that wait, the other worker may take either: so it has begun the one, and nobody is left but the
    // waiter for the other.
    constexpr bool after_it_has_begun = true;
    check_that_it_is_left_to_another(
        [](auto& executor, const auto& slow) {
            const auto quick = executor.submit([] { return 2; });
            const auto first =
                futures::wait({slow, quick}, {.return_when = futures::return_when::first_completed});
            CHECK(first.done == std::vector{quick});
        },
        after_it_has_begun);
    check_that_it_is_left_to_another(
        [](auto& executor, const auto& slow) {
            const auto bad = executor.submit([]() -> int { throw std::runtime_error("bad"); });
            const auto first =
                futures::wait({slow, bad}, {.return_when = futures::return_when::first_exception});
            CHECK(first.done == std::vector{bad});
            CHECK(bad.exception());
        },
        after_it_has_begun);
    check_that_it_is_left_to_another(
        [](auto& executor, const auto& slow) {
            const auto quick = executor.submit([] { return 2; });
            for (const auto& future : futures::as_completed({slow, quick})) {
                CHECK(future == quick);
                break;
            }
        },
        after_it_has_begun);
}

TEST_CASE(
    "a task that waits for the first of several runs none on top of itself if there are workers enough") {
    futures::thread_pool_executor executor(3);
    executor
        .submit([&] {
            std::latch released(1);
            const auto slow = executor.submit([&] { released.wait(); });
            const auto quick = executor.submit([] {});
            const auto first =
                futures::wait({slow, quick}, {.return_when = futures::return_when::first_completed});
            CHECK(first.done == std::vector{quick});
            released.count_down();
            slow.wait();
        })
        .result();
}

TEST_CASE("a wait in a task that may end early runs a task on the spot if nobody else can") {
    for (const int workers : {1, 2}) {
        futures::thread_pool_executor executor(workers);
        tests::busy_workers busy(executor, workers - 1);
        executor
            .submit([&] {
                const auto here = std::this_thread::get_id();
                const auto ask = [&] { return executor.submit([] { return std::this_thread::get_id(); }); };
                CHECK(ask().result(1h) == here);
                const std::vector both{ask(), ask()};
                CHECK_FALSE(
                    futures::wait(both, {.return_when = futures::return_when::first_completed}).done.empty());
                for (const auto& future : futures::as_completed(both, 1h)) {
                    CHECK(future.result() == here);
                }
            })
            .result();
    }
}

TEST_CASE("a wait in a task that may end early runs its task once the last idle worker has found another") {
    // The second worker comes from its initializer when both tasks wait, and takes the more urgent one.
    std::latch both_wait(1);
    std::atomic<int> threads = 0;
    futures::thread_pool_executor<futures::priority> executor({.max_workers = 2, .initializer = [&] {
                                                                   if (threads++ == 1) {
                                                                       both_wait.wait();
                                                                   }
                                                               }});
    const auto waiter = executor.submit([&] {
        std::latch end(1);
        const auto inner = executor.submit({.priority = -1}, [&] { end.count_down(); });
        const auto other = executor.submit({.priority = 1}, [&] { end.wait(); });
        both_wait.count_down();
        for (const auto& future : futures::as_completed({inner})) {
            CHECK(future.done());
        }
        other.wait();
    });
    waiter.result();
}

TEST_CASE("a task that waits for itself without a limit is told so") {
    futures::thread_pool_executor executor(1);
    futures::Promise<futures::Future<void>> own;
    const auto waits_for_itself = executor.submit([task = own.get_future()] { task.result().wait(); });
    own.set_result(waits_for_itself);
    CHECK_THROWS_AS(waits_for_itself.result(), futures::invalid_state_error);

    SECTION("also by wait()") {
        futures::Promise<futures::Future<void>> promise;
        const auto waits = executor.submit(
            [task = promise.get_future()] { static_cast<void>(futures::wait({task.result()})); });
        promise.set_result(waits);
        CHECK_THROWS_AS(waits.result(), futures::invalid_state_error);
    }
    SECTION("also through a task that runs on top of it") {
        futures::Promise<futures::Future<void>> promise;
        const auto outer = executor.submit([&executor, task = promise.get_future()] {
            executor.submit([task] { task.result().wait(); }).result();
        });
        promise.set_result(outer);
        CHECK_THROWS_AS(outer.result(), futures::invalid_state_error);
    }
    SECTION("but with a limit the limit ends it") {
        futures::Promise<futures::Future<std::future_status>> of_itself;
        const auto itself =
            executor.submit([task = of_itself.get_future()] { return task.result().wait_for(1ms); });
        of_itself.set_result(itself);
        CHECK(itself.result() == std::future_status::timeout);
    }
}

TEST_CASE("a worker runs what it waits for by way of another pool, though another worker isn't in a wait") {
    futures::thread_pool_executor pool(2);
    futures::thread_pool_executor other(1);
    futures::Promise<int> promise;
    std::latch blocked{1};
    const auto blocks = pool.submit([&blocked, future = promise.get_future()] {
        blocked.count_down();
        return future.result();
    });
    const auto waits = pool.submit([&] {
        blocked.wait();
        return other.submit([&] { return pool.submit([] { return 1; }).result(); }).result();
    });
    CHECK(waits.result() == 1);
    promise.set_result(2);
    CHECK(blocks.result() == 2);
}

TEST_CASE("a task may end another executor, a task of which waits for its worker") {
    futures::thread_pool_executor outer(1);
    std::atomic<int> sum = 0;
    const auto add_one = [&] { sum += outer.submit([] { return 1; }).result(); };

    SECTION("by its destructor") {
        outer
            .submit([&] {
                futures::thread_pool_executor inner(2);
                for (int i = 0; i < 10; ++i) {
                    inner.submit(add_one);
                }
            })
            .wait();
    }
    SECTION("by shutdown") {
        futures::thread_pool_executor inner(2);
        outer
            .submit([&] {
                for (int i = 0; i < 10; ++i) {
                    inner.submit(add_one);
                }
                inner.shutdown();
            })
            .wait();
    }
    CHECK(sum == 10);
}
