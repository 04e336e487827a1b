// SPDX-License-Identifier: MIT

// What map() does with exceptions, time limits and iterations that are abandoned.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <initializer_list>
#include <latch>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;
using namespace std::chrono_literals;
using tests::collect;
using tests::numbers;
using tests::twice;

TEST_CASE("an exception is rethrown by the increment that reaches it, in the order of the input") {
    for (const std::ptrdiff_t chunksize : {1, 2, 3, 100}) {
        futures::thread_pool_executor executor(1);
        auto results = executor.map(
            {.chunksize = chunksize}, [](int x) { return x == 3 ? throw std::runtime_error("three") : x; },
            numbers(10));
        auto iterator = results.begin();
        CHECK(*iterator == 0);
        ++iterator;
        ++iterator;
        CHECK(*iterator == 2);
        CHECK_THROWS_WITH(++iterator, "three");
        CHECK(iterator == results.end());
        CHECK(results.begin() == results.end());
    }
}

TEST_CASE("an exception of the first element is rethrown by begin()") {
    futures::thread_pool_executor executor(1);
    auto results = executor.map([](int) -> int { throw 1; }, numbers(1));
    CHECK_THROWS_AS(results.begin(), int);
    CHECK(results.begin() == results.end());
}

TEST_CASE("after an exception, tasks not yet started are cancelled") {
    futures::thread_pool_executor executor(1);
    std::latch released(1);
    std::atomic<int> calls = 0;
    auto results = executor.map(
        [&](int x) {
            ++calls;
            if (x == 0) {
                throw std::runtime_error("zero");
            }
            released.wait();
        },
        numbers(100));
    CHECK_THROWS_WITH(results.begin(), "zero");
    CHECK(executor.pending_count() == 0);
    released.count_down();
    executor.shutdown();
    CHECK(calls <= 2);
}

TEST_CASE("an exception ends its chunk, whose later elements are not called") {
    futures::thread_pool_executor executor(1);
    std::atomic<int> calls = 0;
    auto results = executor.map(
        {.chunksize = 10},
        [&](int x) {
            ++calls;
            return x == 4 ? throw 4 : x;
        },
        numbers(10));
    CHECK_THROWS_AS(collect(results), int);
    CHECK(calls == 5);
}

TEST_CASE("an iteration that is abandoned midway cancels what has not started, and waits for what runs") {
    std::latch runs(1);
    std::latch released(1);
    std::atomic<int> calls = 0;
    futures::thread_pool_executor executor(1);
    auto results = std::optional(executor.map(
        [&](int x) {
            ++calls;
            if (x == 1) {
                runs.count_down();
                released.wait();
            }
            return x;
        },
        numbers(100)));
    for (const int result : *results) {
        REQUIRE(result == 0);
        break;
    }
    runs.wait();
    CHECK(executor.pending_count() == 98);
    // The task that runs is released once the others are cancelled; else this test hangs.
    std::thread releaser([&] {
        while (executor.pending_count() != 0) {
            std::this_thread::yield();
        }
        released.count_down();
    });
    results.reset();
    CHECK(executor.pending_count() == 0);
    CHECK(calls == 2);
    releaser.join();
    executor.shutdown();
    CHECK(calls == 2);
}

TEST_CASE("results that are thrown away, never iterated, stop nothing") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    std::atomic<int> sum = 0;
    executor.map([&](int x) { sum += x; }, numbers(10));
    executor.map(
        {.chunksize = 3}, [&](int x) { sum += x; }, std::views::iota(10, 20));
    executor.map(
        {.buffersize = 2}, [&](int x) { sum += x; }, std::views::iota(1000));
    CHECK(executor.pending_count() == 16);
    busy.release();
    executor.shutdown();
    CHECK(sum == 190 + 1000 + 1001);
}

TEST_CASE("results that are moved while iterated go on") {
    futures::thread_pool_executor executor(1);
    auto results = executor.map(twice, numbers(3));
    auto iterator = results.begin();
    const auto moved = std::move(results);
    ++iterator;
    CHECK(*iterator == 2);
}

TEST_CASE("results outlive the executor") {
    using results_type =
        decltype(std::declval<futures::thread_pool_executor<>&>().map(twice, std::vector<int>()));
    std::unique_ptr<results_type> results;
    {
        futures::thread_pool_executor executor(2);
        results = std::make_unique<results_type>(executor.map(twice, numbers(10)));
    }
    CHECK(collect(*results).size() == 10);
}

TEST_CASE("with buffersize, input that is left when the executor is shut down is refused") {
    futures::thread_pool_executor executor(2);
    auto results = executor.map({.buffersize = 2}, twice, numbers(10));
    executor.shutdown();
    CHECK_THROWS_AS(collect(results), futures::executor_shutdown);
}

TEST_CASE("the timeout of map() counts from the call and is thrown by the increment that would pass it") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto start = std::chrono::steady_clock::now();
    auto late = executor.map({.timeout = 20ms}, twice, numbers(3));
    CHECK_THROWS_AS(late.begin(), futures::timeout_error);
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
    CHECK(late.begin() == late.end());
    CHECK(executor.pending_count() == 0);  // what had not started was cancelled

    auto at_once = executor.map({.timeout = 0s}, twice, numbers(3));
    CHECK_THROWS_AS(at_once.begin(), futures::timeout_error);
    auto negative = executor.map({.timeout = -1s}, twice, numbers(3));
    CHECK_THROWS_AS(negative.begin(), futures::timeout_error);
    busy.release();
    CHECK(collect(executor.map({.timeout = std::chrono::hours::max()}, twice, numbers(3))).size() == 3);
    CHECK(
        collect(executor.map({.timeout = std::chrono::duration<double>(1e300)}, twice, numbers(3))).size() ==
        3);
}

TEST_CASE("a result that is there is yielded, also when the timeout has passed") {
    futures::thread_pool_executor executor(1);
    auto results = executor.map({.timeout = 0s}, twice, numbers(3));
    executor.shutdown();
    CHECK(collect(results) == std::vector{0, 2, 4});
}

TEST_CASE("map() after shutdown is refused, also over an empty range") {
    futures::thread_pool_executor executor(1);
    executor.shutdown();
    CHECK_THROWS_AS(executor.map(twice, std::vector<int>()), futures::executor_shutdown);
    CHECK_THROWS_AS(futures::map(executor, twice, std::vector{1}), futures::executor_shutdown);
}

TEST_CASE("wrong options are std::invalid_argument") {
    futures::thread_pool_executor executor(1);
    CHECK_THROWS_AS(executor.map({.chunksize = 0}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.chunksize = -1}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.buffersize = 0}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.buffersize = -1}, twice, numbers(1)), std::invalid_argument);
    CHECK(executor.worker_count() == 0);
}
