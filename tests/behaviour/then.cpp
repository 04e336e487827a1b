// SPDX-License-Identifier: MIT

// Continuations: what `then` passes on, where it runs, and how it ends.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
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
#include "support/forgetful_executor.hpp"
#include "support/inline_executor.hpp"
#include "support/refusing_executor.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

namespace {

// More than the stack has room for; under ThreadSanitizer it is for the races.
constexpr std::size_t many = tests::under_thread_sanitizer ? 5'000 : 200'000;

// The last of `many` futures, each of which is one more than the one before.
futures::Future<std::size_t> chain(futures::Future<std::size_t> last,
                                   futures::thread_pool_executor<>& executor) {
    for (std::size_t step = 0; step != many; ++step) {
        last = std::move(last).then(executor, [](std::size_t value) { return value + 1; });
    }
    return last;
}

struct constant_executor {
    template <class Fn>
    auto submit(Fn fn) const {
        auto [task, future] = futures::package(std::move(fn));
        task();
        return std::move(future);
    }
    void shutdown(futures::shutdown_options = {}) const {}
};

struct refuses {
    template <class Fn>
    futures::Future<int> submit(Fn) {
        throw std::logic_error("refused");
    }
};

// Keeps its tasks until somebody runs them.
class keeping_executor {
public:
    template <class Fn>
    auto submit(Fn fn) {
        auto [task, future] = futures::package(std::move(fn));
        tasks_.push_back(std::move(task));
        return std::move(future);
    }
    std::size_t run_all() {
        std::size_t count = 0;
        for (; !tasks_.empty(); ++count) {
            futures::packaged_task first = std::move(tasks_.front());
            tasks_.erase(tasks_.begin());
            first();
        }
        return count;
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    std::vector<futures::packaged_task> tasks_;
};

struct drops {
    template <class Fn>
    int submit(Fn) {
        return 0;
    }
};

std::exception_ptr failure() {
    return std::make_exception_ptr(std::runtime_error("failed"));
}

}  // namespace

TEST_CASE("then calls its function with the value, as a task of the executor that ran the future") {
    futures::thread_pool_executor executor({.max_workers = 2, .thread_name_prefix = "first"});
    futures::thread_pool_executor other({.max_workers = 1, .thread_name_prefix = "other"});
    const auto text = executor.submit([] { return std::string("four"); });
    const auto size = text.then([](const std::string& value) { return value.size(); });
    CHECK(size.result() == 4);
    const auto name = [](std::size_t) { return futures::this_thread_name(); };
    CHECK(size.then(name).result().starts_with("first_"));
    CHECK(size.then(other, name).result() == "other_0");
    CHECK(size.then(other, name).then([](const auto&) { return futures::this_thread_name(); }).result() ==
          "other_0");
}

TEST_CASE("then takes and returns nothing, references and what can only be moved") {
    futures::thread_pool_executor executor(1);
    int changed = 0;
    const auto nothing = executor.submit([] {}).then([&changed] { changed = 1; });
    static_assert(std::is_same_v<decltype(nothing), const futures::Future<void>>);
    const auto reference = nothing.then([&changed]() -> int& { return changed; });
    CHECK(&reference.result() == &changed);
    auto owner = reference.then([moved = std::make_unique<int>(1)](int& value) mutable {
        ++value;
        return std::move(moved);
    });
    CHECK(owner.then([](const auto& pointer) { return *pointer; }).result() == 1);
    CHECK(*std::move(owner).then([](std::unique_ptr<int> pointer) { return pointer; }).result() == 1);
    CHECK(changed == 2);
}

TEST_CASE(
    "the value is moved out of an rvalue future that is the last handle, else fn gets a const reference") {
    futures::thread_pool_executor executor(1);
    const auto make = [&] { return executor.submit([] { return tests::counts_copies(); }); };
    const auto count = [](tests::counts_copies value) { return value.copies; };
    CHECK(make().then(count).result() == 0);
    const auto kept = make();
    CHECK(kept.then(count).result() == 1);
    CHECK(futures::Future(kept).then(count).result() == 1);
    CHECK(kept.then([](const tests::counts_copies& value) { return value.copies; }).result() == 0);
    CHECK(futures::Future(kept)
              .then([](const tests::counts_copies& value) { return &value; })
              .then([&](const tests::counts_copies* value) { return value == &kept.result(); })
              .result());
    // Also if a worker runs it on the spot.
    CHECK(executor.submit([&] { return make().then(count).result(); }).result() == 0);
}

TEST_CASE("a failure passes by the functions of then, as it is, and is logged once if nobody looks") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    int calls = 0;
    const auto count = [&calls](int value) { return calls += value; };
    const auto failed = executor.submit([]() -> int { throw std::runtime_error("failed"); });
    {
        const auto last = failed.then(count).then(count);
        CHECK(last.exception() == failed.exception());
    }
    executor.submit([]() -> int { throw std::runtime_error("alone"); }).then(count).then(count).wait();
    executor.shutdown();
    CHECK(calls == 0);
    CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: alone"});
}

