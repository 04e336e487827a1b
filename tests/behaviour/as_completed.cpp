// SPDX-License-Identifier: MIT

// as_completed(): futures as they become done.

#include <algorithm>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/futures_of.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;
using tests::futures_of;
using namespace std::chrono_literals;

TEST_CASE("as_completed() is a move-only input range of futures") {
    using range = futures::as_completed_range<int>;
    STATIC_REQUIRE(std::ranges::input_range<range>);
    STATIC_REQUIRE_FALSE(std::ranges::forward_range<range>);
    STATIC_REQUIRE(std::is_same_v<std::ranges::range_value_t<range>, futures::Future<int>>);
    STATIC_REQUIRE(std::movable<range>);
    STATIC_REQUIRE_FALSE(std::copyable<range>);
}

TEST_CASE(
    "as_completed() yields those done already first, in their order, then the others as they complete") {
    std::vector<futures::Promise<int>> promises(5);
    const auto all = futures_of(promises);
    promises[3].set_result(3);
    promises[1].set_result(1);
    std::vector<futures::Future<int>> order;
    auto range = futures::as_completed(all);
    promises[4].set_result(4);
    promises[0].set_result(0);
    promises[2].set_result(2);
    for (auto future : range) {
        order.push_back(future);
    }
    CHECK(order == std::vector{all[1], all[3], all[4], all[0], all[2]});
}

TEST_CASE("as_completed() blocks until the next is done, on another thread") {
    std::vector<futures::Promise<int>> promises(3);
    const auto all = futures_of(promises);
    std::latch begun(1);
    std::latch first_seen(1);
    std::vector<int> order;
    std::thread iterating([&] {
        auto range = futures::as_completed(all);
        begun.count_down();
        for (const auto& future : range) {
            order.push_back(future.result());
            if (order.size() == 1) {
                first_seen.count_down();
            }
        }
    });
    begun.wait();
    promises[2].set_result(2);
    first_seen.wait();
    promises[0].set_result(0);
    promises[1].set_result(1);
    iterating.join();
    CHECK(order == std::vector{2, 0, 1});
}

TEST_CASE("as_completed() yields each future once, and cancelled and failed ones too") {
    std::vector<futures::Promise<int>> promises(3);
    const auto all = futures_of(promises);
    all[0].cancel();
    promises[1].set_exception(std::make_exception_ptr(1));
    promises[2].set_result(2);
    std::vector<futures::Future<int>> seen;
    for (auto future : futures::as_completed(std::vector{all[0], all[1], all[0], all[2], all[2], all[1]})) {
        seen.push_back(future);
    }
    CHECK(seen == all);
    CHECK(all[1].exception() != nullptr);
}

TEST_CASE("as_completed() over nothing ends at once") {
    auto range = futures::as_completed(std::vector<futures::Future<int>>());
    CHECK(range.begin() == range.end());
}

TEST_CASE("as_completed() throws timeout_error that says how many are unfinished") {
    std::vector<futures::Promise<int>> promises(4);
    promises[0].set_result(0);
    promises[2].set_result(2);
    for (const futures::timeout timeout :
         {futures::timeout(0s), futures::timeout(-1s), futures::timeout(2ms)}) {
        std::size_t seen = 0;
        auto range = futures::as_completed(futures_of(promises), timeout);
        const auto iterate = [&] {
            for (const auto& future : range) {
                seen += future.done();
            }
        };
        CHECK_THROWS_WITH(iterate(), "2 (of 4) futures unfinished");
        CHECK(seen == 2);
        // It is over then.
        CHECK_NOTHROW(iterate());
        CHECK(seen == 2);
    }
    auto none_done = futures::as_completed(std::vector{promises[1].get_future()}, 1ns);
    CHECK_THROWS_AS(none_done.begin(), futures::timeout_error);
}

TEST_CASE("as_completed() yields what is done even when its timeout has passed") {
    std::vector<futures::Promise<int>> promises(2);
    promises[0].set_result(0);
    promises[1].set_result(1);
    std::size_t seen = 0;
    for (const auto& future : futures::as_completed(futures_of(promises), 0s)) {
        seen += future.done();
    }
    CHECK(seen == 2);
}

TEST_CASE("the timeout of as_completed() counts from the call") {
    futures::Promise<int> promise;
    const auto start = std::chrono::steady_clock::now();
    auto range = futures::as_completed(std::vector{promise.get_future()}, 20ms);
    CHECK_THROWS_AS(range.begin(), futures::timeout_error);
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
}

