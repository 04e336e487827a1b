// SPDX-License-Identifier: MIT

// any_future: handles on futures of whatever type.

#include <chrono>
#include <concurrent/futures.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace futures = concurrent::futures;
using futures::any_future;
using namespace std::chrono_literals;

TEST_CASE("An any_future is made from futures of all types, and is equal to what it is made from") {
    const futures::Promise<int> number;
    const futures::Promise<std::string> text;
    const any_future any = number.get_future();
    const any_future other = text.get_future();
    CHECK(any == number.get_future());
    CHECK(number.get_future() == any);
    CHECK(any != other);
    CHECK(any != text.get_future());
    CHECK(any == any_future(number.get_future()));
    CHECK(std::hash<any_future>()(any) == std::hash<futures::Future<int>>()(number.get_future()));
    STATIC_REQUIRE(std::is_convertible_v<futures::Future<void>, any_future>);
    STATIC_REQUIRE(std::is_convertible_v<const futures::Future<int&>&, any_future>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<any_future, futures::Future<int>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<any_future>);
    STATIC_REQUIRE(sizeof(any_future) == sizeof(void*));
}

TEST_CASE("An any_future without a state says so") {
    any_future any;
    CHECK_FALSE(any.valid());
    CHECK(any == any_future(futures::Future<int>()));
    CHECK(any == futures::Future<int>());
    CHECK_THROWS_AS(any.wait(), futures::invalid_state_error);
    CHECK_THROWS_AS(any.cancel(), futures::invalid_state_error);
    CHECK_THROWS_AS(any.get<int>(), futures::invalid_state_error);
    CHECK_THROWS_AS(any.add_done_callback([](const any_future&) {}), futures::invalid_state_error);
    CHECK_THROWS_AS(futures::wait({any}), futures::invalid_state_error);

    const futures::Promise<int> promise;
    futures::Future<int> moved = promise.get_future();
    any = std::move(moved);
    CHECK_FALSE(moved.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
    CHECK(any.valid());
    any_future second;
    swap(any, second);
    CHECK_FALSE(any.valid());
    CHECK(second == promise.get_future());
}

TEST_CASE("get<T>() gives the future back with its type, and no other") {
    futures::Promise<std::string> text;
    const any_future any = text.get_future();
    text.set_result("hello");
    CHECK(any.get<std::string>() == text.get_future());
    CHECK(any.get<std::string>().result() == "hello");
    CHECK_THROWS_AS(any.get<int>(), std::bad_cast);
    CHECK_THROWS_AS(any.get<void>(), std::bad_cast);
    CHECK_THROWS_AS(any.get<std::string&>(), std::bad_cast);
    CHECK_THROWS_AS(any.get<const std::string>(), std::bad_cast);
}

TEST_CASE("An any_future does all that needs no result") {
    futures::thread_pool_executor executor(1);
    const any_future good = executor.submit([] { return std::make_unique<int>(42); });
    good.wait();
    CHECK(good.done());
    CHECK(good.state() == futures::future_state::finished);
    CHECK(good.wait_for(0s) == std::future_status::ready);
    CHECK(good.wait_until(std::chrono::system_clock::now()) == std::future_status::ready);
    CHECK(good.exception() == nullptr);

    const any_future bad = executor.submit([] { throw std::runtime_error("bad luck"); });
    CHECK_THROWS_WITH(std::rethrow_exception(bad.exception(1h)), "bad luck");

    const futures::Promise<int> promise;
    const any_future pending = promise.get_future();
    CHECK_FALSE(pending.running());
    CHECK(pending.wait_for(0s) == std::future_status::timeout);
    CHECK_THROWS_AS(pending.exception(0s), futures::timeout_error);
    bool called = false;
    pending.add_done_callback([&](const any_future& done) { called = done == promise.get_future(); });
    CHECK(pending.request_stop());
    CHECK(called);
    CHECK(pending.cancelled());
    CHECK(pending.cancel());
    CHECK_THROWS_AS(pending.exception(), futures::cancelled_error);
}

TEST_CASE("wait() takes futures of several types, and each once") {
    futures::Promise<int> number;
    const futures::Promise<std::string> text;
    number.set_result(42);
    const auto some = futures::wait({number.get_future(), text.get_future()},
                                    {.return_when = futures::return_when::first_completed});
    CHECK(some.done == std::vector<any_future>{number.get_future()});
    CHECK(some.not_done == std::vector<any_future>{text.get_future()});

    text.get_future().cancel();
    const any_future any = number.get_future();
    const auto all = futures::wait({any, any_future(text.get_future()), any});
    CHECK(all.done.size() == 2);
    CHECK(futures::wait(std::vector{any, any}).done == std::vector{any});

    const std::unordered_map<any_future, std::string> names{{any, "number"}, {text.get_future(), "text"}};
    CHECK(names.at(number.get_future()) == "number");
    CHECK(futures::wait(names, {.timeout = 0s}).done.size() == 2);
}

TEST_CASE("as_completed() takes futures of several types, and yields each as it becomes done") {
    futures::Promise<int> number;
    futures::Promise<std::string> text;
    std::vector<any_future> order;
    text.set_result("hello");
    for (any_future future : futures::as_completed({number.get_future(), text.get_future()})) {
        order.push_back(std::move(future));
        if (order.size() == 1) {
            number.set_result(42);
        }
    }
    CHECK(order == std::vector<any_future>{text.get_future(), number.get_future()});

    const futures::Promise<void> never;
    auto timed = futures::as_completed({number.get_future(), never.get_future()}, 0s);
    auto at = timed.begin();
    CHECK(*at == number.get_future());
    CHECK_THROWS_WITH(++at, "1 (of 2) futures unfinished");
}

TEST_CASE("wait() and as_completed() take futures whose value is an any_future") {
    const futures::Promise<any_future> never;
    futures::Promise<any_future> promise;
    const futures::Future<any_future> done = promise.get_future();
    const std::vector<futures::Future<any_future>> both{never.get_future(), done, done};
    promise.set_result(never.get_future());

    const auto some = futures::wait(both, {.return_when = futures::return_when::first_completed});
    CHECK(some.done == std::vector<any_future>{done});
    CHECK(some.not_done == std::vector<any_future>{never.get_future()});
    CHECK(some.done[0].get<any_future>().result() == never.get_future());
    CHECK(futures::wait({done}).done == std::vector<any_future>{done});
    CHECK(futures::wait(std::unordered_map<futures::Future<any_future>, int>{{done, 1}}).done.size() == 1);

    auto range = futures::as_completed(both, 0s);
    auto at = range.begin();
    CHECK(*at == done);
    CHECK_THROWS_WITH(++at, "1 (of 2) futures unfinished");
    for (any_future future : futures::as_completed({done})) {
        CHECK(future == done);
    }
}

TEST_CASE("An any_future keeps the result, and moves nothing out") {
    auto shared = std::make_shared<int>(42);
    const std::weak_ptr<int> watched = shared;
    futures::Promise<std::shared_ptr<int>> promise;
    any_future any = promise.get_future();
    promise.set_result(std::move(shared));
    promise = {};
    CHECK(any.get<std::shared_ptr<int>>().result() == watched.lock());
    CHECK_FALSE(watched.expired());
    any = any_future();
    CHECK(watched.expired());
}

TEST_CASE("A task that waits for futures of several types runs them on the spot") {
    futures::thread_pool_executor executor(1);
    const auto waits = executor.submit([&executor] {
        const auto number = executor.submit([] { return 42; });
        const auto text = executor.submit([] { return std::string("hello"); });
        std::size_t done = futures::wait({number, text}).done.size();
        for (const any_future& each :
             futures::as_completed({executor.submit([] {}), executor.submit([] { return 1; })})) {
            done += each.done() ? 1 : 0;
        }
        const any_future any = executor.submit([] {});
        any.wait();
        return done;
    });
    CHECK(waits.result() == 4);
}