TEST_CASE("then fails with what its function throws") {
    futures::thread_pool_executor executor(1);
    const auto throws = executor.submit([] {}).then([] { throw std::logic_error("own"); });
    CHECK_THROWS_AS(throws.result(), std::logic_error);
}

TEST_CASE("a function of then that takes the future sees values, failures and cancellations") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    const auto see = [](const futures::Future<int>& done) {
        return done.cancelled() ? std::string("cancelled") : done.exception() ? "failed" : "value";
    };
    CHECK(executor.submit([] { return 1; }).then(see).result() == "value");
    CHECK(executor.submit([]() -> int { throw std::runtime_error("seen"); }).then(see).result() == "failed");
    futures::Promise<int> promise;
    const auto last = promise.get_future().then(executor, see);
    promise.get_future().cancel();
    CHECK(last.result() == "cancelled");
    CHECK(executor.submit([] {}).then([](futures::Future<void> done) { return done.done(); }).result());
    CHECK(log.lines().empty());
}

TEST_CASE("then returns the future that its function returns, not a future of it") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    const auto twice = [&](int x) { return executor.submit([x] { return 2 * x; }); };
    const auto result = executor.submit([] { return 21; }).then(twice);
    static_assert(std::is_same_v<decltype(result), const futures::Future<int>>);
    CHECK(result.result() == 42);
    // Inside a task, too.
    CHECK(executor.submit([&] { return executor.submit([] { return 1; }).then(twice).then(twice).result(); })
              .result() == 4);

    futures::Promise<int> promise;
    const auto waits = executor.submit([] {}).then([future = promise.get_future()] { return future; });
    promise.set_exception(failure());
    CHECK(waits.exception() == promise.get_future().exception());
    const auto throws = executor.submit([] {}).then([]() -> futures::Future<int> { throw 1; });
    CHECK_THROWS_AS(throws.result(), int);
    const auto invalid = executor.submit([] {}).then([] { return futures::Future<int>(); });
    CHECK_THROWS_AS(invalid.result(), futures::invalid_state_error);
    const auto cancelled = executor.submit([] {}).then([] {
        futures::Promise<std::unique_ptr<int>> never;
        never.get_future().cancel();
        return never.get_future();
    });
    CHECK_THROWS_AS(cancelled.result(), futures::cancelled_error);
    CHECK(cancelled.cancelled());
    const auto owner =
        executor.submit([] {}).then([&] { return executor.submit([] { return std::make_unique<int>(5); }); });
    CHECK(*owner.result() == 5);
    CHECK(log.lines().empty());
}

TEST_CASE("a function of then that returns then's own future makes that fail") {
    futures::thread_pool_executor executor(1);
    futures::Promise<futures::Future<int>> own;
    const auto waits = executor.submit([] {}).then([future = own.get_future()] { return future.result(); });
    own.set_result(waits);
    CHECK_THROWS_AS(waits.result(), futures::invalid_state_error);
    own = {};
}

