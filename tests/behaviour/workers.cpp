// SPDX-License-Identifier: MIT

// The threads of an executor: how many there are, what they are called, how they are initialized.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#elif defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>

// Not all versions of MinGW's headers have it.
extern "C" __declspec(dllimport) HRESULT WINAPI GetThreadDescription(HANDLE thread, PWSTR* description);
#endif

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

TEST_CASE("max_workers must be greater than 0") {
    CHECK_THROWS_AS(futures::thread_pool_executor(0), std::invalid_argument);
    CHECK_THROWS_WITH(futures::thread_pool_executor(-1), "max_workers must be greater than 0");
    CHECK_THROWS_AS(futures::thread_pool_executor({.max_workers = 0}), std::invalid_argument);
    CHECK_THROWS_AS(futures::thread_pool_executor<futures::lifo>(0), std::invalid_argument);
}

TEST_CASE("max_workers takes every integral type, and what is no number from 1 to the greatest int throws") {
    constexpr int greatest = std::numeric_limits<int>::max();
    const auto takes = [](auto number, int expected) {
        CHECK(futures::thread_pool_executor(number).max_workers() == expected);
        CHECK(futures::thread_pool_executor{number}.max_workers() == expected);
        CHECK(futures::thread_pool_executor<futures::lifo>{number}.max_workers() == expected);
        CHECK(futures::thread_pool_executor({.max_workers = number}).max_workers() == expected);
    };
    takes(static_cast<signed char>(3), 3);
    takes(static_cast<unsigned char>(3), 3);
    takes(short{3}, 3);
    takes('\3', 3);
    takes(char32_t{3}, 3);
    takes(true, 1);
    takes(3, 3);
    takes(3U, 3);
    takes(3LL, 3);
    takes(3ULL, 3);
    takes(std::size_t{3}, 3);
    takes(greatest, greatest);
    takes(static_cast<unsigned>(greatest), greatest);
    takes(static_cast<unsigned long long>(greatest), greatest);
    enum { eight = 8 };
    takes(eight, 8);
    takes(std::integral_constant<std::size_t, 8>(), 8);

    const auto refuses = [](auto number, const char* reason) {
        CHECK_THROWS_AS(futures::thread_pool_executor(number), std::invalid_argument);
        CHECK_THROWS_WITH(futures::thread_pool_executor{number}, reason);
        CHECK_THROWS_WITH(futures::thread_pool_executor({.max_workers = number}), reason);
    };
    const char* const too_small = "max_workers must be greater than 0";
    refuses(0, too_small);
    refuses(0U, too_small);
    refuses(false, too_small);
    refuses(-1, too_small);
    refuses(short{-1}, too_small);
    refuses(-1LL, too_small);
    refuses(std::numeric_limits<int>::min(), too_small);
    refuses(std::numeric_limits<long long>::min(), too_small);
    const std::string too_great =
        "max_workers is too great: it can be " + std::to_string(greatest) + " at most";
    refuses(static_cast<unsigned>(greatest) + 1, too_great.c_str());
    refuses((1LL << 32) + 1, too_great.c_str());
    refuses((1ULL << 32) + 1, too_great.c_str());
    refuses(std::numeric_limits<unsigned>::max(), too_great.c_str());
    refuses(std::numeric_limits<std::size_t>::max(), too_great.c_str());
    refuses(std::numeric_limits<long long>::max(), too_great.c_str());
    refuses(std::numeric_limits<unsigned long long>::max(), too_great.c_str());
}

TEST_CASE("the number of the machine's threads is a max_workers without a conversion") {
    const unsigned threads = std::thread::hardware_concurrency() + 1;
    CHECK(futures::thread_pool_executor{threads}.max_workers() == static_cast<int>(threads));
    const futures::thread_pool_options options{.max_workers = threads};
    CHECK(futures::thread_pool_executor(options).max_workers() == static_cast<int>(threads));
}