TEST_CASE("as_completed() holds no future that it has yielded") {
    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<std::shared_ptr<int>>> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(executor.submit([i] { return std::make_shared<int>(i); }));
    }
    std::weak_ptr<int> previous;
    auto range = futures::as_completed(std::exchange(tasks, {}));
    for (auto future : range) {
        REQUIRE(previous.expired());
        previous = future.result();
        REQUIRE_FALSE(previous.expired());
        future = {};
        REQUIRE(previous.expired());
    }
}

TEST_CASE("the last handle that as_completed() yields can have its value moved out") {
    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<std::vector<int>>> tasks{
        executor.submit([] { return std::vector<int>(10); })};
    const int* const data = tasks[0].result().data();
    for (auto future : futures::as_completed(std::exchange(tasks, {}))) {
        const std::vector<int> value = std::move(future).result();
        CHECK(value.data() == data);
    }
}

TEST_CASE("as_completed() may be abandoned midway, and moved while it is iterated") {
    std::vector<futures::Promise<int>> promises(3);
    promises[0].set_result(0);
    {
        auto range = futures::as_completed(futures_of(promises));
        CHECK((*range.begin()).result() == 0);
    }
    promises[1].set_result(1);
    auto range = futures::as_completed(futures_of(promises));
    auto iterator = range.begin();
    auto moved = std::move(range);
    ++iterator;
    CHECK((*iterator).result() == 1);
    promises[2].set_result(2);
    iterator++;
    CHECK((*iterator).result() == 2);
    ++iterator;
    CHECK(iterator == moved.end());
}

TEST_CASE("as_completed() takes maps keyed by futures, views, spans and braces") {
    futures::Promise<int> promise;
    promise.set_result(1);
    const auto future = promise.get_future();
    const auto count = [](auto&& range) {
        int seen = 0;
        for (const futures::Future<int>& each : range) {
            seen += each.result();
        }
        return seen;
    };
    std::unordered_map<futures::Future<int>, std::string> map{{future, "key"}};
    CHECK(count(futures::as_completed(map)) == 1);
    CHECK(count(futures::as_completed(std::as_const(map))) == 1);
    CHECK(count(futures::as_completed(std::views::keys(map))) == 1);
    std::vector one{future};
    CHECK(count(futures::as_completed(std::span(one))) == 1);
    CHECK(count(futures::as_completed({future, future})) == 1);
    CHECK_THROWS_AS(futures::as_completed(std::vector{futures::Future<int>()}), futures::invalid_state_error);
}

TEST_CASE("as_completed() works with range algorithms and views") {
    futures::thread_pool_executor executor(2);
    std::vector<futures::Future<int>> tasks;
    for (int i = 0; i < 10; ++i) {
        tasks.push_back(executor.submit([i] { return i; }));
    }
    auto range = futures::as_completed(tasks);
    int sum = 0;
    std::ranges::for_each(range, [&](auto&& future) { sum += future.result(); });
    CHECK(sum == 45);
}

TEST_CASE("as_completed() takes futures of two executors") {
    futures::thread_pool_executor first(1);
    futures::thread_pool_executor second(1);
    std::vector<futures::Future<int>> tasks;
    for (int i = 0; i < 50; ++i) {
        tasks.push_back(first.submit([i] { return i; }));
        tasks.push_back(second.submit([i] { return i; }));
    }
    int sum = 0;
    for (const auto& future : futures::as_completed(tasks)) {
        sum += future.result();
    }
    CHECK(sum == 2 * 49 * 25);
}

TEST_CASE("as_completed() over a million futures") {
    constexpr std::size_t count = tests::often(1'000'000);
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    std::vector<futures::Future<std::size_t>> tasks;
    tasks.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        tasks.push_back(executor.submit([i] { return i; }));
    }
    auto range = futures::as_completed(tasks);
    busy.release();
    std::size_t next = 0;
    for (const auto& future : range) {
        REQUIRE(future.result() == next++);  // one worker completes them in order
    }
    CHECK(next == count);
}

TEST_CASE("as_completed() abandoned while its futures complete") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < tests::often(1'000); ++round) {
        std::vector<futures::Future<int>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
        }
        int left = round % 10;
        for (const auto& future : futures::as_completed(tasks)) {
            REQUIRE(future.done());
            if (left-- == 0) {
                break;
            }
        }
    }
}
