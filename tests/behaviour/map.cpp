// SPDX-License-Identifier: MIT

// map(): a function over ranges.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <forward_list>
#include <functional>
#include <initializer_list>
#include <list>
#include <memory>
#include <ranges>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/counts_copies.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;
using tests::collect;
using tests::counts_copies;
using tests::numbers;
using tests::twice;

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
