// submit(): what can be called, with what, and how it fails.

#include <atomic>
#include <concurrent/futures.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

int twice(int number) {
    return 2 * number;
}

struct account {
    int balance = 10;
    int withdraw(int amount) { return balance -= amount; }
};

struct counts_copies {
    counts_copies() = default;
    counts_copies(const counts_copies& other) : copies(other.copies + 1) {}
    counts_copies(counts_copies&& other) noexcept : copies(other.copies) {}
    int copies = 0;
};

// How many are alive, and from which copy on, counted from 0, copying throws.
struct throws_when_copied {
    static inline int alive = 0;
    throws_when_copied() { ++alive; }
    throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copied"); }
    ~throws_when_copied() { --alive; }
};

}  // namespace

TEST_CASE("submit() takes functions, function pointers, lambdas, function objects and member pointers") {
    futures::thread_pool_executor executor(2);
    account owned;
    CHECK(executor.submit(twice, 4).result() == 8);
    CHECK(executor.submit(&twice, 4).result() == 8);
    CHECK(executor.submit([](int a, int b) { return a + b; }, 1, 2).result() == 3);
    CHECK(executor.submit(std::plus<>(), 1, 2).result() == 3);
    CHECK(executor.submit(std::function<int()>([] { return 5; })).result() == 5);
    CHECK(executor.submit(&account::withdraw, &owned, 3).result() == 7);
    CHECK(executor.submit(&account::withdraw, std::ref(owned), 3).result() == 4);
    CHECK(executor.submit(&account::balance, std::ref(owned)).result() == 4);
    CHECK(executor.submit(&account::withdraw, std::make_shared<account>(), 1).result() == 9);
}

TEST_CASE("what a task returns as an rvalue reference, as a member of an argument, is kept by value") {
    struct named {
        std::string name;
    };
    futures::thread_pool_executor executor(1);
    named whole{std::string(40, 'a')};
    auto copied = executor.submit(&named::name, whole);
    STATIC_REQUIRE(std::is_same_v<decltype(copied), futures::Future<std::string>>);
    CHECK(copied.result() == whole.name);
    auto referred = executor.submit(&named::name, std::ref(whole));
    STATIC_REQUIRE(std::is_same_v<decltype(referred), futures::Future<std::string&>>);
    CHECK(&referred.result() == &whole.name);
}

namespace other_library {

// Names that the library uses too, for all types of this namespace.
template <class T>
int unwrapped(T&&) = delete;
template <class T>
int operator&(T&&) = delete;
template <class T, class U>
int operator,(T&&, U&&) = delete;

struct number {
    int value = 0;
};

}  // namespace other_library

TEST_CASE("what a user's namespace has for its types doesn't meddle") {
    using other_library::number;
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([](number x) { return number{x.value + 1}; }, number{1}).result().value == 2);
    std::vector<number> many(3, number{2});
    int sum = 0;
    for (const number each : executor.map(
             {.chunksize = 2}, [](number x) { return x; }, many)) {
        sum += each.value;
    }
    CHECK(sum == 6);
    std::vector<futures::Future<number>> all{executor.submit([] { return number{3}; })};
    CHECK(futures::wait(all).done.size() == 1);
    for (auto future : futures::as_completed(all)) {
        future.add_done_callback([&](const futures::Future<number>& same) { sum += same.result().value; });
    }
    futures::Promise<number> promise;
    promise.set_result(number{4});
    promise = futures::Promise<number>();
    CHECK(sum == 9);
}

TEST_CASE("submit() copies its arguments, unless std::ref says otherwise") {
    futures::thread_pool_executor executor(1);
    std::string text = "before";
    {
        tests::busy_workers busy(executor);
        const auto copied = executor.submit([](const std::string& argument) { return argument; }, text);
        const auto referred =
            executor.submit([](const std::string& argument) { return argument; }, std::cref(text));
        text = "after";
        busy.release();
        CHECK(copied.result() == "before");
        CHECK(referred.result() == "after");
    }
    executor.submit([](std::string& argument) { argument = "written"; }, std::ref(text)).result();
    CHECK(text == "written");
}

TEST_CASE("arguments decay: a literal becomes a pointer, an array of const char too, a function a pointer") {
    futures::thread_pool_executor executor(1);
    const auto future =
        executor.submit([](auto text) { return std::is_same_v<decltype(text), const char*>; }, "literal");
    CHECK(future.result());
}

TEST_CASE("an lvalue argument is copied once and then moved, an rvalue is never copied") {
    futures::thread_pool_executor executor(1);
    const counts_copies argument;
    const auto by_value = [](counts_copies given) { return given.copies; };
    CHECK(executor.submit(by_value, argument).result() == 1);
    CHECK(executor.submit(by_value, counts_copies()).result() == 0);
}