TEST_CASE("the option max_workers is used as an optional int is") {
    futures::thread_pool_options options;
    CHECK_FALSE(options.max_workers.has_value());
    CHECK_FALSE(options.max_workers);
    CHECK(options.max_workers == std::nullopt);
    CHECK(options.max_workers != 8);
    CHECK(options.max_workers.value_or(8) == 8);
    options.max_workers = 3;
    REQUIRE(options.max_workers.has_value());
    CHECK(options.max_workers == 3);
    CHECK(3 == options.max_workers);
    CHECK(options.max_workers != 4);
    CHECK(options.max_workers < 4);
    CHECK(options.max_workers >= 3);
    CHECK(options.max_workers == std::optional<int>(3));
    CHECK(*options.max_workers + 1 == 4);
    const int number = *options.max_workers;
    CHECK(number == options.max_workers.value());
    const int or_else = options.max_workers.value_or(8);
    CHECK(or_else == 3);
    const std::optional<int> copied = options.max_workers;
    CHECK(copied == 3);
    options.max_workers = std::optional<int>(5);
    CHECK(options.max_workers == 5);
    options.max_workers = std::optional<std::size_t>();
    CHECK(options.max_workers == std::nullopt);
    options.max_workers.emplace(-7L);
    CHECK(options.max_workers == -7);
    options.max_workers = {6};
    CHECK(options.max_workers == 6);
    options.max_workers.reset();
    CHECK_FALSE(options.max_workers);
    options.max_workers = 6;
    options.max_workers = {};
    CHECK_FALSE(options.max_workers);
    options.max_workers = std::numeric_limits<unsigned long long>::max();
    CHECK(options.max_workers == std::numeric_limits<int>::max());  // the nearest; an executor refuses it
    CHECK_THROWS_AS(futures::thread_pool_executor(options), std::invalid_argument);
}

TEST_CASE("empty braces are all defaults") {
    const int by_default = futures::thread_pool_executor<>().max_workers();
    const futures::thread_pool_executor<> parenthesized({});
    CHECK(parenthesized.max_workers() == by_default);
    const futures::thread_pool_executor<> braced{{}};
    CHECK(braced.max_workers() == by_default);
    const futures::thread_pool_executor<futures::priority> of_a_queue({});
    CHECK(of_a_queue.max_workers() == by_default);
    const futures::thread_pool_executor deduced({});
    CHECK(deduced.max_workers() == by_default);
    const futures::thread_pool_executor deduced_from_braces{{}};
    CHECK(deduced_from_braces.max_workers() == by_default);
    const futures::thread_pool_executor of_options(futures::thread_pool_options{});
    CHECK(of_options.max_workers() == by_default);
    const futures::thread_pool_executor of_option({.max_workers = {}});
    CHECK(of_option.max_workers() == by_default);
    CHECK(futures::thread_pool_executor({8}).max_workers() == 8);
    CHECK(futures::thread_pool_executor<>{{8}}.max_workers() == 8);
    STATIC_REQUIRE(std::is_same_v<decltype(deduced), const futures::thread_pool_executor<futures::fifo>>);
}

TEST_CASE("the default max_workers is min(32, usable_cpus() + 4)") {
    const futures::thread_pool_executor<> executor;
    CHECK(executor.max_workers() == std::min(32, futures::usable_cpus() + 4));
    CHECK(futures::thread_pool_executor(7).max_workers() == 7);
    CHECK(futures::thread_pool_executor({.max_workers = 3}).max_workers() == 3);
}

#if defined(__linux__)
TEST_CASE("the operating system shows a worker's name, shortened") {
    futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "a-name-that-is-long"});
    const auto shown = executor.submit([] {
        char name[64] = {};
        pthread_getname_np(pthread_self(), name, sizeof name);
        return std::string(name);
    });
    CHECK(shown.result() == "a-name-that-i_0");
}
#elif defined(_WIN32)
TEST_CASE("the operating system shows a worker's name") {
    futures::thread_pool_executor executor(
        {.max_workers = 1, .thread_name_prefix = "a-name-that-is-l\u00f6ng"});
    const auto shown = executor.submit([] {
        wchar_t* name = nullptr;
        if (FAILED(GetThreadDescription(GetCurrentThread(), &name))) {
            return std::wstring(L"none");
        }
        std::wstring copy(name);
        LocalFree(name);
        return copy;
    });
    CHECK((shown.result() == L"a-name-that-is-l\u00f6ng_0"));
}
#endif

