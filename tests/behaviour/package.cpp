// SPDX-License-Identifier: MIT

// package(), and executors of one's own that are made with it, from the public headers alone.

#include <concurrent/futures.hpp>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <ranges>
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

#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"

namespace futures = concurrent::futures;

namespace {

using tests::inline_executor;
static_assert(futures::executor<inline_executor>);

// Keeps tasks until it is told to run them. It inherits nothing.
class queueing_executor {
public:
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        queue_.push_back(std::move(task));
        return future;
    }
    void shutdown(futures::shutdown_options = {}) { queue_.clear(); }
    bool run_one() {
        if (queue_.empty()) {
            return false;
        }
        futures::packaged_task task = std::move(queue_.front());
        queue_.pop_front();
        task();
        return true;
    }
    [[nodiscard]] std::size_t size() const { return queue_.size(); }

private:
    std::deque<futures::packaged_task> queue_;
};
static_assert(futures::executor<queueing_executor>);

// Sets promises itself: it moves what a task returns.
class promising_executor {
public:
    template <class Fn, class... Args>
    auto submit(Fn fn, Args... args) {
        using result = std::invoke_result_t<Fn, Args...>;
        futures::Promise<result> promise;
        auto future = promise.get_future();
        try {
            if constexpr (std::is_void_v<result>) {
                std::move(fn)(std::move(args)...);
                promise.set_result();
            } else {
                promise.set_result(std::move(fn)(std::move(args)...));
            }
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
        return future;
    }
    void shutdown(futures::shutdown_options = {}) {}
};
static_assert(futures::executor<promising_executor>);

static_assert(std::is_nothrow_move_constructible_v<futures::packaged_task>);
static_assert(!std::is_copy_constructible_v<futures::packaged_task>);

}  // namespace

TEST_CASE("package() makes a task and its future, which is pending until the task is called") {
    auto [task, future] = futures::package([](int x, int y) { return x + y; }, 40, 2);
    CHECK(task.valid());
    CHECK(future.state() == futures::future_state::pending);
    task();
    CHECK(future.result() == 42);
    CHECK_FALSE(task.valid());
}

TEST_CASE("a packaged task that was called, moved from or never made throws when it is called") {
    const tests::captured_log log;
    auto called = futures::package([] {}).task;
    called();
    CHECK_THROWS_AS(called(), futures::invalid_state_error);
    auto moved = futures::package([] {}).task;
    const futures::packaged_task other = std::move(moved);
    CHECK(other.valid());
    CHECK_THROWS_AS(moved(), futures::invalid_state_error);  // NOLINT(bugprone-use-after-move)
    CHECK_THROWS_AS(futures::packaged_task()(), futures::invalid_state_error);
}

TEST_CASE("what a packaged task throws is its future's") {
    auto [task, future] = futures::package([]() -> int { throw std::runtime_error("no"); });
    task();
    CHECK_THROWS_AS(future.result(), std::runtime_error);
}

TEST_CASE("package() keeps callables and arguments as submit() does") {
    auto [task, future] = futures::package(
        [](std::unique_ptr<int> pointer, const std::string& text) { return text + std::to_string(*pointer); },
        std::make_unique<int>(7), "seven: ");
    task();
    CHECK(future.result() == "seven: 7");
    int changed = 0;
    auto changes = futures::package([](int& number) -> int& { return number = 5; }, std::ref(changed));
    changes.task();
    CHECK(&changes.future.result() == &changed);
    CHECK(changed == 5);
}

TEST_CASE("a packaged task that is destroyed or replaced uncalled breaks its promise, captures first") {
    const auto captured = std::make_shared<int>(0);
    {
        auto [task, future] = futures::package([captured] { return 1; });
        bool seen = false;
        future.add_done_callback([&](const auto&) { seen = captured.use_count() == 1; });
        { const futures::packaged_task dropped = std::move(task); }
        CHECK(seen);
        CHECK_THROWS_AS(future.result(), futures::broken_promise_error);
    }
    auto [task, future] = futures::package([captured] { return 1; });
    task = futures::package([] {}).task;
    CHECK(captured.use_count() == 1);
    CHECK_THROWS_AS(future.result(), futures::broken_promise_error);
    task();
}

TEST_CASE(
    "a packaged task whose future was cancelled destroys its captures then, and does nothing when called") {
    const auto captured = std::make_shared<int>(0);
    auto [task, future] = futures::package([captured] { ++*captured; });
    CHECK(future.cancel());
    CHECK(captured.use_count() == 1);
    task();
    CHECK(*captured == 0);
    CHECK(future.cancelled());
}

TEST_CASE("a packaged task runs also if nobody has its future; what it throws goes to the log") {
    const tests::captured_log log;
    int runs = 0;
    auto counting = futures::package([&] { ++runs; });
    counting.future = {};
    counting.task();
    CHECK(runs == 1);
    auto fails = futures::package([] { throw std::runtime_error("lost"); });
    fails.future = {};
    fails.task();
    CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: lost"});
    auto dropped = futures::package([] {});
    dropped.future = {};
    dropped.task = {};
    CHECK(log.lines().size() == 2);
}

