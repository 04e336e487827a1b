// SPDX-License-Identifier: MIT

// Promise: the producer's side.

#include <concurrent/futures.hpp>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

TEST_CASE("get_future() gives handles on one future, any number of times") {
    futures::Promise<int> promise;
    const auto first = promise.get_future();
    CHECK(first == promise.get_future());
    promise.set_result(2);
    CHECK(promise.get_future().result() == 2);
    CHECK(first.result() == 2);
}

TEST_CASE("a promise sets values by copy and by move, references, and nothing") {
    futures::Promise<std::string> text;
    const std::string source = "copied";
    text.set_result(source);
    CHECK(text.get_future().result() == source);

    futures::Promise<std::unique_ptr<int>> owned;
    owned.set_result(std::make_unique<int>(1));
    CHECK(*owned.get_future().result() == 1);

    int number = 0;
    futures::Promise<int&> reference;
    reference.set_result(number);
    CHECK(&reference.get_future().result() == &number);

    futures::Promise<void> nothing;
    nothing.set_result();
    CHECK(nothing.get_future().done());

    futures::Promise<std::string> converted;
    converted.set_result("from a literal");
    CHECK(converted.get_future().result() == "from a literal");

    futures::Promise<std::vector<int>> braced;
    braced.set_result({1, 2, 3});
    CHECK(braced.get_future().result().size() == 3);
}

TEST_CASE("a promise sets an exception, which must not be null") {
    futures::Promise<int> promise;
    CHECK_THROWS_AS(promise.set_exception(nullptr), std::invalid_argument);
    promise.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    CHECK_THROWS_WITH(promise.get_future().result(), "failed");
}

TEST_CASE("setting twice throws invalid_state_error and changes nothing") {
    futures::Promise<int> promise;
    promise.set_result(1);
    CHECK_THROWS_AS(promise.set_result(2), futures::invalid_state_error);
    CHECK_THROWS_AS(promise.set_exception(std::make_exception_ptr(1)), futures::invalid_state_error);
    CHECK(promise.get_future().result() == 1);

    futures::Promise<void> failed;
    failed.set_exception(std::make_exception_ptr(1));
    CHECK_THROWS_AS(failed.set_result(), futures::invalid_state_error);
    CHECK_THROWS_AS(failed.get_future().result(), int);
}

TEST_CASE("of several threads that set at once, one does and the others throw") {
    for (int round = 0; round < tests::often(500); ++round) {
        futures::Promise<int> promise;
        std::latch start(4);
        std::vector<int> won(4);
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&, i] {
                start.arrive_and_wait();
                try {
                    promise.set_result(i);
                    won[static_cast<std::size_t>(i)] = 1;
                } catch (const futures::invalid_state_error&) {
                    won[static_cast<std::size_t>(i)] = 0;
                }
            });
        }
        const int result = promise.get_future().result();
        for (auto& thread : threads) {
            thread.join();
        }
        for (int i = 0; i < 4; ++i) {
            REQUIRE(won[static_cast<std::size_t>(i)] == (i == result ? 1 : 0));
        }
    }
}

TEST_CASE("set_running_or_notify_cancel() is true once, and then the future can't be cancelled") {
    futures::Promise<int> promise;
    CHECK(promise.set_running_or_notify_cancel());
    CHECK_FALSE(promise.get_future().cancel());
    CHECK_THROWS_AS(promise.set_running_or_notify_cancel(), futures::invalid_state_error);
    promise.set_result(1);
    CHECK_THROWS_AS(promise.set_running_or_notify_cancel(), futures::invalid_state_error);
    CHECK_FALSE(promise.get_future().cancel());
}

TEST_CASE("set_running_or_notify_cancel() is false after cancel(), and a result can't be set any more") {
    futures::Promise<int> promise;
    CHECK(promise.get_future().cancel());
    CHECK_FALSE(promise.set_running_or_notify_cancel());
    CHECK_THROWS_AS(promise.set_result(1), futures::invalid_state_error);
    CHECK_THROWS_AS(promise.set_exception(std::make_exception_ptr(1)), futures::invalid_state_error);
    CHECK(promise.get_future().cancelled());
}

TEST_CASE("a promise destroyed unfulfilled fails its future with broken_promise_error") {
    std::optional<futures::Promise<int>> promise(std::in_place);
    const auto future = promise->get_future();
    promise.reset();
    CHECK_THROWS_AS(future.result(), futures::broken_promise_error);
}

TEST_CASE("a running promise destroyed unfulfilled fails its future too") {
    std::optional<futures::Promise<int>> promise(std::in_place);
    const auto future = promise->get_future();
    REQUIRE(promise->set_running_or_notify_cancel());
    promise.reset();
    CHECK_THROWS_AS(future.result(), futures::broken_promise_error);
}

TEST_CASE("a promise whose future was cancelled, or that nobody took a future of, is destroyed in silence") {
    const tests::captured_log log;
    futures::Future<int> cancelled;
    {
        futures::Promise<int> promise;
        cancelled = promise.get_future();
        cancelled.cancel();
        const futures::Promise<int> without_future;
    }
    CHECK(cancelled.cancelled());
    CHECK(log.lines().empty());
}

TEST_CASE("a promise can be moved; what it was moved from has no future, what was overwritten is broken") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    futures::Promise<int> moved = std::move(promise);
    CHECK_THROWS_AS(promise.get_future(), futures::invalid_state_error);  // NOLINT(bugprone-use-after-move)
    CHECK_THROWS_AS(promise.set_result(1), futures::invalid_state_error);
    CHECK_THROWS_AS(promise.set_running_or_notify_cancel(), futures::invalid_state_error);

    futures::Promise<int> other;
    const auto overwritten = other.get_future();
    other = std::move(moved);
    CHECK_THROWS_AS(overwritten.result(), futures::broken_promise_error);
    other.set_result(8);
    CHECK(future.result() == 8);
    futures::Promise<int> set_and_moved = std::move(other);
    CHECK_THROWS_AS(set_and_moved.set_result(9), futures::invalid_state_error);
}

TEST_CASE("a promise whose value throws when copied is not set by it") {
    struct throws_when_copied {
        throws_when_copied() = default;
        throws_when_copied(const throws_when_copied& other) : throws(other.throws) {
            if (throws) {
                throw std::runtime_error("copied");
            }
        }
        bool throws = true;
    };
    futures::Promise<throws_when_copied> promise;
    throws_when_copied value;
    CHECK_THROWS_WITH(promise.set_result(std::as_const(value)), "copied");
    CHECK_FALSE(promise.get_future().done());
    value.throws = false;
    promise.set_result(std::as_const(value));
    CHECK(promise.get_future().done());
}

TEST_CASE("a thread blocked on a promise's future wakes when it is set") {
    futures::Promise<int> promise;
    std::latch waiting(1);
    int seen = 0;
    std::thread waiter([&, future = promise.get_future()] {
        waiting.count_down();
        seen = future.result();
    });
    waiting.wait();
    promise.set_result(12);
    waiter.join();
    CHECK(seen == 12);
}

TEST_CASE("a promise is not copyable") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<futures::Promise<int>>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<futures::Promise<int>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<futures::Promise<int>>);
}
