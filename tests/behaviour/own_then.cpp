// SPDX-License-Identifier: MIT

// Composition from outside: a `then` that the library's public names alone make.

#include "own_then.hpp"

#include <concurrent/futures.hpp>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

namespace {

// More steps than the stack has room for; under ThreadSanitizer they are for the races.
constexpr std::size_t steps = tests::often(100'000);

// The last of `steps` futures, each of which is one more than the one before.
futures::Future<std::size_t> own_chain(const futures::Future<std::size_t>& first,
                                       futures::executor auto& executor) {
    futures::Future<std::size_t> last = first;
    for (std::size_t step = 0; step != steps; ++step) {
        last = own_then(last, executor, [](std::size_t value) { return value + 1; });
    }
    return last;
}

}  // namespace

TEST_CASE("a then of one's own calls its function with the value, as a task of the executor") {
    futures::thread_pool_executor executor({.max_workers = 2, .thread_name_prefix = "own_then"});
    const auto text = executor.submit([] { return std::string("four"); });
    const auto size = own_then(text, executor, [](const std::string& value) { return value.size(); });
    const auto name = own_then(size, executor, [](std::size_t) { return futures::this_thread_name(); });
    CHECK(size.result() == 4);
    CHECK(name.result().starts_with("own_then_"));
}

TEST_CASE("a then of one's own takes and returns nothing, references and what can only be moved") {
    tests::inline_executor executor;
    int changed = 0;
    const auto nothing = own_then(executor.submit([] {}), executor, [&changed] { changed = 1; });
    static_assert(std::is_same_v<decltype(nothing), const futures::Future<void>>);
    const auto reference = own_then(nothing, executor, [&changed]() -> int& { return changed; });
    CHECK(&reference.result() == &changed);
    const auto owner = own_then(reference, executor, [moved = std::make_unique<int>(1)](int& value) mutable {
        ++value;
        return std::move(moved);
    });
    CHECK(own_then(owner, executor, [](const auto& pointer) { return *pointer + 1; }).result() == 2);
    CHECK(changed == 2);
}

TEST_CASE("a failure passes by the functions of a then of one's own, and is logged once if nobody looks") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    int calls = 0;
    const auto count = [&calls](int value) { return calls += value; };
    auto last = own_then(own_then(promise.get_future(), executor, count), executor, count);
    promise.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    CHECK(last.done());  // no task of the executor is needed
    CHECK(promise.get_future().exception() == last.exception());
    CHECK(calls == 0);
    last = own_then(last, executor, count);
    last = {};
    CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: failed"});
    const auto throws = own_then(executor.submit([] {}), executor, [] { throw std::logic_error("own"); });
    CHECK_THROWS_AS(throws.result(), std::logic_error);
}

TEST_CASE("a cancellation passes by the functions of a then of one's own") {
    futures::thread_pool_executor executor(1);
    const futures::Promise<int> promise;
    const auto captured = std::make_shared<int>(0);
    const auto count = [captured](int value) { return *captured += value; };
    const auto last = own_then(own_then(promise.get_future(), executor, count), executor, count);
    CHECK(promise.get_future().cancel());
    CHECK(last.cancelled());
    CHECK(*captured == 0);
    CHECK(captured.use_count() == 2);  // `count` has one
}

TEST_CASE("a then of one's own is cancelled without what it waits for, and drops its captures at once") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    const auto captured = std::make_shared<int>(0);
    const auto next =
        own_then(promise.get_future(), executor, [kept = captured](int value) { return *kept += value; });
    const auto after = own_then(next, executor, [](int value) { return value; });
    CHECK(next.cancel());
    CHECK(after.cancelled());
    CHECK(captured.use_count() == 1);
    CHECK(promise.get_future().state() == futures::future_state::pending);
    promise.set_result(1);
    executor.shutdown();
    CHECK(next.cancelled());
    CHECK(*captured == 0);
}

TEST_CASE("a then of one's own fails with what its executor throws if that refuses the task") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    const auto next = own_then(promise.get_future(), executor, [](int value) { return value; });
    executor.shutdown();
    promise.set_result(1);
    CHECK_THROWS_AS(next.result(), futures::executor_shutdown);
    CHECK(log.lines().empty());
}

TEST_CASE("a then of one's own fails if the promise that it waits for is broken") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    const auto next = own_then(promise.get_future(), executor, [](int value) { return value; });
    promise = {};
    CHECK_THROWS_AS(next.result(), futures::broken_promise_error);
}

TEST_CASE("a long chain of a then of one's own ends on the spot, in a pool, by a failure and cancelled") {
    tests::inline_executor at_once;
    futures::thread_pool_executor pool(2);
    futures::Promise<std::size_t> promise;
    const auto value = own_chain(promise.get_future(), at_once);
    const auto by_tasks = own_chain(promise.get_future(), pool);
    promise.set_result(0);
    CHECK(value.result() == steps);
    CHECK(by_tasks.result() == steps);

    futures::Promise<std::size_t> fails;
    const auto failed = own_chain(fails.get_future(), pool);
    fails.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    CHECK_THROWS_AS(failed.result(), std::runtime_error);

    const futures::Promise<std::size_t> never_set;
    const auto cancelled = own_chain(never_set.get_future(), pool);
    CHECK(never_set.get_future().cancel());
    CHECK(cancelled.cancelled());
}

TEST_CASE("a long chain of a then of one's own is destroyed while it waits") {
    const tests::captured_log log;
    tests::inline_executor executor;
    futures::Future<std::size_t> last;
    {
        const futures::Promise<std::size_t> promise;
        last = own_chain(promise.get_future(), executor);
        own_chain(promise.get_future(), executor);  // nobody has the end of this one
    }
    CHECK_THROWS_AS(last.result(), futures::broken_promise_error);
    CHECK(log.lines().size() == 1);
}