TEST_CASE("the result of a packaged task is moved out of the last handle") {
    auto [task, future] = futures::package([] { return std::make_unique<int>(3); });
    task();
    CHECK(*std::move(future).result() == 3);
    auto shared = futures::package([] { return std::make_shared<int>(3); });
    shared.task();
    const std::shared_ptr<int> result = std::move(shared.future).result();
    CHECK(result.use_count() == 1);
}

TEST_CASE("a packaged task may destroy what holds it") {
    std::deque<futures::packaged_task> queue;
    auto [task, future] = futures::package([&] { queue.clear(); });
    queue.push_back(std::move(task));
    queue.front()();
    CHECK(future.done());
}

TEST_CASE("a packaged task runs on any thread, and its future is waited for on another") {
    auto [task, future] = futures::package([] { return std::this_thread::get_id(); });
    std::thread runs(std::move(task));
    const auto id = runs.get_id();
    CHECK(future.result() == id);
    runs.join();
}

#if defined(__cpp_lib_jthread)
TEST_CASE("a packaged task that takes a stop token is asked to stop by its future") {
    futures::Future<bool> own;
    auto [task, future] = futures::package([&own](const std::stop_token& token) {
        own.request_stop();
        return token.stop_requested();
    });
    own = future;
    task();
    CHECK(future.result());
}
#endif

TEST_CASE("an executor of a dozen lines has map() for free") {
    inline_executor executor;
    std::vector<int> squares;
    for (const int square : executor.map([](int x) { return x * x; }, std::vector{1, 2, 3})) {
        squares.push_back(square);
    }
    CHECK(squares == std::vector{1, 4, 9});
    auto chunks = executor.map(
        {.chunksize = 2}, [](int x) { return 6 / x; }, std::vector{3, 2, 1});
    auto each = chunks.begin();
    CHECK(*each == 2);
    ++each;
    CHECK(*each == 3);
}

TEST_CASE("futures::map() works with every executor, and submits as its options say") {
    queueing_executor executor;
    auto results = futures::map(
        executor, {.buffersize = 2}, [](int x) { return 2 * x; }, std::vector{1, 2, 3});
    CHECK(executor.size() == 2);
    CHECK(executor.run_one());
    auto each = results.begin();
    CHECK(*each == 2);
    while (executor.run_one()) {
    }
    ++each;
    CHECK(*each == 4);
    CHECK(executor.run_one());
    ++each;
    CHECK(*each == 6);
    ++each;
    CHECK(each == results.end());

    futures::thread_pool_executor pool(2);
    int sum = 0;
    for (const int x : futures::map(
             pool, [](int number) { return number; }, std::vector{1, 2, 3})) {
        sum += x;
    }
    CHECK(sum == 6);
}

TEST_CASE("futures::map() works with an executor that sets promises itself") {
    promising_executor executor;
    std::vector<int> numbers = {1, 2, 3};
    SECTION("one result a task") {
        int sum = 0;
        for (const auto& x : futures::map(
                 executor, [](int number) { return std::make_unique<int>(number); }, numbers)) {
            sum += *x;
        }
        CHECK(sum == 6);
    }
    SECTION("several") {
        std::vector<std::string> texts;
        for (std::string text : futures::map(
                 executor, {.chunksize = 2},
                 [](int number) { return std::string(40, 'x') + char('0' + number); }, numbers)) {
            texts.push_back(std::move(text));
        }
        REQUIRE(texts.size() == 3);
        CHECK(texts[2] == std::string(40, 'x') + '3');
    }
    SECTION("references") {
        for (int& number : futures::map(
                 executor, [](int& number) -> int& { return number; }, std::views::all(numbers))) {
            number = 7;
        }
        CHECK(numbers == std::vector{7, 7, 7});
    }
    SECTION("nothing") {
        int calls = 0;
        auto results = futures::map(
            executor, {.chunksize = 2}, [&](int) { ++calls; }, numbers);
        int seen = 0;
        for (auto each = results.begin(); each != results.end(); ++each) {
            ++seen;
        }
        CHECK(calls == 3);
        CHECK(seen == 3);
    }
    SECTION("an exception behind a result") {
        auto results = futures::map(
            executor, {.chunksize = 3},
            [](int number) {
                if (number == 2) {
                    throw std::runtime_error("2");
                }
                return number;
            },
            numbers);
        auto each = results.begin();
        CHECK(*each == 1);
        CHECK_THROWS_WITH(++each, "2");
    }
}

TEST_CASE("results of a map are of one type, whatever the ranges and the executor") {
    struct has_results {
        futures::map_results<int> results;
    };
    inline_executor at_once;
    futures::thread_pool_executor pool(2);
    has_results each{at_once.map([](int x) { return x; }, std::vector{1})};
    CHECK(*each.results.begin() == 1);
    each.results = pool.map([](const std::string& text) { return static_cast<int>(text.size()); },
                            std::deque<std::string>{"four"});
    CHECK(*each.results.begin() == 4);
}

TEST_CASE("what an executor drops at its shutdown breaks the promises of its map") {
    const tests::captured_log log;
    queueing_executor executor;
    auto results = futures::map(
        executor, [](int x) { return x; }, std::vector{1, 2});
    executor.shutdown();
    CHECK_THROWS_AS(results.begin(), futures::broken_promise_error);
}
