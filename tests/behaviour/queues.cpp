// SPDX-License-Identifier: MIT

// The order in which waiting tasks start, and that stale ones don't stay in the queue.

#include <algorithm>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;
using tests::numbers;

namespace {

template <class Executor, class Submit>
std::vector<int> order_of_start(int count, Submit submit) {
    std::vector<int> order;
    Executor executor(1);
    tests::busy_workers busy(executor);
    for (int number = 0; number < count; ++number) {
        submit(executor, number, [&order, number] { order.push_back(number); });
    }
    busy.release();
    executor.shutdown();
    return order;
}

constexpr auto plainly = [](auto& executor, int, auto task) { executor.submit(task); };

}  // namespace

TEST_CASE("fifo: the task submitted first starts first") {
    CHECK(order_of_start<futures::thread_pool_executor<>>(100, plainly) == numbers(100));
    CHECK(order_of_start<futures::thread_pool_executor<futures::fifo>>(100, plainly) == numbers(100));
}

TEST_CASE("lifo: the task submitted last starts first") {
    auto expected = numbers(100);
    std::reverse(expected.begin(), expected.end());
    CHECK(order_of_start<futures::thread_pool_executor<futures::lifo>>(100, plainly) == expected);
}

TEST_CASE("priority: the greatest starts first, and equals in the order of submission") {
    std::mt19937 random(1);
    std::vector<int> priorities(1000);
    for (int& priority : priorities) {
        priority = std::uniform_int_distribution<int>(-5, 5)(random);
    }
    auto expected = numbers(1000);
    const auto priority_of = [&](int number) { return priorities[static_cast<std::size_t>(number)]; };
    std::sort(expected.begin(), expected.end(), [&](int a, int b) {
        return priority_of(a) != priority_of(b) ? priority_of(a) > priority_of(b) : a < b;
    });
    const auto order = order_of_start<futures::thread_pool_executor<futures::priority>>(
        1000, [&](auto& executor, int number, auto task) {
            executor.submit({.priority = priority_of(number)}, task);
        });
    CHECK(order == expected);
}

TEST_CASE("priority: a submit without options has priority 0, and map too") {
    std::vector<int> order;
    futures::thread_pool_executor<futures::priority> executor(1);
    tests::busy_workers busy(executor);
    executor.submit({.priority = -1}, [&] { order.push_back(-1); });
    executor.submit([&] { order.push_back(0); });
    const auto results = executor.map([&](int number) { order.push_back(number); }, std::vector{100});
    executor.submit({.priority = 1}, [&] { order.push_back(1); });
    busy.release();
    executor.shutdown();
    CHECK(order == std::vector<int>{1, 0, 100, -1});
}

TEMPLATE_TEST_CASE("cancelled tasks between others change nothing about the order", "", futures::fifo,
                   futures::lifo, futures::priority) {
    std::vector<int> order;
    futures::thread_pool_executor<TestType> executor(1);
    tests::busy_workers busy(executor);
    std::vector<futures::Future<void>> cancelled;
    for (int number = 0; number < 3000; ++number) {
        const auto future = executor.submit([&order, number] { order.push_back(number); });
        if (number % 10 != 0) {
            cancelled.push_back(future);
        }
    }
    for (const auto& future : cancelled) {
        REQUIRE(future.cancel());
    }
    // The queue looks for stale tasks when one is pushed.
    executor.submit([&order] { order.push_back(3000); });
    CHECK(executor.pending_count() == 301);
    busy.release();
    executor.shutdown();
    std::vector<int> expected;
    for (int number = 0; number <= 3000; number += 10) {
        expected.push_back(number);
    }
    if (std::is_same_v<TestType, futures::lifo>) {
        std::reverse(expected.begin(), expected.end());
    }
    CHECK(order == expected);
}

// A fifo's counts begin shortly before their end.
TEMPLATE_TEST_CASE("what waits is counted, and runs, also when the queue's counts wrap around", "",
                   futures::fifo, futures::lifo, futures::priority) {
    futures::thread_pool_executor<TestType> executor(1);
    std::vector<futures::Future<int>> tasks;
    {
        tests::busy_workers busy(executor);
        for (int i = 0; i < 300; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
            REQUIRE(executor.pending_count() == tasks.size());
        }
    }
    for (int i = 0; i < 300; ++i) {
        REQUIRE(tasks[static_cast<std::size_t>(i)].result() == i);
    }
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("shutdown with cancel_futures empties every kind of queue") {
    const auto check = [](auto&& executor) {
        tests::busy_workers busy(executor);
        std::vector<futures::Future<void>> waiting;
        for (int i = 0; i < 100; ++i) {
            waiting.push_back(executor.submit({.priority = i % 7}, [] {}));
        }
        executor.shutdown({.wait = false, .cancel_futures = true});
        CHECK(std::all_of(waiting.begin(), waiting.end(), [](const auto& each) { return each.cancelled(); }));
    };
    check(futures::thread_pool_executor<futures::fifo>(1));
    check(futures::thread_pool_executor<futures::lifo>(1));
    check(futures::thread_pool_executor<futures::priority>(1));
}

// A fifo has two lists: what its worker has before it, and what was submitted since.
TEST_CASE("fifo: purging stale tasks keeps those in order that were submitted before and after a start") {
    std::vector<int> order;
    std::vector<futures::Future<void>> cancelled;
    futures::thread_pool_executor executor(1);
    const auto submit = [&](int begin, int end) {
        for (int number = begin; number < end; ++number) {
            const auto future = executor.submit([&order, number] { order.push_back(number); });
            if (number % 10 != 0) {
                cancelled.push_back(future);
            }
        }
    };
    {
        std::latch started(1);
        std::latch go_on(1);
        tests::busy_workers first(executor);
        const auto second = executor.submit([&] {
            started.count_down();
            go_on.wait();
        });
        submit(0, 300);
        first.release();
        started.wait();  // the worker has taken over all that
        submit(300, 600);
        for (const auto& future : cancelled) {
            future.cancel();
        }
        executor.submit([&order] { order.push_back(600); });  // looks for stale tasks
        CHECK(executor.pending_count() == 61);
        go_on.count_down();
        second.wait();
    }
    executor.shutdown();
    std::vector<int> expected;
    for (int number = 0; number <= 600; number += 10) {
        expected.push_back(number);
    }
    CHECK(order == expected);
}
