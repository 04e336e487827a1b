// map(): a function over ranges.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <initializer_list>
#include <ios>
#include <latch>
#include <limits>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;
using namespace std::chrono_literals;

namespace {

constexpr auto twice = [](int x) { return 2 * x; };

template <class Range>
auto collect(Range&& range) {
    std::vector<std::ranges::range_value_t<Range>> all;
    for (auto&& each : range) {
        all.push_back(std::forward<decltype(each)>(each));
    }
    return all;
}

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

struct counts_copies {
    counts_copies() = default;
    counts_copies(const counts_copies& other) : copies(other.copies + 1) {}
    counts_copies(counts_copies&& other) noexcept : copies(other.copies) {}
    counts_copies& operator=(const counts_copies&) = default;
    int copies = 0;
};

}  // namespace

TEST_CASE("map() yields the results in the order of the input") {
    futures::thread_pool_executor executor(3);
    auto results = executor.map(twice, numbers(1000));
    STATIC_REQUIRE(std::ranges::input_range<decltype(results)>);
    STATIC_REQUIRE_FALSE(std::ranges::forward_range<decltype(results)>);
    STATIC_REQUIRE(std::is_same_v<std::ranges::range_value_t<decltype(results)>, int>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(results)>);
    int expected = 0;
    for (const int result : results) {
        REQUIRE(result == expected);
        expected += 2;
    }
    CHECK(expected == 2000);
}

TEST_CASE("map() over several ranges stops at the shortest") {
    futures::thread_pool_executor executor(2);
    const auto add = [](int a, int b, int c) { return a + b + c; };
    CHECK(collect(executor.map(add, std::vector{1, 2, 3}, std::vector{10, 20}, numbers(100))) ==
          std::vector{11, 23});
    CHECK(collect(executor.map(add, numbers(100), std::vector{1}, std::views::iota(5))) == std::vector{6});
    CHECK(collect(executor.map({.chunksize = 4}, add, std::views::iota(0), std::list{1, 2, 3, 4, 5, 6},
                               std::views::iota(5))) == std::vector{6, 9, 12, 15, 18, 21});
    CHECK(collect(executor.map(add, std::vector<int>(), numbers(2), std::views::iota(5))).empty());
}

TEST_CASE("map() over an empty range is empty, and starts no thread") {
    futures::thread_pool_executor executor(2);
    CHECK(collect(executor.map(twice, std::vector<int>())).empty());
    CHECK(collect(executor.map({.buffersize = 1, .chunksize = 2}, twice, std::views::empty<int>)).empty());
    CHECK(executor.worker_count() == 0);
}

TEST_CASE("map() submits everything at the call, iterated or not") {
    std::atomic<int> calls = 0;
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto results = executor.map([&](int) { ++calls; }, numbers(10));
    CHECK(executor.pending_count() == 10);
    busy.release();
    executor.shutdown();
    CHECK(calls == 10);
}

TEST_CASE("a container passed as an lvalue is copied: the original may change and go while tasks run") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto source = std::make_unique<std::vector<std::string>>(100, "element");
    auto results = executor.map([](const std::string& each) { return each; }, *source);
    source->assign(100, "changed");
    source.reset();
    busy.release();
    CHECK(collect(results) == std::vector<std::string>(100, "element"));
}

TEST_CASE("a container passed as an rvalue is moved in, its elements are neither copied nor moved") {
    futures::thread_pool_executor executor(1);
    std::vector<counts_copies> source(10);
    const counts_copies* const data = source.data();
    const auto where = [](const counts_copies& each) { return std::pair(&each, each.copies); };
    std::size_t index = 0;
    for (const auto& [address, copies] : executor.map(where, std::move(source))) {
        REQUIRE(address == data + index++);
        REQUIRE(copies == 0);
    }
    CHECK(index == 10);
}

TEST_CASE("views and std::ref refer to what they are given") {
    futures::thread_pool_executor executor(2);
    std::vector<int> source = numbers(100);
    const auto increment = [](int& each) { return &++each; };
    const auto refers = [&](auto&& range) {
        const auto addresses = collect(executor.map(increment, std::forward<decltype(range)>(range)));
        for (std::size_t index = 0; index < source.size(); ++index) {
            REQUIRE(addresses[index] == &source[index]);
        }
    };
    refers(std::span(source));
    refers(std::views::all(source));
    refers(std::ref(source));
    CHECK(source[0] == 3);
    CHECK(collect(executor.map([](const int& each) { return &each; }, std::cref(source)))[5] == &source[5]);
}

TEST_CASE("fn gets references to the elements of a copied container, and may move from them") {
    futures::thread_pool_executor executor(1);
    std::vector<std::unique_ptr<int>> source;
    source.push_back(std::make_unique<int>(1));
    source.push_back(std::make_unique<int>(2));
    auto results =
        executor.map([](std::unique_ptr<int>& each) { return std::move(each); }, std::move(source));
    int sum = 0;
    for (std::unique_ptr<int> each : results) {
        sum += *each;
    }
    CHECK(sum == 3);
}

TEST_CASE("arrays and initializer lists are copied as containers are") {
    futures::thread_pool_executor executor(1);
    int array[] = {1, 2, 3};
    tests::busy_workers busy(executor);
    auto of_array = executor.map(twice, array);
    const std::initializer_list<int> list = {4, 5};
    auto of_list = executor.map(twice, list);
    array[0] = 100;
    busy.release();
    CHECK(collect(of_array) == std::vector{2, 4, 6});
    CHECK(collect(of_list) == std::vector{8, 10});
}

