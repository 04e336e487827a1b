// SPDX-License-Identifier: MIT

// wait(): many futures at once.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <future>
#include <latch>
#include <list>
#include <map>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/futures_of.hpp"
#include "support/sanitizer.hpp"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace futures = concurrent::futures;
using futures::return_when;
using tests::futures_of;
using namespace std::chrono_literals;

namespace {

struct by_address {
    bool operator()(const futures::Future<int>& a, const futures::Future<int>& b) const {
        return std::hash<futures::Future<int>>()(a) < std::hash<futures::Future<int>>()(b);
    }
};

}  // namespace

TEST_CASE("wait() returns when all are done, in the order of the input") {
    futures::thread_pool_executor executor(2);
    std::vector<futures::Future<int>> tasks;
    for (int i = 0; i < 100; ++i) {
        tasks.push_back(executor.submit([i] { return i; }));
    }
    const auto result = futures::wait(tasks);
    STATIC_REQUIRE(std::is_same_v<decltype(result), const futures::wait_result<int>>);
    CHECK(result.done == tasks);
    CHECK(result.not_done.empty());
}

TEST_CASE("wait() blocks until the last is done") {
    std::vector<futures::Promise<int>> promises(3);
    const auto all = futures_of(promises);
    std::latch waiting(1);
    std::atomic<bool> set = false;
    bool set_before_return = false;
    std::thread waiter([&] {
        waiting.count_down();
        set_before_return = futures::wait(all).done.size() == 3 && set;
    });
    waiting.wait();
    promises[2].set_result(0);
    promises[0].set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    set = true;
    promises[1].set_result(0);
    waiter.join();
    CHECK(set_before_return);
    CHECK(all[0].exception() != nullptr);
}

TEST_CASE("wait(first_completed) returns when one is done, be it by failure or cancellation") {
    std::vector<futures::Promise<int>> promises(3);
    const auto all = futures_of(promises);
    std::latch waiting(1);
    futures::wait_result<int> result;
    std::thread waiter([&] {
        waiting.count_down();
        result = futures::wait(all, {.return_when = return_when::first_completed});
    });
    waiting.wait();
    promises[1].set_result(0);
    waiter.join();
    CHECK(result.done == std::vector{all[1]});
    CHECK(result.not_done == std::vector{all[0], all[2]});

    CHECK(futures::wait(std::vector{all[0], all[1]}, {.return_when = return_when::first_completed}).done ==
          std::vector{all[1]});
    all[2].cancel();
    CHECK(futures::wait(std::vector{all[0], all[2]}, {.return_when = return_when::first_completed}).done ==
          std::vector{all[2]});
}

TEST_CASE("wait(first_exception) returns at the first failure, or when all are done") {
    std::vector<futures::Promise<int>> promises(4);
    const auto all = futures_of(promises);
    std::latch waiting(1);
    futures::wait_result<int> result;
    std::thread waiter([&] {
        waiting.count_down();
        result = futures::wait(all, {.return_when = return_when::first_exception});
    });
    waiting.wait();
    promises[0].set_result(0);
    all[1].cancel();  // no failure
    promises[2].set_exception(std::make_exception_ptr(1));
    waiter.join();
    CHECK(result.done == std::vector{all[0], all[1], all[2]});
    CHECK(result.not_done == std::vector{all[3]});
    CHECK(all[2].exception() != nullptr);

    CHECK(futures::wait(std::vector{all[0], all[1]}, {.return_when = return_when::first_exception})
              .done.size() == 2);
    CHECK(futures::wait(all, {.timeout = 0s, .return_when = return_when::first_exception}).done.size() == 3);
}

TEST_CASE("wait() with a timeout returns what is done by then, and throws nothing") {
    std::vector<futures::Promise<int>> promises(2);
    const auto all = futures_of(promises);
    promises[0].set_result(0);
    for (const futures::timeout timeout : {futures::timeout(0s), futures::timeout(-1s), futures::timeout(1ms),
                                           futures::timeout(std::chrono::duration<double>(0.001))}) {
        const auto result = futures::wait(all, {.timeout = timeout});
        CHECK(result.done == std::vector{all[0]});
        CHECK(result.not_done == std::vector{all[1]});
    }
    promises[1].set_result(0);
    CHECK(futures::wait(all, {.timeout = std::chrono::hours::max()}).done.size() == 2);
}

