// Waiting inside a worker runs what waits in the same pool's queue, so it never deadlocks the pool.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <latch>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;
using namespace std::chrono_literals;

namespace {

int fibonacci(futures::executor auto& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto first = executor.submit([&executor, n] { return fibonacci(executor, n - 1); });
    const auto second = executor.submit([&executor, n] { return fibonacci(executor, n - 2); });
    return first.result() + second.result();
}

// A chain of tasks, each of which waits for the next.
int depth(futures::executor auto& executor, int left) {
    return left == 0 ? 0
                     : 1 + executor.submit([&executor, left] { return depth(executor, left - 1); }).result();
}

}  // namespace

TEMPLATE_TEST_CASE("a recursive Fibonacci by submit() and result() ends on every kind of pool", "",
                   futures::fifo, futures::lifo, futures::priority) {
    for (const int workers : {1, 2, 4}) {
        futures::thread_pool_executor<TestType> executor(workers);
        CHECK(executor.submit([&] { return fibonacci(executor, 16); }).result() == 987);
        CHECK(executor.worker_count() <= workers);
    }
}

TEST_CASE("a chain of a thousand tasks, each waiting for the next, ends on one thread") {
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([&] { return depth(executor, 1000); }).result() == 1000);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("a task maps over tasks that map, on one thread") {
    futures::thread_pool_executor executor(1);
    const auto inner = [&](int row) {
        int sum = 0;
        for (const int product :
             executor.map([row](int column) { return row * column; }, std::views::iota(0, 10))) {
            sum += product;
        }
        return sum;
    };
    const auto outer = executor.submit([&] {
        int sum = 0;
        for (const int row : executor.map(inner, std::views::iota(0, 10))) {
            sum += row;
        }
        return sum;
    });
    CHECK(outer.result() == 45 * 45);
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("a map with buffersize and chunksize inside a task ends on one thread") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        int sum = 0;
        for (const int each : executor.map(
                 {.buffersize = 2, .chunksize = 3}, [](int x) { return x; }, std::views::iota(0, 100))) {
            sum += each;
        }
        return sum;
    });
    CHECK(outer.result() == 4950);
}

TEST_CASE("as_completed() inside a task ends on one thread") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        std::vector<futures::Future<int>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
        }
        int sum = 0;
        for (auto future : futures::as_completed(tasks)) {
            sum += future.result();
        }
        return sum;
    });
    CHECK(outer.result() == 4950);
}

TEST_CASE("wait() inside a task ends on one thread, in each of its ways") {
    futures::thread_pool_executor executor(1);
    const auto counts = executor.submit([&] {
        const auto tasks = [&] {
            std::vector<futures::Future<int>> made;
            for (int i = 0; i < 10; ++i) {
                made.push_back(executor.submit([i] { return i == 4 ? throw i : i; }));
            }
            return made;
        };
        const auto all = futures::wait(tasks());
        const auto first = futures::wait(tasks(), {.return_when = futures::return_when::first_completed});
        const auto failed = futures::wait(tasks(), {.return_when = futures::return_when::first_exception});
        for (const auto& result : {all, first, failed}) {
            for (const auto& future : result.done) {
                future.exception();
            }
            for (const auto& future : result.not_done) {
                future.cancel();
            }
        }
        return std::vector{all.done.size(), first.done.size(), failed.done.size()};
    });
    CHECK(counts.result() == std::vector<std::size_t>{10, 1, 5});
}

TEST_CASE("exception(), wait() and get() inside a task run what they wait for") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        const auto first = executor.submit([] { return 1; });
        const auto second = executor.submit([] { return 2; });
        const auto third = executor.submit([] { return 3; });
        const bool none = first.exception() == nullptr;
        second.wait();
        return none && second.done() ? third.get() : 0;
    });
    CHECK(outer.result() == 3);
}

TEST_CASE("a worker runs the awaited task on its own thread") {
    futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "only"});
    const auto outer =
        executor.submit([&] { return executor.submit([] { return futures::this_thread_name(); }).result(); });
    CHECK(outer.result() == "only_0");
}

TEST_CASE("a timed wait inside a task runs the task too, but a timeout of zero doesn't") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        const auto inner = executor.submit([] { return 1; });
        const bool not_run = inner.wait_for(0s) == std::future_status::timeout && !inner.done();
        const bool not_by_wait = futures::wait(std::vector{inner}, {.timeout = 0s}).not_done.size() == 1;
        return not_run && not_by_wait ? inner.result(1h) : 0;
    });
    CHECK(outer.result() == 1);
}

TEST_CASE("a worker that waits for another pool's task doesn't run it") {
    futures::thread_pool_executor first({.max_workers = 1, .thread_name_prefix = "first"});
    futures::thread_pool_executor second({.max_workers = 1, .thread_name_prefix = "second"});
    const auto outer =
        first.submit([&] { return second.submit([] { return futures::this_thread_name(); }).result(); });
    CHECK(outer.result() == "second_0");
}

TEST_CASE("a worker waits for a promise as any thread does") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    std::latch waiting(1);
    const auto outer = executor.submit([&] {
        waiting.count_down();
        return promise.get_future().result();
    });
    waiting.wait();
    promise.set_result(6);
    CHECK(outer.result() == 6);
}

TEST_CASE("a task that another worker runs already is waited for") {
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor);
    std::latch waiting(1);
    const auto outer = executor.submit([&] {
        waiting.count_down();
        busy.task().result();
        return 1;
    });
    waiting.wait();
    busy.release();
    CHECK(outer.result() == 1);
}

TEST_CASE("tasks of a pool of two wait for each other's tasks, by turns and at once") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < 300; ++round) {
        std::vector<futures::Future<int>> outer;
        for (int i = 0; i < 8; ++i) {
            outer.push_back(executor.submit([&executor, i] {
                std::vector<futures::Future<int>> inner;
                for (int j = 0; j < 4; ++j) {
                    inner.push_back(executor.submit([i, j] { return i * j; }));
                }
                int sum = 0;
                for (const auto& future : inner) {
                    sum += future.result();
                }
                return sum;
            }));
        }
        for (int i = 0; i < 8; ++i) {
            REQUIRE(outer[static_cast<std::size_t>(i)].result() == 6 * i);
        }
    }
    CHECK(executor.worker_count() <= 2);
}

TEST_CASE("an exception crosses nested tasks") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        return executor.submit([&]() -> int { return executor.submit([]() -> int { throw 5; }).result(); })
            .result();
    });
    CHECK_THROWS_AS(outer.result(), int);
}
