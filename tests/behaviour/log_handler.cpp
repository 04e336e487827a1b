// SPDX-License-Identifier: MIT

// What would be lost goes to the log handler.

#include <concurrent/futures.hpp>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;
using lines = std::vector<std::string>;

namespace {

constexpr auto fail = [] { throw std::runtime_error("lost"); };

}  // namespace

TEST_CASE("an exception that nobody looked at is logged when the last handle goes") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    auto future = executor.submit(fail);
    future.wait();
    auto other = future;
    future = {};
    CHECK(log.lines().empty());
    other = {};
    CHECK(log.lines() == lines{"exception was never retrieved: lost"});
}

TEST_CASE("an exception of a task whose handles went before it ended is logged") {
    const tests::captured_log log;
    {
        futures::thread_pool_executor executor(1);
        executor.submit(fail);
    }
    CHECK(log.lines() == lines{"exception was never retrieved: lost"});
}

TEST_CASE("an exception that result(), get() or exception() saw is not logged") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    CHECK_THROWS(executor.submit(fail).result());
    CHECK_THROWS(executor.submit(fail).get());
    CHECK(executor.submit(fail).exception() != nullptr);
    const auto future = executor.submit(fail);
    CHECK_THROWS(futures::Future<void>(future).result());
    CHECK(log.lines().empty());
}

TEST_CASE("wait, as_completed and callbacks are no look at the exception") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    {
        const std::vector one{executor.submit(fail)};
        CHECK(futures::wait(one).done.size() == 1);
    }
    CHECK(log.lines().size() == 1);
    for (const auto& future : futures::as_completed(std::vector{executor.submit(fail)})) {
        future.add_done_callback([](auto) {});
    }
    CHECK(log.lines().size() == 2);
}

TEST_CASE("a cancelled future, and one that succeeded, log nothing") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    {
        tests::busy_workers busy(executor);
        executor.submit(fail).cancel();
    }
    executor.submit([] { return 1; }).wait();
    CHECK(log.lines().empty());
}

TEST_CASE("an exception that an abandoned map never reached is logged") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(1);
    {
        auto results = executor.map([](int x) { return x == 1 ? throw std::runtime_error("unreached") : x; },
                                    std::vector{0, 1});
        executor.shutdown();
        CHECK(*results.begin() == 0);
    }
    CHECK(log.lines() == lines{"exception was never retrieved: unreached"});
}

TEST_CASE("an exception in a map whose results were thrown away is logged") {
    const tests::captured_log log;
    {
        futures::thread_pool_executor executor(1);
        executor.map([](int x) { return x == 1 ? throw std::runtime_error("unreached") : x; },
                     std::vector{0, 1});
    }
    CHECK(log.lines() == lines{"exception was never retrieved: unreached"});
}

TEST_CASE("set_log_handler() returns the handler before it, and an empty one restores the default") {
    int calls = 0;
    const futures::log_handler first = futures::set_log_handler([&](auto, auto) { ++calls; });
    CHECK_FALSE(first);
    futures::log_handler second = futures::set_log_handler(nullptr);
    REQUIRE(second);
    second("called by hand", nullptr);
    CHECK(calls == 1);
    CHECK_FALSE(futures::set_log_handler({}));
}

TEST_CASE("a log handler may be replaced from within itself") {
    futures::set_log_handler([](auto, auto) { futures::set_log_handler(nullptr); });
    futures::Promise<int> promise;
    promise.set_exception(std::make_exception_ptr(1));
    promise = {};
    CHECK_FALSE(futures::set_log_handler(nullptr));
}