#if defined(__linux__)
TEST_CASE("a timeout of zero doesn't sleep") {
    const auto sleeps = [] {
        rusage usage{};
        getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;
    };
    std::vector<futures::Promise<int>> promises(2);
    const auto all = futures_of(promises);
    const auto before = sleeps();
    for (int round = 0; round < tests::often(1'000); ++round) {
        REQUIRE(futures::wait(all, {.timeout = 0s}).done.empty());
        REQUIRE_THROWS_AS(futures::as_completed(all, 0s).begin(), futures::timeout_error);
        REQUIRE(all[0].wait_for(0s) == std::future_status::timeout);
    }
    CHECK(sleeps() - before < 100);  // other threads may have a lock now and then
}
#endif

TEST_CASE("wait() over nothing returns at once") {
    const std::vector<futures::Future<int>> none;
    for (const auto when :
         {return_when::all_completed, return_when::first_completed, return_when::first_exception}) {
        const auto result = futures::wait(none, {.return_when = when});
        CHECK((result.done.empty() && result.not_done.empty()));
    }
}

TEST_CASE("wait() has each future once, however often it was given") {
    futures::Promise<int> pending;
    futures::Promise<int> done;
    done.set_result(0);
    const auto a = pending.get_future();
    const auto b = done.get_future();
    const auto result = futures::wait(std::vector{a, b, a, b, b, a}, {.timeout = 0s});
    CHECK(result.done == std::vector{b});
    CHECK(result.not_done == std::vector{a});
}

TEST_CASE("wait() takes any range of futures, and any map keyed by them") {
    futures::Promise<int> promise;
    promise.set_result(1);
    const auto future = promise.get_future();
    std::vector one{future};
    CHECK(futures::wait(one).done.size() == 1);
    CHECK(futures::wait(std::as_const(one)).done.size() == 1);
    CHECK(futures::wait(std::list{future}).done.size() == 1);
    CHECK(futures::wait(std::span(one)).done.size() == 1);
    CHECK(futures::wait({future, future}).done.size() == 1);
    CHECK(futures::wait({future}, {.timeout = 1h}).done.size() == 1);
    CHECK(futures::wait(std::unordered_set{future}).done.size() == 1);
    CHECK(futures::wait(std::unordered_map<futures::Future<int>, std::string>{{future, "key"}}).done.size() ==
          1);
    CHECK(futures::wait(std::map<futures::Future<int>, int, by_address>{{future, 1}}).done.size() == 1);
    CHECK(futures::wait(std::unordered_multimap<futures::Future<int>, int>{{future, 1}, {future, 2}})
              .done.size() == 1);
    const auto generated =
        std::views::iota(0, 3) | std::views::transform([&](int) { return futures::Future(future); });
    CHECK(futures::wait(generated).done.size() == 1);
    const futures::Future<int> array[] = {future};
    CHECK(futures::wait(array).done.size() == 1);
}

TEST_CASE("wait() on a future that is not valid throws invalid_state_error") {
    CHECK_THROWS_AS(futures::wait(std::vector{futures::Future<int>()}), futures::invalid_state_error);
}

TEST_CASE("wait() takes futures of two executors, and of void") {
    futures::thread_pool_executor first(1);
    futures::thread_pool_executor second(1);
    std::vector<futures::Future<void>> tasks;
    for (int i = 0; i < 10; ++i) {
        tasks.push_back(first.submit([] {}));
        tasks.push_back(second.submit([] {}));
    }
    CHECK(futures::wait(tasks).done.size() == 20);
    // In a task of one of them, too.
    const auto inside = first.submit([&] {
        std::vector<futures::Future<void>> more{first.submit([] {}), second.submit([] {})};
        return futures::wait(more).done.size();
    });
    CHECK(inside.result() == 2);
}

TEST_CASE("wait() over a million futures, done and not") {
    constexpr std::size_t count = tests::often(1'000'000);
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    std::vector<futures::Future<void>> tasks;
    tasks.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        tasks.push_back(executor.submit([] {}));
    }
    CHECK(futures::wait(tasks, {.timeout = 0s}).not_done.size() == count);
    busy.release();
    CHECK(futures::wait(tasks).done.size() == count);
    CHECK(futures::wait(tasks, {.return_when = return_when::first_completed}).done.size() == count);
}

TEST_CASE("several threads wait for the same futures in different ways") {
    for (int round = 0; round < tests::often(300); ++round) {
        std::vector<futures::Promise<int>> promises(6);
        const auto all = futures_of(promises);
        std::latch start(4);
        std::size_t done[3] = {};
        std::vector<std::thread> threads;
        for (const auto when :
             {return_when::all_completed, return_when::first_completed, return_when::first_exception}) {
            threads.emplace_back([&, when] {
                start.arrive_and_wait();
                done[static_cast<std::size_t>(when)] = futures::wait(all, {.return_when = when}).done.size();
            });
        }
        start.arrive_and_wait();
        for (std::size_t index = 0; index < 6; ++index) {
            if (index == 3) {
                promises[index].set_exception(std::make_exception_ptr(index));
            } else {
                promises[index].set_result(0);
            }
        }
        for (auto& thread : threads) {
            thread.join();
        }
        REQUIRE(done[0] == 6);
        REQUIRE(done[1] >= 1);
        REQUIRE(done[2] >= 4);
        REQUIRE(all[3].exception() != nullptr);
    }
}

TEST_CASE("waits that time out while the futures complete leave nothing behind") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < tests::often(1'000); ++round) {
        std::vector<futures::Future<int>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
        }
        const auto result = futures::wait(tasks, {.timeout = std::chrono::nanoseconds(10 * round)});
        REQUIRE(result.done.size() + result.not_done.size() == 10);
        const auto rest = futures::wait(result.not_done);
        REQUIRE(rest.done == result.not_done);
    }
}