TEST_CASE("after a promise's future, fn runs as a done callback does") {
    futures::Promise<int> promise;
    const auto here = promise.get_future().then([](int) { return std::this_thread::get_id(); });
    const auto next = here.then([](auto) { return std::this_thread::get_id(); });
    std::thread sets([&] { promise.set_result(1); });
    const auto id = sets.get_id();
    sets.join();
    CHECK(here.result() == id);
    CHECK(next.result() == id);
    CHECK(promise.get_future().then([](int x) { return x + 1; }).result() == 2);
}

TEST_CASE("then works with executors of one's own, and fails with what they throw or drop") {
    tests::inline_executor at_once;
    futures::Promise<int> promise;
    const auto next = promise.get_future().then(at_once, [](int x) { return x + 1; });
    const auto after = next.then(at_once, [](int x) { return x + 1; });
    promise.set_result(1);
    CHECK(after.result() == 3);

    refuses refusing;
    CHECK_THROWS_AS(next.then(refusing, [](int) {}).result(), std::logic_error);
    drops dropping;
    CHECK_THROWS_AS(next.then(dropping, [](int) {}).result(), futures::broken_promise_error);
    futures::thread_pool_executor<futures::priority> urgent(1);
    futures::thread_pool_executor<futures::lifo> newest(1);
    CHECK(next.then(urgent, [](int x) { return x; }).then(newest, [](int x) { return x; }).result() == 2);
}

TEST_CASE(
    "an executor of one's own drops or refuses work, which its user sees, and the log handler doesn't") {
    const tests::captured_log log;
    tests::forgetful_executor forgetting;
    refuses refusing;
    tests::refusing_executor refusing_late;
    futures::Promise<int> promise;
    const auto first = promise.get_future().then(forgetting, [](int x) { return x; });
    const auto second = promise.get_future().then(refusing, [](int x) { return x; });
    const auto third = promise.get_future().then(refusing_late, [](int x) { return x; });
    promise.set_result(1);
    CHECK_THROWS_AS(first.result(), futures::broken_promise_error);
    CHECK_THROWS_AS(second.result(), std::logic_error);
    CHECK_THROWS_AS(third.result(), std::logic_error);
    CHECK(log.lines().empty());
}

TEST_CASE("a then goes on in the executor of one's own that ran the future") {
    keeping_executor executor;
    futures::Promise<int> promise;
    const auto add_one = [](int x) { return x + 1; };
    const auto first = promise.get_future().then(executor, add_one);
    const auto second = first.then(add_one);
    promise.set_result(1);
    CHECK_FALSE(first.done());
    CHECK(executor.run_all() == 2);
    CHECK(second.result() == 3);

    SECTION("if that is done already") {
        const auto third = second.then(add_one);
        CHECK_FALSE(third.done());
        CHECK(executor.run_all() == 1);
        CHECK(third.result() == 4);
    }
    SECTION("also after a future that a function returned") {
        const auto third = second.then([&](int) { return promise.get_future(); }).then(add_one);
        CHECK_FALSE(third.done());
        CHECK(executor.run_all() == 2);
        CHECK(third.result() == 2);
    }
    SECTION("also if that was a coroutine") {
        const auto one = [](keeping_executor&) -> futures::Future<int> { co_return 1; };
        const auto next = one(executor).then(add_one);
        CHECK(executor.run_all() == 2);
        CHECK(next.result() == 2);
        const auto last = next.then(add_one);
        CHECK_FALSE(last.done());
        CHECK(executor.run_all() == 1);
        CHECK(last.result() == 3);
    }
}

