// SPDX-License-Identifier: MIT

// submit(): what can be called, with what, and how it fails.

#include <any>
#include <atomic>
#include <concurrent/futures.hpp>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/counts_copies.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;
using tests::counts_copies;

namespace {

int twice(int number) {
    return 2 * number;
}

struct account {
    int balance = 10;
    int withdraw(int amount) { return balance -= amount; }
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
    for (int round = 0; round < tests::often(1'000); ++round) {
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

#if defined(__cpp_lib_jthread)

namespace {

// Whether the token that a task got can be signalled, as the library's can, and one made by itself can't.
int with_token(std::stop_token stop, int number) {
    return stop.stop_possible() ? number : -1;
}
int with_token_noexcept(const std::stop_token& stop, int number) noexcept {
    return stop.stop_possible() ? number : -1;
}

struct in_each_way {
    struct plain {
        int operator()(std::stop_token stop, int number) { return with_token(stop, number); }
    };
    struct constant {
        int operator()(std::stop_token stop, int number) const { return with_token(stop, number); }
    };
    struct no_throw {
        int operator()(std::stop_token stop, int number) noexcept { return with_token(stop, number); }
    };
    struct constant_no_throw {
        int operator()(std::stop_token&& stop, int number) const noexcept { return with_token(stop, number); }
    };
    struct constant_lvalue {
        int operator()(const std::stop_token& stop, int number) const& { return with_token(stop, number); }
    };
    struct rvalue {
        int operator()(std::stop_token stop, int number) && { return with_token(stop, number); }
    };
    struct constant_rvalue_no_throw {
        int operator()(std::stop_token stop, int number) const&& noexcept { return with_token(stop, number); }
    };
    struct one_of_several {
        int operator()(std::stop_token stop, int number) const { return with_token(stop, number); }
        int operator()(const std::string&, int) const { return -2; }
    };
    struct lvalue {
        int operator()(std::stop_token stop, int number) & { return with_token(stop, number); }
    };
    struct member {
        int call(std::stop_token stop, int number) const { return with_token(stop, number); }
    };
};

// What is made from a token, and what takes anything.
struct made_from_token {
    made_from_token(std::stop_token) {}
};
struct made_from_anything {
    template <class T>
    made_from_anything(const T&) {}
};

template <class Fn, class... Args>
concept can_submit = futures::detail::submittable<Fn, Args...>;

}  // namespace

TEST_CASE("a callable whose first parameter is a stop token, by name, gets one, whatever it is") {
    futures::thread_pool_executor executor(1);
    const auto gets_one = [&executor](auto fn) { return executor.submit(std::move(fn), 7).result() == 7; };
    CHECK(gets_one(with_token));
    CHECK(gets_one(&with_token));
    CHECK(gets_one(with_token_noexcept));
    CHECK(gets_one(in_each_way::plain()));
    CHECK(gets_one(in_each_way::constant()));
    CHECK(gets_one(in_each_way::no_throw()));
    CHECK(gets_one(in_each_way::constant_no_throw()));
    CHECK(gets_one(in_each_way::constant_lvalue()));
    CHECK(gets_one(in_each_way::rvalue()));
    CHECK(gets_one(in_each_way::constant_rvalue_no_throw()));
    CHECK(gets_one(in_each_way::one_of_several()));
    CHECK(gets_one([](std::stop_token stop, int number) mutable { return with_token(stop, number); }));
    CHECK(gets_one([](std::stop_token stop, auto number) { return with_token(stop, number); }));
    CHECK(gets_one([](const std::stop_token& stop, auto... rest) { return with_token(stop, rest...); }));
    CHECK(gets_one(
        [](std::stop_token stop, int number, int more = 0) { return with_token(stop, number + more); }));
    CHECK(gets_one([](std::stop_token stop = {}, int number = 0) { return with_token(stop, number); }));
    CHECK(gets_one(std::function<int(std::stop_token, int)>(with_token)));
    CHECK(gets_one(std::bind(with_token, std::placeholders::_1, std::placeholders::_2)));
    CHECK(executor.submit(std::bind(with_token, std::placeholders::_1, 7)).result() == 7);
    CHECK(gets_one(std::bind_front(with_token)));
    const in_each_way::member object;
    CHECK(gets_one(std::bind_front(&in_each_way::member::call, &object)));
    in_each_way::plain functor;
    CHECK(gets_one(std::ref(functor)));
    in_each_way::lvalue of_lvalue;
    CHECK(gets_one(std::ref(of_lvalue)));
    const auto constant = [](std::stop_token stop = {}, int number = 0) { return with_token(stop, number); };
    CHECK(gets_one(std::cref(constant)));
    CHECK(gets_one(std::ref(with_token)));
    std::packaged_task<int(std::stop_token, int)> packaged(with_token);
    auto packaged_result = packaged.get_future();
    executor.submit(std::move(packaged), 7).result();
    CHECK(packaged_result.get() == 7);
#if defined(__cpp_lib_move_only_function)
    CHECK(gets_one(std::move_only_function<int(std::stop_token, int)>(with_token)));
    CHECK(gets_one(std::move_only_function < int(std::stop_token, int)
                                                 const&& noexcept > (in_each_way::constant_no_throw())));
#endif
}

TEST_CASE("a callable that merely takes anything, or what is made from a token, gets no token") {
    const auto any_first = [](std::any, int) {};
    STATIC_REQUIRE(can_submit<decltype(any_first), int, int>);
    STATIC_REQUIRE_FALSE(can_submit<decltype(any_first), int>);
    STATIC_REQUIRE_FALSE(can_submit<void (*)(std::any, int), int>);
    STATIC_REQUIRE_FALSE(can_submit<std::function<void(std::any, int)>, int>);
    STATIC_REQUIRE_FALSE(can_submit<void (*)(made_from_token, int), int>);
    STATIC_REQUIRE_FALSE(can_submit<void (*)(made_from_anything, int), int>);
    STATIC_REQUIRE_FALSE(can_submit<std::function<void(made_from_token)>>);

    // Bodies that can't be compiled with a token.
    const auto sum = [](auto a, auto b) { return a + b; };
    STATIC_REQUIRE(can_submit<decltype(sum), int, int>);
    STATIC_REQUIRE_FALSE(can_submit<decltype(sum), int>);
    const auto first_of = [](auto&& first, int) { return first + 1; };
    STATIC_REQUIRE(can_submit<decltype(first_of), int, int>);
    STATIC_REQUIRE_FALSE(can_submit<decltype(first_of), int>);
    const auto first_of_more = [](const auto& first, auto...) { return first + 1; };
    STATIC_REQUIRE_FALSE(can_submit<decltype(first_of_more)>);
    STATIC_REQUIRE_FALSE(can_submit<std::plus<>, int>);

    const auto any_before_generic = [](std::any, auto) {};
    STATIC_REQUIRE_FALSE(can_submit<decltype(any_before_generic), int>);
    const auto made_before_generic = [](made_from_token, auto) {};
    STATIC_REQUIRE_FALSE(can_submit<decltype(made_before_generic), int>);
    struct several {
        void operator()(std::any, int) const {}
        void operator()(std::any, const std::string&) const {}
    };
    STATIC_REQUIRE_FALSE(can_submit<several, int>);

    using any_first_bound = decltype(std::bind_front(std::declval<void (*)(int, std::any, int)>(), 1));
    STATIC_REQUIRE(can_submit<any_first_bound, int, int>);
    STATIC_REQUIRE_FALSE(can_submit<any_first_bound, int>);
    using made_first_bound = decltype(std::bind_front(std::declval<void (*)(int, made_from_token)>(), 1));
    STATIC_REQUIRE_FALSE(can_submit<made_first_bound>);
    using any_bound = decltype(std::bind(std::declval<void (*)(std::any)>(), std::placeholders::_1));
    // In libc++, it can be called without the argument that it lacks.
    STATIC_REQUIRE(can_submit<any_bound> == std::is_invocable_v<any_bound>);
    STATIC_REQUIRE_FALSE(can_submit<std::reference_wrapper<decltype(any_first)>, int>);
}

TEST_CASE("a callable that takes anything gets the arguments as they are") {
    futures::thread_pool_executor executor(1);
    const auto is_token = [](const std::any& first) { return first.type() == typeid(std::stop_token); };
    CHECK_FALSE(executor.submit(is_token, 1).result());
    CHECK_FALSE(executor.submit([&](std::any first, int) { return is_token(first); }, 1, 2).result());
    CHECK(executor.submit([](auto first, auto second) { return first + second; }, 1, 2).result() == 3);
    CHECK(executor.submit([](made_from_anything, int number) { return number; }, "", 3).result() == 3);
    // Its user's own token, not ours.
    CHECK(executor.submit(with_token, std::stop_token(), 7).result() == -1);
    CHECK(executor
              .submit([](std::any token) { return std::any_cast<std::stop_token>(token).stop_possible(); },
                      std::stop_token())
              .result() == false);
}

#endif

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
