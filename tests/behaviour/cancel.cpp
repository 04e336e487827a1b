// SPDX-License-Identifier: MIT

// cancel(), request_stop() and stop tokens.

#include <algorithm>
#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

TEST_CASE("cancel() of a waiting task: it never runs, and its future is cancelled for good") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    bool ran = false;
    const auto future = executor.submit([&] { ran = true; });
    CHECK(future.cancel());
    CHECK(future.cancelled());
    CHECK(future.done());
    CHECK(future.cancel());
    busy.release();
    executor.shutdown();
    CHECK_FALSE(ran);
    CHECK(future.cancelled());
}

TEST_CASE("cancel() of a running or finished task is false and changes nothing") {
    futures::thread_pool_executor executor(1);
    {
        tests::busy_workers busy(executor);
        CHECK_FALSE(busy.task().cancel());
        CHECK(busy.task().running());
        busy.release();
        CHECK_FALSE(busy.task().cancel());
        CHECK_FALSE(busy.task().cancelled());
    }
    const auto failed = executor.submit([] { throw 1; });
    failed.wait();
    CHECK_FALSE(failed.cancel());
    CHECK(failed.exception() != nullptr);
}

TEST_CASE("cancel() destroys what the task captured, before it returns and without a worker") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto captured = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = captured;
    const auto future = executor.submit([captured](const auto&) {}, captured);
    captured.reset();
    CHECK_FALSE(watched.expired());
    CHECK(future.cancel());
    CHECK(watched.expired());
}

TEST_CASE("cancel() wakes those who wait for the task") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto future = executor.submit([] { return 1; });
    std::latch about_to_wait(3);
    std::atomic<int> woken = 0;
    std::vector<std::thread> waiting;
    waiting.emplace_back([&] {
        about_to_wait.count_down();
        try {
            future.result();
        } catch (const futures::cancelled_error&) {
            ++woken;
        }
    });
    waiting.emplace_back([&] {
        about_to_wait.count_down();
        woken += static_cast<int>(futures::wait(std::vector{future}).done.size());
    });
    waiting.emplace_back([&] {
        about_to_wait.count_down();
        for (const auto& done : futures::as_completed(std::vector{future})) {
            woken += done.cancelled();
        }
    });
    about_to_wait.wait();
    CHECK(future.cancel());
    for (auto& thread : waiting) {
        thread.join();
    }
    CHECK(woken == 3);
    CHECK(busy.task().running());
}

TEST_CASE("captures whose destruction takes a lock that the cancelling thread's callers need, or submits") {
    struct at_destruction {
        explicit at_destruction(std::function<void()> action) : action_(std::move(action)) {}
        at_destruction(at_destruction&& other) noexcept : action_(std::exchange(other.action_, nullptr)) {}
        ~at_destruction() {
            if (action_) {
                action_();
            }
        }
        std::function<void()> action_;
    };
    futures::thread_pool_executor executor(1);
    std::mutex mutex;
    int destroyed = 0;
    futures::Future<int> submitted;
    {
        tests::busy_workers busy(executor);
        const auto future = executor.submit([](const auto&) {}, at_destruction([&] {
                                                const std::lock_guard lock(mutex);
                                                ++destroyed;
                                                submitted = executor.submit([] { return 1; });
                                            }));
        CHECK(executor.pending_count() == 1);
        CHECK(future.cancel());
        CHECK(executor.pending_count() == 1);
    }
    CHECK(submitted.result() == 1);

    // The same, destroyed by a worker after it has run.
    const auto ran = executor.submit([](const auto&) {}, at_destruction([&] {
                                         const std::lock_guard lock(mutex);
                                         ++destroyed;
                                         submitted = executor.submit([] { return 2; });
                                     }));
    ran.result();
    CHECK(submitted.result() == 2);
    CHECK(destroyed == 2);
}

TEST_CASE("cancel() that races the start returns true exactly when the task never ran") {
    // In batches, so that the worker and this thread meet anywhere in the queue.
    constexpr int batches = tests::often(1'000);
    constexpr std::size_t batch = 1000;
    futures::thread_pool_executor executor(1);
    std::vector<char> ran(batch);
    std::vector<futures::Future<void>> tasks(batch);
    std::size_t cancelled = 0;
    for (int i = 0; i < batches; ++i) {
        std::fill(ran.begin(), ran.end(), char(0));
        for (std::size_t index = 0; index < batch; ++index) {
            tasks[index] = executor.submit([&ran, index] { ran[index] = 1; });
        }
        for (std::size_t index = 0; index < batch; ++index) {
            // From either end.
            const std::size_t chosen = i % 2 == 0 ? index : batch - 1 - index;
            if (tasks[chosen].cancel()) {
                ++cancelled;
                REQUIRE(ran[chosen] == 0);
            } else {
                tasks[chosen].wait();
                REQUIRE(ran[chosen] == 1);
            }
        }
    }
    executor.shutdown();
    CHECK(cancelled > 0);
    CHECK(cancelled < batch * batches);
}

TEST_CASE("of several threads that cancel at once, all learn the same") {
    futures::thread_pool_executor executor(1);
    for (int round = 0; round < 2000; ++round) {
        std::atomic<bool> ran = false;
        const auto future = executor.submit([&] { ran = true; });
        bool by_other = false;
        std::thread other([&] { by_other = future.cancel(); });
        const bool by_this = future.cancel();
        other.join();
        future.wait();
        REQUIRE(by_other == future.cancelled());
        REQUIRE(by_this == future.cancelled());
        REQUIRE(ran == !future.cancelled());
    }
}

TEST_CASE("a million waiting tasks are cancelled, each at once, and free what they captured") {
    constexpr std::size_t count = 1'000'000;
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto captured = std::make_shared<int>(0);
    std::vector<futures::Future<void>> tasks;
    tasks.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        tasks.push_back(executor.submit([captured] {}));
    }
    CHECK(captured.use_count() == count + 1);
    CHECK(executor.pending_count() == count);
    std::size_t cancelled = 0;
    for (const auto& task : tasks) {
        cancelled += task.cancel();
    }
    CHECK(cancelled == count);
    CHECK(captured.use_count() == 1);
    CHECK(executor.pending_count() == 0);
    busy.release();
    CHECK(executor.submit([] { return 1; }).result() == 1);
}