TEST_CASE("what an executor of one's own has queued can be cancelled until it begins") {
    keeping_executor executor;
    futures::Promise<int> promise;
    const auto captured = std::make_shared<int>(0);
    const auto count = [](keeping_executor&, std::shared_ptr<int> counts) -> futures::Future<int> {
        co_return ++*counts;
    };
    const auto continuation =
        promise.get_future().then(executor, [captured](int value) { return *captured += value; });
    const auto after = continuation.then([](int value) { return value; });
    const auto coroutine = count(executor, captured);
    promise.set_result(1);
    CHECK(continuation.state() == futures::future_state::pending);
    CHECK(coroutine.state() == futures::future_state::pending);
    SECTION("by cancel()") {
        CHECK(continuation.cancel());
        CHECK(coroutine.cancel());
    }
    SECTION("by request_stop()") {
        CHECK(continuation.request_stop());
        CHECK(coroutine.request_stop());
    }
    CHECK(captured.use_count() == 1);
    CHECK(after.cancelled());
    CHECK(promise.get_future().result() == 1);
    CHECK(executor.run_all() == 2);
    CHECK(continuation.cancelled());
    CHECK(coroutine.cancelled());
    CHECK(*captured == 0);
}

TEST_CASE("an executor of one's own that runs a continuation has no handle on its future") {
    tests::inline_executor executor;
    futures::Promise<int> promise;
    SECTION("so a value is moved on") {
        const auto copies = promise.get_future()
                                .then(executor, [](int) { return tests::counts_copies(); })
                                .then([](tests::counts_copies&& value) { return value.copies; });
        promise.set_result(1);
        CHECK(copies.result() == 0);
    }
#if defined(__cpp_lib_jthread)
    SECTION("so a stop is passed on") {
        futures::Future<bool> last;
        bool stopped = false;
        last = promise.get_future()
                   .then(executor,
                         [&](std::stop_token token, int) {
                             last.request_stop();
                             stopped = token.stop_requested();
                             return stopped;
                         })
                   .then([](bool was_stopped) { return was_stopped; });
        promise.set_result(1);
        CHECK(stopped);
        CHECK(last.cancelled());
    }
#endif
    SECTION("also if it is const") {
        const constant_executor constant;
        const auto next = promise.get_future().then(constant, [](int x) { return x + 1; });
        promise.set_result(1);
        CHECK(next.result() == 2);
    }
}

TEST_CASE("a future of an executor that is gone is continued while others are made") {
    std::mutex mutex;
    futures::Future<int> newest;
    std::atomic<bool> stops = false;
    int wrong = 0;
    int refused = 0;
    std::thread continues([&] {
        while (!stops) {
            futures::Future<int> done;
            {
                const std::lock_guard lock(mutex);
                done = newest;
            }
            if (done.valid()) {
                try {
                    wrong += done.then([](int x) { return x + 1; }).result() != 2;
                } catch (const futures::executor_shutdown&) {
                    ++refused;
                }
            }
        }
    });
    // A new pool has the memory of the last, and for a moment what that has left there.
    for (int each = 0; each != tests::often(2000); ++each) {
        futures::thread_pool_executor executor(1);
        const auto done = executor.submit([] { return 1; });
        done.wait();
        const std::lock_guard lock(mutex);
        newest = done;
    }
    stops = true;
    continues.join();
    CHECK(wrong == 0);
    CHECK(refused > 0);
}

TEST_CASE("then fails if the executor was shut down or destroyed, but passes a failure on") {
    futures::Promise<int> promise;
    futures::Promise<int> fails;
    std::optional<futures::thread_pool_executor<>> executor(1);
    const auto waits = promise.get_future().then(*executor, [](int x) { return x; });
    const auto failed = fails.get_future().then(*executor, [](int x) { return x; });
    const auto done = executor->submit([] { return 1; });
    executor->shutdown();
    CHECK_THROWS_AS(done.then([](int x) { return x; }).result(), futures::executor_shutdown);
    executor.reset();
    executor.emplace(1);  // probably at the same address
    promise.set_result(1);
    CHECK_THROWS_AS(waits.result(), futures::executor_shutdown);
    CHECK_THROWS_AS(done.then([](int x) { return x; }).result(), futures::executor_shutdown);
    fails.set_exception(failure());
    CHECK_THROWS_AS(failed.result(), std::runtime_error);
}

TEST_CASE("then fails if its pool is broken") {
    const tests::captured_log log;
    futures::thread_pool_executor broken({.max_workers = 1, .initializer = [] { throw 1; }});
    futures::Promise<int> promise;
    const auto waits = promise.get_future().then(broken, [](int x) { return x; });
    CHECK_THROWS_AS(broken.submit([] {}).result(), futures::broken_thread_pool);
    promise.set_result(1);
    CHECK_THROWS_AS(waits.result(), futures::broken_thread_pool);
}

