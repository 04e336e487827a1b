// SPDX-License-Identifier: MIT

// What asks the operating system does without, where it is none that the library knows.

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#undef CONCURRENT_FUTURES_COMPILED  // it is compiled for this platform
#undef __linux__
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/platform/process_fence.hpp>
#define __linux__ 1  // NOLINT(bugprone-reserved-identifier): its value before
#include <concurrent/futures.hpp>

#include "support/catch.hpp"

namespace futures = concurrent::futures;

TEST_CASE("on an unknown platform, usable_cpus() is what the standard library says, at least 1") {
    CHECK(futures::usable_cpus() == std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
    CHECK(futures::thread_pool_executor<>().max_workers() == std::min(32, futures::usable_cpus() + 4));
}

TEST_CASE("on an unknown platform, a worker knows its name, which the operating system isn't told") {
    futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "crawler"});
    CHECK(executor.submit([] { return futures::this_thread_name(); }).result() == "crawler_0");
    const auto shown = executor.submit([] {
        char name[64] = {};
        pthread_getname_np(pthread_self(), name, sizeof name);
        return std::string(name);
    });
    CHECK_FALSE(shown.result().starts_with("crawler"));
}

TEST_CASE("on an unknown platform, tasks run, and wait for the tasks that they submit") {
    futures::thread_pool_executor executor(2);
    const auto outer = executor.submit([&] {
        int sum = 0;
        for (const int each : executor.map([](int x) { return x; }, std::vector{1, 2, 3})) {
            sum += each;
        }
        return sum;
    });
    CHECK(outer.result() == 6);
}