TEST_CASE("map() over an input-only range reads each element once") {
    futures::thread_pool_executor executor(2);
    for (const std::ptrdiff_t chunksize : {1, 3, 100}) {
        std::istringstream input("1 2 3 4 5 6 7");
        CHECK(collect(executor.map({.chunksize = chunksize}, twice, std::views::istream<int>(input))) ==
              std::vector{2, 4, 6, 8, 10, 12, 14});
    }
    std::istringstream input("1 2 3 4 5");
    CHECK(collect(executor.map([](int a, int b) { return a + b; }, std::views::istream<int>(input),
                               std::vector{10, 20})) == std::vector{11, 22});
}

TEST_CASE("map() over forward, bidirectional and generated ranges") {
    futures::thread_pool_executor executor(2);
    CHECK(collect(executor.map(twice, std::forward_list{1, 2, 3})) == std::vector{2, 4, 6});
    CHECK(collect(executor.map({.chunksize = 2}, twice, std::list{1, 2, 3})) == std::vector{2, 4, 6});
    CHECK(collect(
              executor.map({.chunksize = 2}, twice, std::views::iota(0, 3) | std::views::transform(twice))) ==
          std::vector{0, 4, 8});
    CHECK(collect(executor.map(twice, numbers(10) | std::views::filter([](int x) { return x % 2 == 0; }))) ==
          std::vector{0, 4, 8, 12, 16});
    CHECK(collect(executor.map([](char c) { return c; }, std::string("abc"))) == std::vector{'a', 'b', 'c'});
    CHECK(collect(executor.map([](bool b) { return !b; }, std::vector{true, false})) ==
          std::vector{false, true});
}

TEST_CASE("map() takes member pointers, move-only functions and mutable ones") {
    futures::thread_pool_executor executor(1);
    CHECK(collect(executor.map(&std::string::size, std::vector<std::string>{"a", "bc"})) ==
          std::vector<std::size_t>{1, 2});
    auto owned = std::make_unique<int>(5);
    CHECK(collect(executor.map([owned = std::move(owned)](int x) { return *owned + x; }, std::vector{1})) ==
          std::vector{6});
    CHECK(collect(executor.map([calls = 0](int) mutable { return ++calls; }, numbers(3))) ==
          std::vector{1, 2, 3});
}

TEST_CASE("map() results may be void, bool, references, move-only, or without default constructor") {
    futures::thread_pool_executor executor(2);
    for (const std::ptrdiff_t chunksize : {1, 3}) {
        const futures::map_options options{.chunksize = chunksize};
        int count = 0;
        for (const std::monostate none : executor.map(
                 options, [](int) {}, numbers(5))) {
            count += none == std::monostate();
        }
        CHECK(count == 5);

        CHECK(collect(executor.map(
                  options, [](int x) { return x % 2 == 0; }, numbers(3))) == std::vector{true, false, true});

        std::vector<int> source = numbers(5);
        auto references = executor.map(
            options, [](int& x) -> int& { return x; }, std::ref(source));
        STATIC_REQUIRE(std::is_same_v<std::ranges::range_reference_t<decltype(references)>, int&>);
        for (int& each : references) {
            each = -1;
        }
        CHECK(source == std::vector<int>(5, -1));

        int sum = 0;
        for (std::unique_ptr<int> each : executor.map(
                 options, [](int x) { return std::make_unique<int>(x); }, numbers(5))) {
            sum += *each;
        }
        CHECK(sum == 10);

        struct without_default {
            explicit without_default(int number) : value(number) {}
            int value;
        };
        int last = 0;
        for (const without_default& each : executor.map(
                 options, [](int x) { return without_default(x); }, numbers(5))) {
            last = each.value;
        }
        CHECK(last == 4);
    }
}

TEST_CASE("what fn returns as an rvalue reference is kept by value") {
    struct named {
        std::string name;
    };
    futures::thread_pool_executor executor(2);
    auto made = std::views::iota(0, 3) |
                std::views::transform([](int x) { return named{std::string(40, 'a') + std::to_string(x)}; });
    auto names = executor.map(&named::name, made);
    STATIC_REQUIRE(std::is_same_v<std::ranges::range_value_t<decltype(names)>, std::string>);
    CHECK(collect(std::move(names)) == std::vector<std::string>{std::string(40, 'a') + '0',
                                                                std::string(40, 'a') + '1',
                                                                std::string(40, 'a') + '2'});
}

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
    std::latch released(1);
    std::atomic<int> calls = 0;
    futures::thread_pool_executor executor(1);
    std::thread releaser([&] {
        while (executor.pending_count() != 0 || calls == 0) {
            std::this_thread::yield();
        }
        released.count_down();
    });
    {
        auto results = executor.map(
            [&](int x) {
                ++calls;
                if (x == 1) {
                    released.wait();
                }
                return x;
            },
            numbers(100));
        for (const int result : results) {
            REQUIRE(result == 0);
            break;
        }
    }
    CHECK(executor.pending_count() == 0);
    releaser.join();
    executor.shutdown();
    CHECK(calls <= 2);
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

TEST_CASE("wrong options are std::invalid_argument") {
    futures::thread_pool_executor executor(1);
    CHECK_THROWS_AS(executor.map({.chunksize = 0}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.chunksize = -1}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.buffersize = 0}, twice, numbers(1)), std::invalid_argument);
    CHECK_THROWS_AS(executor.map({.buffersize = -1}, twice, numbers(1)), std::invalid_argument);
    CHECK(executor.worker_count() == 0);
}

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