TEST_CASE("cancelling a then cancels what it waits for, as far as nobody else has a handle on that") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto captured = std::make_shared<int>(0);
    const auto add = [captured](int x) { return x + *captured; };
    const auto start = [&] { return executor.submit([captured] { return *captured; }); };

    SECTION("a chain") {
        const auto last = start().then(add).then(add).then(add);
        CHECK(last.cancel());
        CHECK(last.cancel());
        CHECK(captured.use_count() == 2);  // `add` has one
        CHECK(executor.pending_count() == 0);
    }
    SECTION("not the part on which there is another handle") {
        const auto middle = start().then(add);
        const auto last = middle.then(add).then(add);
        CHECK(last.request_stop());
        CHECK(last.cancelled());
        CHECK(middle.state() == futures::future_state::pending);
        busy.release();
        CHECK(middle.result() == 0);
    }
    SECTION("a diamond, once both sides are cancelled") {
        auto first = start();
        const auto left = first.then(add);
        const auto right = std::move(first).then(add);
        CHECK(left.cancel());
        CHECK(executor.pending_count() == 1);
        CHECK(right.cancel());
        CHECK(executor.pending_count() == 0);
    }
    SECTION("a promise's future, which only the promise has") {
        futures::Promise<int> promise;
        const auto last = promise.get_future().then(executor, add);
        CHECK(last.cancel());
        CHECK_FALSE(promise.set_running_or_notify_cancel());
    }
    SECTION("what is cancelled before it, while others wait") {
        futures::Promise<int> promise;
        const auto middle = promise.get_future().then(executor, add);
        const auto last = middle.then(add);
        CHECK(middle.cancel());
        CHECK(last.cancelled());
    }
    SECTION("a then of which the function has returned a future") {
        busy.release();
        futures::Promise<int> inner;
        std::latch called(1);
        auto outer = executor.submit([] {}).then([&] {
            auto future = inner.get_future();
            called.count_down();
            return future;
        });
        called.wait();
        executor.submit([] {}).result();  // by now the function has returned, and `outer` waits for `inner`
        CHECK(outer.cancel());
        executor.shutdown();
        CHECK_FALSE(inner.set_running_or_notify_cancel());
    }
}

#if defined(__cpp_lib_jthread)
TEST_CASE("request_stop reaches the running task at the beginning of a chain, and the function of a then") {
    futures::thread_pool_executor executor(1);
    std::latch runs(1);
    std::atomic<bool> stopped = false;
    const auto until_stopped = [&](std::stop_token stop) {
        runs.count_down();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
        stopped = true;
    };
    SECTION("at the beginning") {
        const auto last = executor.submit(until_stopped).then([] { return 1; }).then([](int) {});
        runs.wait();
        CHECK(last.request_stop());
        executor.shutdown();
        CHECK(last.cancelled());
    }
    SECTION("in the middle") {
        const auto last = executor.submit([] { return 1; }).then([&](std::stop_token stop, int x) {
            until_stopped(std::move(stop));
            return x;
        });
        runs.wait();
        CHECK_FALSE(last.cancel());
        CHECK(last.request_stop());
        CHECK(last.result() == 1);
    }
    CHECK(stopped);
}
#endif

