// SPDX-License-Identifier: MIT

// The values of several futures in one.

#include <concurrent/futures.hpp>
#include <cstddef>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/counts_copies.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

namespace {

std::vector<futures::Future<int>> squares(futures::thread_pool_executor<>& executor, int count) {
    std::vector<futures::Future<int>> made;
    for (int i = 0; i != count; ++i) {
        made.push_back(executor.submit([i] { return i * i; }));
    }
    return made;
}

}  // namespace

TEST_CASE("gather of futures of different types is a future of the tuple of their values") {
    futures::thread_pool_executor executor(2);
    int referred = 5;
    const auto number = executor.submit([] { return 1; });
    const auto all =
        futures::gather(number, executor.submit([] {}), executor.submit([&]() -> int& { return referred; }),
                        executor.submit([] { return std::make_unique<int>(7); }));
    static_assert(
        std::is_same_v<decltype(all),
                       const futures::Future<std::tuple<int, std::monostate, int&, std::unique_ptr<int>>>>);
    const auto& [one, nothing, reference, owner] = all.result();
    CHECK(one == 1);
    CHECK(nothing == std::monostate());
    CHECK(&reference == &referred);
    CHECK(*owner == 7);
    CHECK(futures::gather().done());
}

TEST_CASE("gather of a range is a future of the vector of its values, in order") {
    futures::thread_pool_executor executor(2);
    const auto tasks = squares(executor, 4);
    const std::vector<int> expected{0, 1, 4, 9};
    CHECK(futures::gather(tasks).result() == expected);
    CHECK(futures::gather(squares(executor, 4)).result() == expected);
    CHECK(futures::gather(tasks | std::views::reverse).result() == std::vector<int>{9, 4, 1, 0});
    CHECK(futures::gather(std::views::iota(0, 4) | std::views::transform([&](int i) {
                              return executor.submit([i] { return i * i; });
                          }))
              .result() == expected);
    CHECK(futures::gather(std::vector<futures::Future<int>>()).result().empty());
    std::vector<futures::Future<void>> nothing{executor.submit([] {}), executor.submit([] {})};
    static_assert(std::is_same_v<decltype(futures::gather(nothing)), futures::Future<void>>);
    futures::gather(nothing).result();
    int referred = 0;
    const std::vector references{executor.submit([&]() -> int& { return referred; })};
    CHECK(&futures::gather(references).result().front().get() == &referred);
}

TEST_CASE("gather moves values out of futures that are the last handles, and copies others") {
    futures::thread_pool_executor executor(1);
    const auto make = [&] { return executor.submit([] { return tests::counts_copies(); }); };
    const auto kept = make();
    const auto both = futures::gather(make(), kept);
    CHECK(std::get<0>(both.result()).copies == 0);
    CHECK(std::get<1>(both.result()).copies == 1);
    std::vector<futures::Future<tests::counts_copies>> tasks;
    tasks.push_back(make());
    tasks.push_back(kept);
    const auto all = futures::gather(std::move(tasks));
    CHECK(all.result()[0].copies == 0);
    CHECK(all.result()[1].copies == 1);
}

TEST_CASE("gather fails as soon as one fails, with that exception, and lets the others go on") {
    const tests::captured_log log;
    futures::Promise<int> first;
    futures::Promise<int> second;
    const auto both = futures::gather(first.get_future(), second.get_future());
    second.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    CHECK(both.done());
    CHECK(both.exception() == second.get_future().exception());
    CHECK(first.get_future().state() == futures::future_state::pending);
    first.set_result(1);

    futures::Promise<void> cancelled;
    const auto fails = futures::gather(std::vector{cancelled.get_future()});
    cancelled.get_future().cancel();
    CHECK_FALSE(fails.cancelled());
    CHECK_THROWS_AS(fails.result(), futures::cancelled_error);

    futures::Promise<int> done;
    done.set_exception(std::make_exception_ptr(1));
    CHECK_THROWS_AS(futures::gather(first.get_future(), done.get_future()).result(), int);
    CHECK(log.lines().empty());
}

TEST_CASE("cancelling a gather cancels its parts, as far as nobody else has a handle on them") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto captured = std::make_shared<int>(0);
    const auto make = [&] { return executor.submit([captured] { return *captured; }); };
    const auto kept = make();
    auto twice = make();
    const auto twice_again = twice;
    const auto all = futures::gather(
        make(), kept, futures::gather(std::vector{make(), make()}).then([](const auto& x) { return x; }),
        futures::gather(std::move(twice), futures::Future(twice_again)));
    CHECK(all.cancel());
    CHECK(all.cancelled());
    CHECK(captured.use_count() == 3);
    CHECK_FALSE(kept.cancelled());
    CHECK_FALSE(twice_again.cancelled());
    CHECK(kept.cancel());
    CHECK(twice_again.cancel());
    CHECK(executor.pending_count() == 0);
    futures::Promise<int> promise;
    CHECK(futures::gather(promise.get_future(), promise.get_future()).request_stop());
    CHECK_FALSE(promise.set_running_or_notify_cancel());
}

TEST_CASE("a task waits for a gather on a pool of one worker") {
    futures::thread_pool_executor executor(1);
    const auto sum = [](const std::vector<int>& all) { return std::accumulate(all.begin(), all.end(), 0); };
    const auto outer = executor.submit([&] {
        return futures::gather(squares(executor, 4)).then(sum).result() +
               futures::gather(squares(executor, 4)).then(executor, sum).result() +
               sum(futures::gather(squares(executor, 4)).result());
    });
    CHECK(outer.result() == 42);
}

TEST_CASE("a task waits for gathers of gathers, and runs what they share once") {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        int runs = 0;
        futures::Future<int> last = executor.submit([&runs] { return ++runs; });
        for (int layer = 0; layer != 60; ++layer) {
            last = futures::gather(last, last).then(executor, [](const std::tuple<int, int>& both) {
                return std::get<0>(both) + std::get<1>(both) - 1;
            });
        }
        return std::pair(last.result(), runs);
    });
    CHECK(outer.result() == std::pair(1, 1));
}

TEST_CASE("a task waits for a gather that fails early, and runs what sees that") {
    futures::thread_pool_executor executor(1);
    const futures::Promise<int> never;
    futures::Promise<int> fails;
    std::latch waits(1);
    const auto outer = executor.submit([&] {
        const auto last = futures::gather(never.get_future(), fails.get_future())
                              .then(executor, [](const futures::Future<std::tuple<int, int>>& both) {
                                  return both.exception() != nullptr;
                              });
        waits.count_down();
        return last.result();
    });
    waits.wait();
    fails.set_exception(std::make_exception_ptr(1));
    CHECK(outer.result());
}

TEST_CASE("parts of a gather in several pools become done in any order") {
    futures::thread_pool_executor first(2);
    futures::thread_pool_executor second(1);
    for (int round = 0; round != 100; ++round) {
        const auto outer = second.submit([&] {
            std::vector<futures::Future<int>> parts;
            for (int i = 0; i != 20; ++i) {
                auto& from = i % 3 == 0 ? first : second;
                auto& to = i % 2 == 0 ? first : second;
                parts.push_back(from.submit([i] { return i; }).then(to, [](int x) { return x; }));
            }
            return futures::gather(std::move(parts))
                .then(second,
                      [](const std::vector<int>& all) { return std::accumulate(all.begin(), all.end(), 0); })
                .result();
        });
        REQUIRE(outer.result() == 190);
    }
}