TEST_CASE("request_stop() cancels what has not started") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto future = executor.submit([] {});
    CHECK(future.request_stop());
    CHECK(future.cancelled());
    CHECK_FALSE(future.request_stop());
}

TEST_CASE("request_stop() of a running task that takes no token has no effect") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    CHECK_FALSE(busy.task().request_stop());
    CHECK(busy.task().running());
}

#if defined(__cpp_lib_jthread)

TEST_CASE("a callable whose first parameter is a stop token gets one, which request_stop() signals") {
    futures::thread_pool_executor executor(1);
    std::latch running(1);
    const auto future = executor.submit(
        [&](std::stop_token stop, int argument) {
            std::latch stopped(1);
            const std::stop_callback callback(stop, [&] { stopped.count_down(); });
            running.count_down();
            stopped.wait();
            return argument;
        },
        42);
    running.wait();
    CHECK(future.request_stop());
    CHECK(future.result() == 42);
    CHECK_FALSE(future.cancelled());
    CHECK_FALSE(future.request_stop());
}

TEST_CASE("request_stop() takes effect once") {
    futures::thread_pool_executor executor(1);
    std::latch running(1);
    std::latch released(1);
    const auto future = executor.submit([&](const std::stop_token& stop) {
        running.count_down();
        released.wait();
        return stop.stop_requested();
    });
    running.wait();
    CHECK(future.request_stop());
    CHECK_FALSE(future.request_stop());
    released.count_down();
    CHECK(future.result());
}

TEST_CASE("a callable that has a default for its token gets one") {
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([](std::stop_token stop = {}) { return stop.stop_possible(); }).result());
    CHECK(executor
              .submit([count = 0](const std::stop_token& stop = {}, int more = 1) mutable {
                  count += more;
                  return stop.stop_possible() ? count : 0;
              })
              .result() == 1);
    // Its own, that is.
    CHECK_FALSE(
        executor.submit([](std::stop_token stop = {}) { return stop.stop_possible(); }, std::stop_token())
            .result());
}

TEST_CASE("a callable that can do without a token gets none") {
    struct both {
        int operator()(int) const { return 1; }
        int operator()(std::stop_token, int) const { return 2; }
    };
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit(both(), 0).result() == 1);
    CHECK(executor.submit([](auto&&... all) { return sizeof...(all); }, 0).result() == 1);
}

TEST_CASE("request_stop() races the start and the end of the task: it stops, cancels, or comes too late") {
    futures::thread_pool_executor executor(1);
    for (int round = 0; round < 2000; ++round) {
        const auto future = executor.submit([](const std::stop_token& stop) {
            for (int i = 0; i < 100; ++i) {
                if (stop.stop_requested()) {
                    return true;
                }
            }
            return false;
        });
        const bool had_effect = future.request_stop();
        future.wait();
        if (!had_effect) {
            REQUIRE_FALSE(future.cancelled());
            REQUIRE_FALSE(future.result());
        }
    }
}

TEST_CASE("shutdown({.request_stop = true}) asks what runs to stop, and what starts after it") {
    futures::thread_pool_executor executor(1);
    std::latch started(1);
    const auto running = executor.submit([&](const std::stop_token& stop) {
        started.count_down();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
        return 1;
    });
    const auto waiting = executor.submit([](const std::stop_token& stop) { return stop.stop_requested(); });
    const auto without_token = executor.submit([] { return 3; });
    started.wait();
    executor.shutdown({.request_stop = true});
    CHECK(running.result() == 1);
    CHECK(waiting.result());
    CHECK(without_token.result() == 3);
}

TEST_CASE("shutdown({.request_stop = true}) asks all that run, also those on top of others") {
    futures::thread_pool_executor executor(2);
    std::latch started(3);
    const auto run_until_stopped = [&](const std::stop_token& stop) {
        started.count_down();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
    };
    const auto alone = executor.submit(run_until_stopped);
    const auto below = executor.submit([&](const std::stop_token& stop) {
        started.count_down();
        executor.submit(run_until_stopped).wait();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
    });
    started.wait();
    executor.shutdown({.cancel_futures = true, .request_stop = true});
    CHECK(alone.done());
    CHECK(below.done());
}

TEST_CASE("what a stop of shutdown's calls may end the task, and submit") {
    futures::thread_pool_executor executor(1);
    std::latch started(1);
    std::latch stopped(1);
    bool refused = false;
    const auto task = executor.submit([&](const std::stop_token& stop) {
        const std::stop_callback on_stop(stop, [&] {
            try {
                executor.submit([] {});
            } catch (const futures::executor_shutdown&) {
                refused = true;
            }
            stopped.count_down();
        });
        started.count_down();
        stopped.wait();
    });
    started.wait();
    executor.shutdown({.request_stop = true});
    CHECK(task.done());
    CHECK(refused);
}

#endif