TEST_CASE("a task waits for continuations on a pool of one worker, in each way of waiting") {
    futures::thread_pool_executor executor(1);
    const auto made = [&] {
        return executor.submit([] { return 1; }).then([](int x) { return x + 1; }).then([](int x) {
            return x + 1;
        });
    };
    const auto sum = executor.submit([&] {
        int all = made().result() + made().result(std::chrono::hours(1)) + made().get();
        const auto waited = made();
        waited.wait();
        all += waited.result();
        const auto timed = made();
        all += timed.wait_for(std::chrono::hours(1)) == std::future_status::ready ? timed.result() : 0;
        for (const auto& each : futures::as_completed({made(), made()})) {
            all += each.result();
        }
        for (const auto& each : futures::wait({made(), made()}).done) {
            all += each.result();
        }
        const auto first =
            futures::wait({made(), made()}, {.return_when = futures::return_when::first_completed});
        all += first.done.empty() ? 0 : 3;
        return all;
    });
    CHECK(sum.result() == 10 * 3);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("two pools of one worker whose tasks wait for each other's continuations end") {
    futures::thread_pool_executor first(1);
    futures::thread_pool_executor second(1);
    const auto back_and_forth = [&](auto& here, auto& there) {
        return here.submit([&] {
            auto last = here.submit([] { return 0; });
            for (int step = 0; step != 20; ++step) {
                last = std::move(last).then(there, [](int x) { return x + 1; }).then(here, [](int x) {
                    return x + 1;
                });
            }
            return last.result();
        });
    };
    for (int round = 0; round != 50; ++round) {
        const auto a = back_and_forth(first, second);
        const auto b = back_and_forth(second, first);
        REQUIRE(a.result() == 40);
        REQUIRE(b.result() == 40);
    }
}

TEST_CASE("tasks of two pools of one worker wait for plain tasks of each other's pools, to some depth") {
    futures::thread_pool_executor first(1);
    futures::thread_pool_executor second(1);
    struct {
        futures::thread_pool_executor<>& here;
        futures::thread_pool_executor<>& there;
        int descend(int left, bool at_home) const {
            auto& next = at_home ? there : here;
            return left == 0 ? 0
                             : 1 + next.submit([this, left, at_home] { return descend(left - 1, !at_home); })
                                       .result();
        }
    } const both{first, second};
    for (int round = 0; round != 50; ++round) {
        const auto a = first.submit([&] { return both.descend(10, true); });
        const auto b = second.submit([&] { return both.descend(10, false); });
        REQUIRE(a.result() == 10);
        REQUIRE(b.result() == 10);
    }
    const auto by_wait = first.submit([&] {
        const auto asks = second.submit([&] { return first.submit([] { return 1; }).result(); });
        return futures::wait({asks}).done.size();
    });
    CHECK(by_wait.result() == 1);
}

TEST_CASE("tasks of three pools of one worker wait in a circle for each other's tasks") {
    std::vector<std::unique_ptr<futures::thread_pool_executor<>>> pools;
    for (int index = 0; index != 3; ++index) {
        pools.push_back(std::make_unique<futures::thread_pool_executor<>>(1));
    }
    for (int round = 0; round != 50; ++round) {
        std::vector<futures::Future<int>> outer;
        for (std::size_t index = 0; index != 3; ++index) {
            outer.push_back(pools[index]->submit([&pools, index] {
                auto last = pools[(index + 1) % 3]->submit([] { return 1; });
                for (std::size_t step = 2; step != 8; ++step) {
                    last = std::move(last).then(*pools[(index + step) % 3], [](int x) { return x + 1; });
                }
                return last.result();
            }));
        }
        for (const auto& each : outer) {
            REQUIRE(each.result() == 7);
        }
    }
}

TEST_CASE("a task waits for a continuation of what another thread completes later") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    std::latch waits(1);
    const auto outer = executor.submit([&] {
        const auto last = promise.get_future().then(executor, [](int x) { return x + 1; });
        waits.count_down();
        return last.result();
    });
    waits.wait();
    promise.set_result(1);
    CHECK(outer.result() == 2);
}

TEST_CASE("a task that waits runs nothing but what it waits for") {
    futures::thread_pool_executor executor(1);
    std::atomic<bool> ran = false;
    const auto outer = executor.submit([&] {
        const auto last = executor.submit([] { return 1; }).then([](int x) { return x; });
        const auto other = executor.submit([&] { ran = true; });
        static_cast<void>(last.result());
        return std::pair(ran.load(), other);
    });
    const auto [early, other] = outer.result();
    CHECK_FALSE(early);
    other.wait();
    CHECK(ran);
}