TEST_CASE("submit() takes move-only callables and arguments, and calls them as rvalues") {
    futures::thread_pool_executor executor(1);
    auto owned = std::make_unique<int>(3);
    const auto callable = executor.submit([owned = std::move(owned)] { return *owned; });
    CHECK(callable.result() == 3);
    const auto argument =
        executor.submit([](std::unique_ptr<int> given) { return *given; }, std::make_unique<int>(4));
    CHECK(argument.result() == 4);
    struct once {
        int operator()() && { return 5; }
    };
    CHECK(executor.submit(once()).result() == 5);
}

TEST_CASE("the captures of a task are destroyed before its result can be seen") {
    futures::thread_pool_executor executor(1);
    for (int round = 0; round < 1000; ++round) {
        auto captured = std::make_shared<int>(round);
        const std::weak_ptr<int> watched = captured;
        const auto future = executor.submit([captured = std::move(captured)] { return *captured; });
        REQUIRE(future.result() == round);
        REQUIRE(watched.expired());
    }
}

TEST_CASE("an argument whose copy throws makes submit() throw that; nothing is queued, nothing leaks") {
    futures::thread_pool_executor executor(1);
    {
        const throws_when_copied argument;
        const auto witness = std::make_shared<int>(0);
        CHECK_THROWS_WITH(executor.submit([witness](const throws_when_copied&) {}, argument), "copied");
        CHECK(throws_when_copied::alive == 1);
        CHECK(witness.use_count() == 1);
    }
    CHECK(throws_when_copied::alive == 0);
    CHECK(executor.pending_count() == 0);
    CHECK(executor.submit([] { return 1; }).result() == 1);
}

TEST_CASE("a task that throws leaves its worker to the next") {
    futures::thread_pool_executor executor(1);
    CHECK_THROWS_AS(executor.submit([] { throw std::runtime_error("thrown"); }).result(), std::runtime_error);
    CHECK(executor.submit([] { return 2; }).result() == 2);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("the future of a callable that returns a future is a future of that") {
    futures::thread_pool_executor executor(2);
    const auto outer = executor.submit([&] { return executor.submit([] { return 3; }); });
    STATIC_REQUIRE(std::is_same_v<decltype(outer), const futures::Future<futures::Future<int>>>);
    CHECK(outer.result().result() == 3);
}

TEST_CASE("submit() after shutdown() throws executor_shutdown") {
    futures::thread_pool_executor executor(1);
    executor.shutdown();
    CHECK_THROWS_AS(executor.submit([] {}), futures::executor_shutdown);
    CHECK_THROWS_WITH(executor.submit([] {}), "cannot schedule new futures after shutdown");
    CHECK_THROWS_AS(executor.map([](int x) { return x; }, std::vector{1}), futures::executor_shutdown);
    CHECK_THROWS_AS(executor.submit([] {}), futures::error);
    CHECK_THROWS_AS(executor.submit([] {}), std::runtime_error);
}

TEST_CASE("submit() takes options on every pool, which only a priority pool heeds") {
    futures::thread_pool_executor<futures::fifo> executor(1);
    CHECK(executor.submit({.priority = 5}, twice, 1).result() == 2);
    futures::thread_pool_executor<futures::priority> prioritized(1);
    CHECK(prioritized.submit({.priority = 5}, twice, 1).result() == 2);
    CHECK(prioritized.submit(futures::submit_options{.priority = -5}, [] { return 3; }).result() == 3);
}

TEST_CASE("what satisfies the concept executor") {
    STATIC_REQUIRE(futures::executor<futures::thread_pool_executor<>>);
    STATIC_REQUIRE(futures::executor<futures::thread_pool_executor<futures::lifo>>);
    STATIC_REQUIRE(futures::executor<futures::thread_pool_executor<futures::priority>>);
    STATIC_REQUIRE_FALSE(futures::executor<int>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<futures::thread_pool_executor<>>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<futures::thread_pool_executor<>>);
    STATIC_REQUIRE_FALSE(
        std::is_constructible_v<futures::thread_pool_executor<>, futures::thread_pool_executor<>&>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<futures::thread_pool_executor<>>);
    STATIC_REQUIRE_FALSE(std::is_move_assignable_v<futures::thread_pool_executor<>>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, futures::thread_pool_executor<>>);
}

TEST_CASE("many threads submit to one executor") {
    futures::thread_pool_executor executor(2);
    std::vector<std::vector<futures::Future<int>>> tasks(4);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < 2000; ++i) {
                tasks[static_cast<std::size_t>(thread)].push_back(executor.submit(twice, i));
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (const auto& of_thread : tasks) {
        for (int i = 0; i < 2000; ++i) {
            REQUIRE(of_thread[static_cast<std::size_t>(i)].result() == 2 * i);
        }
    }
}
