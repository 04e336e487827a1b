// SPDX-License-Identifier: MIT

// What map() does with chunks and buffers, and with inputs of all kinds.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstdint>
#include <initializer_list>
#include <ios>
#include <latch>
#include <limits>
#include <list>
#include <ranges>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;
using tests::collect;
using tests::numbers;
using tests::twice;

TEST_CASE("chunksize: so many elements a task") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto by_three = executor.map({.chunksize = 3}, twice, numbers(10));
    CHECK(executor.pending_count() == 4);
    auto by_all = executor.map({.chunksize = 1000}, twice, numbers(10));
    CHECK(executor.pending_count() == 5);
    auto by_ends =
        executor.map({.chunksize = std::numeric_limits<std::ptrdiff_t>::max()}, twice, std::list{1, 2});
    CHECK(executor.pending_count() == 6);
    busy.release();
    CHECK(collect(by_three).size() == 10);
    CHECK(collect(by_all).size() == 10);
    CHECK(collect(by_ends).size() == 2);
}

TEST_CASE("chunksize may be more than the range's iterators can count") {
    futures::thread_pool_executor executor(2);
    const auto few = std::views::iota(short{0}) | std::views::take(5);
    STATIC_REQUIRE(sizeof(std::ranges::range_difference_t<decltype(few)>) <= sizeof(std::int32_t));
    for (const std::ptrdiff_t chunksize :
         {std::ptrdiff_t{5}, (std::numeric_limits<std::ptrdiff_t>::max)() / 2 + 1,
          (std::numeric_limits<std::ptrdiff_t>::max)()}) {
        auto results = executor.map(
            {.chunksize = chunksize}, [](int x) { return x; }, few);
        CHECK(collect(std::move(results)) == numbers(5));
    }
}

TEST_CASE("auto_chunksize: about four chunks a worker") {
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor, 2);
    auto results = executor.map({.auto_chunksize = true}, twice, numbers(1000));
    CHECK(executor.pending_count() == 8);
    auto few = executor.map({.auto_chunksize = true}, twice, numbers(3));
    CHECK(executor.pending_count() == 8 + 3);
    auto of_unknown_size = executor.map({.chunksize = 2, .auto_chunksize = true}, twice,
                                        numbers(10) | std::views::filter([](int) { return true; }));
    CHECK(executor.pending_count() == 8 + 3 + 5);
    busy.release();
    CHECK(collect(results).size() == 1000);
    CHECK(collect(few).size() == 3);
    CHECK(collect(of_unknown_size).size() == 10);
}

TEST_CASE("auto_chunksize: each element is a task of its own where the workers may be more, however many") {
    // Four times as many are none, or four, where a word has 32 bits.
    for (const int limit : {1 << 30, (1 << 30) + 1, std::numeric_limits<int>::max()}) {
        futures::thread_pool_executor executor(limit);
        std::latch all(8);
        auto results = executor.map(
            {.auto_chunksize = true},
            [&all](int x) {
                all.arrive_and_wait();
                return x;
            },
            numbers(8));
        CHECK(collect(results) == numbers(8));
    }
}

namespace {

// Says of three elements that they are more than a word of 32 bits can count.
struct of_great_size : std::vector<int> {
    using vector::vector;
    [[nodiscard]] std::uint64_t size() const { return (std::uint64_t{1} << 32) + 1; }
};

}  // namespace

TEST_CASE("auto_chunksize: a range's size counts as it is, whatever its type") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto results = executor.map({.auto_chunksize = true}, twice, of_great_size{1, 2, 3});
    CHECK(executor.pending_count() == 1);
    busy.release();
    CHECK(collect(results) == std::vector{2, 4, 6});
}

TEST_CASE("buffersize is never exceeded, counted in the tasks") {
    for (const std::ptrdiff_t chunksize : {1, 2}) {
        for (const std::ptrdiff_t buffersize : {1, 3}) {
            futures::thread_pool_executor executor(2);
            std::atomic<std::ptrdiff_t> called = 0;
            std::ptrdiff_t taken = 0;
            auto results = executor.map(
                {.buffersize = buffersize, .chunksize = chunksize},
                [&](int x) {
                    ++called;
                    return x;
                },
                std::views::iota(0));
            for (const int result : results) {
                REQUIRE(result == taken);
                // The chunk that is being looked at is not consumed.
                const std::ptrdiff_t consumed = taken / chunksize * chunksize;
                REQUIRE(called <= consumed + buffersize * chunksize);
                if (++taken == 100) {
                    break;
                }
            }
        }
    }
}

TEST_CASE("with buffersize, no more tasks wait than it says") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto results = executor.map({.buffersize = 7, .chunksize = 3}, twice, std::views::iota(0));
    CHECK(executor.pending_count() == 7);
}

TEST_CASE("with buffersize, an input-only range is read no further than the tasks that may be submitted") {
    futures::thread_pool_executor executor(1);
    std::istringstream input("0 1 2 3 4 5 6 7 8 9");
    auto results = executor.map({.buffersize = 2}, twice, std::views::istream<int>(input));
    const auto read_so_far = [&] { return static_cast<int>(input.tellg() + std::streamoff(1)) / 2; };
    CHECK(read_so_far() == 2);
    int taken = 0;
    for (const int result : results) {
        REQUIRE(result == 2 * taken);
        // The element that is looked at is not consumed.
        if (taken < 7) {
            REQUIRE(read_so_far() == taken + 2);
        }
        ++taken;
    }
    CHECK(taken == 10);
}

TEST_CASE("an infinite input works with buffersize") {
    futures::thread_pool_executor executor(2);
    int expected = 0;
    for (const int result : executor.map({.buffersize = 5}, twice, std::views::iota(0))) {
        REQUIRE(result == 2 * expected);
        if (++expected == 1000) {
            break;
        }
    }
    CHECK(expected == 1000);
}

TEST_CASE("an input range that throws while it is read makes map() throw, and cancels what was submitted") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    std::istringstream input("1 2 x");
    input.exceptions(std::ios::failbit);
    CHECK_THROWS_AS(executor.map(twice, std::views::istream<int>(input)), std::ios::failure);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("the elements of an input-only range stay for the task after the range has moved on") {
    std::istringstream input("a b c");
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    // Its iterator gives a reference to one string, which each increment overwrites.
    auto results = executor.map([](std::string& word) { return std::move(word); },
                                std::views::istream<std::string>(input));
    busy.release();
    CHECK(collect(results) == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("map() works on lifo and priority pools") {
    futures::thread_pool_executor<futures::lifo> last_first(2);
    CHECK(collect(last_first.map(twice, numbers(100))).size() == 100);
    futures::thread_pool_executor<futures::priority> by_priority(2);
    CHECK(collect(by_priority.map(twice, numbers(100)))[99] == 198);
}

TEST_CASE("maps of many threads on one executor") {
    futures::thread_pool_executor executor(2);
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 50; ++round) {
                int sum = 0;
                for (const int each : executor.map({.buffersize = 4, .chunksize = 2}, twice, numbers(20))) {
                    sum += each;
                    if (round % 5 == i && sum > 100) {
                        break;
                    }
                }
                right += sum == 380 || (round % 5 == i && sum > 100);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == 200);
}