TEST_CASE("a task is told that it would wait for a continuation of itself") {
    futures::thread_pool_executor executor(1);
    futures::Promise<futures::Future<int>> promise;
    const auto task = executor.submit([next = promise.get_future()] { return next.result().result(); });
    const auto next = task.then([](int x) { return x; });
    promise.set_result(next);
    CHECK_THROWS_AS(next.result(), futures::invalid_state_error);
}

TEST_CASE("what a worker looks at while it waits has no more handles than before") {
    futures::thread_pool_executor pool(1);
    futures::thread_pool_executor waiting(1);
    // A worker looks again and again, as each of its waits is over at once.
    const auto look_at = [&](const futures::Future<int>& future, std::atomic<bool>& looks) {
        return waiting.submit([&, future] {
            while (future.wait_for(std::chrono::microseconds(1)) != std::future_status::ready) {
                looks = true;
            }
        });
    };
    SECTION("so what it waits for is cancelled with it") {
        for (int round = 0; round != 50; ++round) {
            tests::busy_workers busy(pool);
            std::atomic<bool> has_run{false};
            auto last = pool.submit([&] { has_run = true; }).then([] { return 1; });
            std::atomic<bool> looks{false};
            const auto looker = look_at(last, looks);
            while (!looks) {
                std::this_thread::yield();
            }
            CHECK(last.cancel());
            busy.release();
            looker.wait();
            pool.submit([] {}).wait();
            CHECK_FALSE(has_run);
        }
    }
    SECTION("so a value is moved on") {
        for (int round = 0; round != 50; ++round) {
            std::atomic<bool> looks{false};
            std::optional<tests::busy_workers> busy(pool);
            auto last =
                pool.submit([] { return tests::counts_copies(); }).then([](tests::counts_copies value) {
                    return value.copies;
                });
            const auto looker = look_at(last, looks);
            while (!looks) {
                std::this_thread::yield();
            }
            busy->release();
            CHECK(last.result() == 0);
            looker.wait();
        }
    }
}

TEST_CASE("a part of what a task waits for is cancelled, and what sees that still runs") {
    futures::thread_pool_executor executor(1);
    const futures::Promise<int> never;
    std::latch waits(1);
    const auto middle = never.get_future().then(executor, [](int x) { return x; });
    const auto outer = executor.submit([&] {
        const auto last = middle.then([](const futures::Future<int>& done) { return done.cancelled(); });
        waits.count_down();
        return last.result();
    });
    waits.wait();
    CHECK(middle.cancel());
    CHECK(outer.result());
}

TEST_CASE("a long chain of continuations ends by a value, a failure, cancelled or dropped") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    const futures::Promise<std::size_t> never;
    futures::Promise<std::size_t> value;
    futures::Promise<std::size_t> fails;
    const auto ends = chain(value.get_future(), executor);
    const auto failed = chain(fails.get_future(), executor);
    const auto cancelled = chain(never.get_future(), executor);
    value.set_result(0);
    fails.set_exception(failure());
    CHECK(cancelled.cancel());
    CHECK(never.get_future().cancelled());
    CHECK_THROWS_AS(failed.result(), std::runtime_error);
    CHECK(ends.result() == many);
    {
        futures::Promise<std::size_t> dropped;
        chain(dropped.get_future(), executor);
    }
    CHECK(log.lines().size() == 1);
}

TEST_CASE("a task waits at the end of a long chain, over one pool and over two") {
    futures::thread_pool_executor executor(1);
    futures::thread_pool_executor other(1);
    const auto outer = executor.submit(
        [&] { return chain(executor.submit([] { return std::size_t(0); }), executor).result(); });
    CHECK(outer.result() == many);
    const auto crossing = executor.submit([&] {
        auto last = other.submit([] { return std::size_t(0); });
        for (std::size_t step = 0; step != many / 10; ++step) {
            last = std::move(last).then(step % 2 != 0 ? other : executor,
                                        [](std::size_t value) { return value + 1; });
        }
        return last.result();
    });
    CHECK(crossing.result() == many / 10);
}