TEST_CASE("no thread is started before the first submit, and one for each task while none is idle") {
    futures::thread_pool_executor executor(4);
    CHECK(executor.worker_count() == 0);
    tests::busy_workers first(executor);
    CHECK(executor.worker_count() == 1);
    tests::busy_workers others(executor, 3);
    CHECK(executor.worker_count() == 4);
    executor.submit([] {});
    CHECK(executor.worker_count() == 4);
}

TEST_CASE("an idle worker is reused: tasks that follow each other's results run on one thread") {
    futures::thread_pool_executor executor(10);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(executor.submit([i] { return i; }).result() == i);
    }
    CHECK(executor.worker_count() == 1);
}

TEST_CASE("a thread is not started where one is about to be idle, whatever it is doing at that moment") {
    for (int round = 0; round < tests::often(3'000); ++round) {
        futures::thread_pool_executor executor(3);
        for (int i = 0; i < 5; ++i) {
            REQUIRE(executor.submit([i] { return i; }).result() == i);
        }
        REQUIRE(executor.worker_count() == 1);
    }
}

TEST_CASE("pending_count() counts what waits, not what runs, was cancelled or is done") {
    futures::thread_pool_executor executor(1);
    CHECK(executor.pending_count() == 0);
    tests::busy_workers busy(executor);
    CHECK(executor.pending_count() == 0);
    const auto first = executor.submit([] {});
    const auto second = executor.submit([] {});
    CHECK(executor.pending_count() == 2);
    first.cancel();
    CHECK(executor.pending_count() == 1);
    busy.release();
    second.wait();
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("pending_count() is right, too, after a task has run what it waited for out of the shared queue") {
    futures::thread_pool_executor executor(1);
    futures::Future<int> inner;
    futures::Future<int> outer;
    {
        tests::busy_workers busy(executor);
        outer = executor.submit([&] { return inner.result(); });
        inner = executor.submit([] { return 1; });
        CHECK(executor.pending_count() == 2);
    }
    CHECK(outer.result() == 1);
    tests::busy_workers busy(executor);  // runs when what is left of `inner` has left the queue
    CHECK(executor.pending_count() == 0);
    const auto first = executor.submit([] {});
    const auto second = executor.submit([] {});
    CHECK(executor.pending_count() == 2);
    CHECK(first.cancel());
    CHECK(executor.pending_count() == 1);
}

TEST_CASE("threads are named <prefix>_<n>, by default thread_pool_executor-<k>_<n>") {
    CHECK(futures::this_thread_name().empty());
    futures::thread_pool_executor named({.max_workers = 2, .thread_name_prefix = "crawler"});
    std::latch both(2);
    const auto name = [&] {
        both.arrive_and_wait();
        return futures::this_thread_name();
    };
    const auto first = named.submit(name);
    const auto second = named.submit(name);
    CHECK(std::set{first.result(), second.result()} == std::set<std::string>{"crawler_0", "crawler_1"});

    const std::string with_zero("a\0b", 3);
    futures::thread_pool_executor oddly_named({.max_workers = 1, .thread_name_prefix = with_zero});
    CHECK(oddly_named.submit([] { return futures::this_thread_name(); }).result() == with_zero + "_0");

    const auto number_of_pool = [] {
        futures::thread_pool_executor executor(1);
        const std::string full = executor.submit([] { return futures::this_thread_name(); }).result();
        const std::string prefix = "thread_pool_executor-";
        REQUIRE(full.starts_with(prefix));
        REQUIRE(full.ends_with("_0"));
        return std::stoi(full.substr(prefix.size()));
    };
    const int number = number_of_pool();
    CHECK(number_of_pool() == number + 1);
}

TEST_CASE("the initializer runs first on each thread") {
    static thread_local bool initialized = false;
    std::atomic<int> calls = 0;
    futures::thread_pool_executor executor({.max_workers = 3, .initializer = [&] {
                                                initialized = true;
                                                ++calls;
                                            }});
    std::latch all(3);
    std::vector<futures::Future<bool>> tasks;
    for (int i = 0; i < 3; ++i) {
        tasks.push_back(executor.submit([&] {
            all.arrive_and_wait();
            return initialized;
        }));
    }
    for (const auto& task : tasks) {
        CHECK(task.result());
    }
    CHECK(calls == 3);
}

TEST_CASE("a worker that sleeps is woken also while another's initializer takes long") {
    std::latch initialize(1);
    std::atomic<int> threads = 0;
    futures::thread_pool_executor executor({.max_workers = 2, .initializer = [&] {
                                                if (++threads == 2) {
                                                    initialize.wait();
                                                }
                                            }});
    {
        tests::busy_workers busy(executor);
        executor.submit([] {});  // starts the second
    }
    for (int round = 0; round < 20; ++round) {
        // So that it is likely to sleep; that it is called when it does is the model's to prove.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        executor.submit([] {}).wait();
    }
    CHECK(executor.worker_count() == 2);
    initialize.count_down();
}

TEST_CASE("an initializer that throws breaks the pool: every waiting future fails, and every later submit") {
    std::latch submitted(1);
    futures::thread_pool_executor executor({.max_workers = 1, .initializer = [&] {
                                                submitted.wait();
                                                throw std::runtime_error("no database");
                                            }});
    std::vector<futures::Future<int>> tasks;
    for (int i = 0; i < 10; ++i) {
        tasks.push_back(executor.submit([] { return 1; }));
    }
    submitted.count_down();
    for (const auto& task : tasks) {
        try {
            task.result();
            FAIL("the task ran");
        } catch (const futures::broken_thread_pool& broken) {
            CHECK_THROWS_WITH(std::rethrow_if_nested(broken), "no database");
        }
    }
    CHECK_THROWS_AS(executor.submit([] {}), futures::broken_thread_pool);
    CHECK_THROWS_AS(executor.submit([] {}), futures::broken_executor);
    CHECK_THROWS_AS(executor.map([](int x) { return x; }, std::vector{1}), futures::broken_thread_pool);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("an initializer that throws breaks a map that is under way") {
    std::latch submitted(1);
    futures::thread_pool_executor executor({.max_workers = 1, .initializer = [&] {
                                                submitted.wait();
                                                throw std::runtime_error("no database");
                                            }});
    auto results = executor.map([](int x) { return x; }, std::vector{1});
    submitted.count_down();
    CHECK_THROWS_AS(results.begin(), futures::broken_thread_pool);
}

TEST_CASE("an initializer that throws on the second thread only breaks the pool, but not what runs") {
    std::atomic<int> calls = 0;
    futures::thread_pool_executor executor({.max_workers = 2, .initializer = [&] {
                                                if (++calls == 2) {
                                                    throw 7;
                                                }
                                            }});
    tests::busy_workers busy(executor);
    const auto waiting = executor.submit([] {});
    try {
        waiting.result();
        FAIL("the task ran");
    } catch (const futures::broken_thread_pool& broken) {
        CHECK_THROWS_AS(std::rethrow_if_nested(broken), int);
    }
    CHECK_THROWS_AS(executor.submit([] {}), futures::broken_thread_pool);
    busy.release();
    CHECK_NOTHROW(busy.task().result());
}

TEST_CASE("a map in a pool that breaks throws broken_thread_pool where it is iterated") {
    std::latch mapped(1);
    futures::thread_pool_executor executor({.max_workers = 1, .initializer = [&] {
                                                mapped.wait();
                                                throw std::runtime_error("no database");
                                            }});
    auto results = executor.map([](int x) { return x; }, std::vector{1, 2, 3});
    mapped.count_down();
    try {
        static_cast<void>(results.begin());
        FAIL("the pool isn't broken");
    } catch (const futures::broken_thread_pool& broken) {
        CHECK_THROWS_WITH(std::rethrow_if_nested(broken), "no database");
    }
    CHECK(results.begin() == results.end());
}

TEST_CASE("a cancelled task in a pool that breaks stays cancelled") {
    std::latch cancelled(1);
    futures::thread_pool_executor executor({.max_workers = 1, .initializer = [&] {
                                                cancelled.wait();
                                                throw 1;
                                            }});
    const auto first = executor.submit([] {});
    const auto second = executor.submit([] {});
    CHECK(first.cancel());
    cancelled.count_down();
    CHECK_THROWS_AS(second.result(), futures::broken_thread_pool);
    CHECK(first.cancelled());
}

TEST_CASE("the log is told of each thread whose initializer throws") {
    const tests::captured_log log;
    std::latch all(3);
    futures::thread_pool_executor executor({.max_workers = 3, .initializer = [&] {
                                                all.arrive_and_wait();
                                                throw std::runtime_error("no database");
                                            }});
    std::vector<futures::Future<void>> tasks;
    for (int i = 0; i < 3; ++i) {
        tasks.push_back(executor.submit([] {}));
    }
    for (const auto& task : tasks) {
        CHECK_THROWS_AS(task.result(), futures::broken_thread_pool);
    }
    executor.shutdown();
    CHECK(log.lines() == std::vector<std::string>(
                             3, "a thread initializer failed, and its thread pool is broken: no database"));
}

TEST_CASE("threads are started one after the other, as long as work is left over") {
    // Each thread that is started finds the one before it still in its initializer, and all tasks waiting.
    constexpr int limit = 8;
    std::latch released(1);
    std::atomic<int> begun = 0;
    futures::thread_pool_executor executor({.max_workers = limit, .initializer = [&] {
                                                ++begun;
                                                released.wait();
                                            }});
    SECTION("as many as there are tasks") {
        const std::vector tasks{executor.submit([] {}), executor.submit([] {}), executor.submit([] {})};
        while (begun != 3) {
            std::this_thread::yield();
        }
        CHECK(executor.worker_count() == 3);
        released.count_down();
        static_cast<void>(futures::wait(tasks));
        CHECK(executor.worker_count() == 3);
    }
    SECTION("up to the limit") {
        std::vector<futures::Future<void>> tasks;
        for (int i = 0; i < 2 * limit; ++i) {
            tasks.push_back(executor.submit([] {}));
        }
        while (begun != limit) {
            std::this_thread::yield();
        }
        CHECK(executor.worker_count() == limit);
        released.count_down();
    }
}

#if defined(__GLIBC__)

namespace {

// While this lives, no thread can be started: its stack would be larger than what the program leaves of the
// address space.
class no_thread_starts {
public:
    no_thread_starts() {
        pthread_getattr_default_np(&before_);
        pthread_attr_t impossible;
        pthread_attr_init(&impossible);
        pthread_attr_setstacksize(&impossible, std::numeric_limits<std::size_t>::max() / 8 * 7);
        REQUIRE(pthread_setattr_default_np(&impossible) == 0);
        pthread_attr_destroy(&impossible);
    }
    no_thread_starts(const no_thread_starts&) = delete;
    no_thread_starts& operator=(const no_thread_starts&) = delete;
    ~no_thread_starts() {
        pthread_setattr_default_np(&before_);
        pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_ = {};
};

}  // namespace

TEST_CASE("if no thread can be started and there is no worker, submit() throws and nothing is left queued") {
    futures::thread_pool_executor executor(2);
    bool ran = false;
    {
        const no_thread_starts impossible;
        CHECK_THROWS_AS(executor.submit([&] { ran = true; }), std::system_error);
        CHECK_THROWS_AS(executor.map([](int x) { return x; }, std::vector{1}), std::system_error);
    }
    CHECK(executor.pending_count() == 0);
    CHECK(executor.worker_count() == 0);
    CHECK(executor.submit([] { return 1; }).result() == 1);
    CHECK_FALSE(ran);
}

TEST_CASE(
    "if no further thread can be started, the task runs on a worker that exists, and the log says so once") {
    const tests::captured_log log;
    futures::thread_pool_executor executor(4);
    tests::busy_workers busy(executor);
    std::vector<futures::Future<int>> tasks;
    {
        const no_thread_starts impossible;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(executor.submit([i] { return i; }));
        }
    }
    CHECK(executor.worker_count() == 1);
    CHECK(executor.pending_count() == 3);
    busy.release();
    for (int i = 0; i < 3; ++i) {
        CHECK(tasks[static_cast<std::size_t>(i)].result() == i);
    }
    REQUIRE(log.lines().size() == 1);
    CHECK(log.lines()[0].starts_with("could not start another worker thread; the others do its work: "));
}

#endif
