// SPDX-License-Identifier: MIT

// How much is allocated, and what happens when it can't be.

#include <algorithm>
#include <array>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "support/allocations.hpp"
#include "support/busy_workers.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

template <class Operation>
std::size_t allocations_in(Operation operation) {
    const std::size_t before = tests::allocations_of_all_threads();
    operation();
    return tests::allocations_of_all_threads() - before;
}

// Calls `operation` again and again, and lets another allocation of this thread fail each time, until it gets
// through without a failure. It must not leave anything allocated after `settle`, which is called then and
// doesn't fail. Returns how often an allocation failed.
template <class Operation, class Settle>
std::size_t fail_each_allocation(Operation operation, Settle settle) {
    for (std::size_t number = 0;; ++number) {
        const std::size_t before = tests::live_allocations();
        bool failed = false;
        {
            const tests::failing_allocation failing(number);
            try {
                operation();
            } catch (const std::bad_alloc&) {
                failed = true;
            }
            // Where the failure is survived, nothing is thrown.
            failed = failed || failing.has_failed();
        }
        settle();
        const std::size_t leaked = tests::live_allocations() - before;
        REQUIRE(leaked == 0);
        if (!failed) {
            return number;
        }
    }
}
template <class Operation>
std::size_t fail_each_allocation(Operation operation) {
    return fail_each_allocation(operation, [] {});
}

}  // namespace

TEST_CASE("a submit is one allocation: callable, arguments, result and exception included") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();  // starts the worker
    CHECK(allocations_in([&] { executor.submit([] {}).result(); }) == 1);
    CHECK(allocations_in([&] { executor.submit([](int a, double b) { return a + b; }, 1, 2.0).result(); }) ==
          1);
    CHECK(allocations_in(
              [&] { executor.submit([array = std::array<char, 1000>()] { return array; }).result(); }) == 1);
    const auto text = std::make_shared<const std::string>("shared");
    CHECK(allocations_in([&] { executor.submit([](const auto& given) { return given; }, text).result(); }) ==
          1);
    CHECK(allocations_in([&] {
              // The exception itself is the C++ runtime's.
              if (!executor.submit([] { throw 1; }).exception()) {
                  throw std::logic_error("it didn't fail");
              }
          }) == 1);
}

TEST_CASE("a then is one allocation, and so is a gather, but for a vector of values") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();  // starts the worker
    const futures::Promise<int> never;
    const auto future = never.get_future();
    const std::vector<futures::Future<int>> many(100, future);
    std::vector<futures::Future<int>> kept;
    kept.reserve(1);
    CHECK(allocations_in([&] { kept.push_back(future.then(executor, [](int x) { return x + 1; })); }) == 1);
    CHECK(allocations_in([&] { futures::gather(future, future).cancel(); }) == 1);
    CHECK(allocations_in([&] { futures::gather(many).cancel(); }) == 1);
    CHECK(allocations_in([&] { executor.submit([] { return 1; }).then([](int x) { return x; }).wait(); }) ==
          2);
    CHECK(kept.front().cancel());
}

TEST_CASE(
    "a coroutine is one allocation, and an await is none, but for what it submits, and of a group one") {
    using pool = futures::thread_pool_executor<>;
    pool executor(1);
    executor.submit([] {}).result();  // starts the worker
    const auto done = executor.submit([] { return std::string(100, 'x'); });
    done.wait();
    const auto returns = [](pool&, int value) -> futures::Future<int> { co_return value; };
    CHECK(allocations_in([&] { static_cast<void>(returns(executor, 1).result()); }) == 1);
    const auto at_once = [](int value) -> futures::Future<int> { co_return value; };
    CHECK(allocations_in([&] { static_cast<void>(at_once(1).result()); }) == 1);
    const auto awaits_done = [](pool&, const futures::Future<std::string>& awaited) -> futures::Future<void> {
        for (int each = 0; each != 10; ++each) {
            static_cast<void>(co_await awaited);
        }
    };
    CHECK(allocations_in([&] { awaits_done(executor, done).wait(); }) == 1);
    const auto awaits_submit = [](pool& runs, int submits) -> futures::Future<void> {
        for (int each = 0; each != submits; ++each) {
            co_await runs.submit([] {});
        }
    };
    CHECK(allocations_in([&] { awaits_submit(executor, 10).wait(); }) == 1 + 10);
    const auto awaits_other = [](pool&, pool& runs) -> futures::Future<int> {
        co_return co_await runs.submit([] { return 1; });
    };
    pool other(1);
    other.submit([] {}).result();
    CHECK(allocations_in([&] { awaits_other(executor, other).wait(); }) == 1 + 1);
    futures::Promise<void> promise;
    const auto suspended = [](pool&, futures::Future<void> awaited) -> futures::Future<void> {
        co_await awaited;
    }(executor, promise.get_future());
    executor.submit([] {}).wait();
    CHECK(allocations_in([&] {
              promise.set_result();
              suspended.wait();
          }) == 0);
    const auto awaits_group = [](pool&, futures::task_group<>& awaited) -> futures::Future<void> {
        co_await awaited;
        co_await awaited;
    };
    futures::task_group group(executor);
    CHECK(allocations_in([&] { awaits_group(executor, group).wait(); }) == 1 + 2);
}

TEST_CASE("a task that waits takes at most 104 bytes, if it captures two numbers and returns one") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const std::size_t before = tests::bytes_allocated_by_all_threads();
    const auto future = executor.submit([a = 1, b = 2] { return a + b; });
    CHECK(tests::bytes_allocated_by_all_threads() - before <= 104);
    busy.release();
    CHECK(future.result() == 3);
}

TEST_CASE(
    "waiting for a result, cancelling and copying handles allocate nothing; a callback is one allocation") {
    futures::thread_pool_executor executor(1);
    std::optional<tests::busy_workers> busy(std::in_place, executor);
    const auto cancelled = executor.submit([] {});
    const auto awaited = executor.submit([] { return 1; });
    CHECK(allocations_in([&] { cancelled.cancel(); }) == 0);
    CHECK(allocations_in([&] { awaited.add_done_callback([](auto) {}); }) == 1);
    busy->release();
    CHECK(allocations_in([&] {
              const auto copy = awaited;
              copy.wait();
              static_cast<void>(copy.result());
          }) == 0);
}

TEST_CASE("wait() and as_completed() make a number of allocations that is linear in the futures") {
    futures::thread_pool_executor executor(1);
    for (const std::size_t count : {10U, 100U, 1000U}) {
        std::vector<futures::Future<void>> tasks;
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(executor.submit([] {}));
        }
        futures::wait(tasks).done.clear();
        const auto wait = allocations_in([&] { futures::wait(tasks).done.clear(); });
        const auto as_completed = allocations_in([&] {
            for (const auto& future : futures::as_completed(tasks)) {
                static_cast<void>(future);
            }
        });
        CHECK(wait <= 2 * count + 20);
        CHECK(as_completed <= 2 * count + 20);
    }
}

TEST_CASE(
    "a map with chunks makes one allocation a chunk for the task and one for the results, and some in all") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();
    const auto map = [&](std::ptrdiff_t chunksize) {
        return allocations_in([&] {
            for (const int each : executor.map(
                     {.chunksize = chunksize}, [](int x) { return x; }, std::views::iota(0, 1000))) {
                static_cast<void>(each);
            }
        });
    };
    CHECK(map(1) <= 1000 + 100);  // std::deque's blocks
    CHECK(map(100) <= 2 * 10 + 20);
}

TEST_CASE("an any_future allocates nothing") {
    futures::thread_pool_executor executor(1);
    const auto future = executor.submit([] { return 42; });
    future.wait();
    bool right = false;
    CHECK(allocations_in([&] {
              const futures::any_future any = future;
              const futures::any_future copy = any;
              copy.wait();
              right = copy == future && copy.get<int>().result() == 42;
          }) == 0);
    CHECK(right);
}

TEST_CASE(
    "a task of a group and a future in a completion queue are one allocation more, until they are done") {
    futures::thread_pool_executor executor(1);
    futures::task_group group(executor);
    group.submit([] {});
    group.wait();
    CHECK(allocations_in([&] {
              group.submit([] {});
              group.wait();
          }) == 2);
    futures::completion_queue<void> queue;
    const auto future = executor.submit([] {});
    CHECK(allocations_in([&] {
              queue.add(future);
              static_cast<void>(queue.next());
          }) == 1);
    const std::size_t before = tests::live_allocations();
    for (int count = 0; count != 10000; ++count) {
        group.submit([] {});
        queue.add(future);
        static_cast<void>(queue.next());
        if (count % 100 == 0) {
            group.wait();
        }
    }
    group.wait();
    CHECK(tests::live_allocations() == before);
}

TEST_CASE("invoke allocates nothing, from outside or in a task, on whichever thread it makes the calls") {
    futures::thread_pool_executor executor(2);
    // Both workers are started.
    tests::busy_workers(executor, 2).release();
    const auto text = std::make_shared<const std::string>("shared");
    const auto invoke = [&] {
        return allocations_in([&] {
            std::latch taken(1);
            executor.invoke([&] { taken.count_down(); }, [&] { return text; }, [] { return 1; },
                            [&] { taken.wait(); });
        });
    };
    CHECK(invoke() == 0);
    CHECK(executor.submit(invoke).result() == 0);
}

TEST_CASE("std::bad_alloc from any allocation of an executor's construction, a submit and its result") {
    int ran = 0;
    const std::size_t failures = fail_each_allocation([&] {
        futures::thread_pool_executor executor(2);
        const auto first = executor.submit([&] { ++ran; });
        first.result();
        const auto second = executor.submit([witness = std::make_shared<int>(1)] { return *witness; });
        if (second.result() != 1) {
            throw std::logic_error("wrong result");
        }
    });
    CHECK(failures >= 4);
    CHECK(ran > 0);
}

TEST_CASE("std::bad_alloc while another thread is started: the task runs on a worker that exists") {
    const futures::log_handler before = futures::set_log_handler([](auto, auto) {});
    const std::size_t failures = fail_each_allocation([&] {
        futures::thread_pool_executor executor(2);
        tests::busy_workers busy(executor);
        const auto future = executor.submit([] { return 1; });
        busy.release();
        if (future.result() != 1) {
            throw std::logic_error("wrong result");
        }
    });
    CHECK(failures >= 6);
    futures::set_log_handler(before);
}

TEST_CASE("std::bad_alloc from a submit leaves nothing queued and nothing captured, and the pool usable") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();
    const auto witness = std::make_shared<int>(0);
    const std::size_t failures = fail_each_allocation([&] {
        executor.submit([witness](const std::string& text) { return text.size(); }, std::string(100, 'x'))
            .result();
    });
    CHECK(failures == 2);  // the argument, the task
    CHECK(witness.use_count() == 1);
    CHECK(executor.pending_count() == 0);
}

#if defined(__cpp_lib_jthread)
TEST_CASE("std::bad_alloc from a submit of a callable that takes a stop token") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();
    const auto witness = std::make_shared<int>(0);
    CHECK(fail_each_allocation([&] { executor.submit([witness](std::stop_token) { return 1; }).result(); }) ==
          2);
    CHECK(witness.use_count() == 1);
}
#endif

TEST_CASE("std::bad_alloc from a map cancels what it had submitted") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).result();
    const std::vector<int> source{1, 2, 3, 4, 5};
    for (const futures::map_options& options : {futures::map_options{}, futures::map_options{.chunksize = 2},
                                                futures::map_options{.buffersize = 2}}) {
        const auto witness = std::make_shared<int>(0);
        const std::size_t failures = fail_each_allocation(
            [&] {
                int sum = 0;
                for (const int each : executor.map(
                         options, [witness](int x) { return x + *witness; }, source)) {
                    sum += each;
                }
                if (sum != 15) {
                    throw std::logic_error("wrong sum");
                }
            },
            // Then the worker has let go of everything before.
            [&] { executor.submit([] {}).result(); });
        CHECK(failures >= 5);
        CHECK(executor.pending_count() == 0);
        CHECK(witness.use_count() == 1);
    }
}

TEST_CASE("std::bad_alloc in a chunk of a map is an exception of that chunk") {
    futures::thread_pool_executor executor(1);
    executor.submit([] { tests::exchange_failing_allocation(0); }).result();
    auto results = executor.map(
        {.chunksize = 3}, [](int x) { return x; }, std::vector{1, 2, 3});
    CHECK_THROWS_AS(results.begin(), std::bad_alloc);
}

TEST_CASE(
    "std::bad_alloc from wait() and as_completed(), while the futures are pending and when they are done") {
    futures::thread_pool_executor executor(1);
    std::optional<tests::busy_workers> busy(std::in_place, executor);
    std::vector<futures::Future<int>> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(executor.submit([i] { return i; }));
    }
    const auto wait = [&] {
        const auto result = futures::wait(tasks, {.timeout = std::chrono::nanoseconds(1)});
        if (result.done.size() + result.not_done.size() != 5) {
            throw std::logic_error("not all");
        }
    };
    const auto as_completed = [&] {
        try {
            for (const auto& future : futures::as_completed(tasks, std::chrono::nanoseconds(1))) {
                static_cast<void>(future);
            }
        } catch (const futures::timeout_error&) {
            return;  // with nothing done, as it should
        }
    };
    CHECK(fail_each_allocation(wait) >= 5);
    CHECK(fail_each_allocation(as_completed) >= 5);
    busy->release();
    CHECK(futures::wait(tasks).done.size() == 5);
    CHECK(fail_each_allocation(wait) >= 5);
    CHECK(fail_each_allocation(as_completed) >= 5);
    for (int i = 0; i < 5; ++i) {
        CHECK(tasks[static_cast<std::size_t>(i)].result() == i);
    }
}

TEST_CASE("std::bad_alloc from add_done_callback() and from a promise") {
    CHECK(fail_each_allocation([] {
              futures::Promise<int> promise;
              int calls = 0;
              promise.get_future().add_done_callback([&calls](auto) { ++calls; });
              promise.set_result(1);
              if (calls != 1) {
                  throw std::logic_error("not called");
              }
          }) == 2);
}

TEST_CASE("std::bad_alloc from a group leaves no task in it, and from a completion queue no future") {
    const auto group_failures = fail_each_allocation([] {
        futures::thread_pool_executor executor(1);
        futures::task_group group(executor);
        try {
            group.submit([] {});
        } catch (const std::bad_alloc&) {
            group.wait();
            throw;
        }
        group.cancel();
        static_cast<void>(group.submit([] {}));
        group.wait();
    });
    CHECK(group_failures >= 4);
    futures::Promise<int> promise;
    promise.set_result(42);
    const auto queue_failures = fail_each_allocation([&promise] {
        futures::completion_queue<int> queue;
        try {
            queue.add(promise.get_future());
        } catch (const std::bad_alloc&) {
            if (!queue.empty()) {
                throw std::logic_error("something was added");
            }
            throw;
        }
    });
    CHECK(queue_failures == 1);
}

TEST_CASE("std::bad_alloc from set_log_handler() leaves the handler that was there") {
    const auto lose_an_exception = [] {
        futures::Promise<int> promise;
        static_cast<void>(promise.get_future());
        promise.set_exception(std::make_exception_ptr(1));
    };
    using large = std::array<char, 100>;  // too large for a std::function to keep without an allocation
    std::size_t calls = 0;
    const futures::log_handler original = futures::set_log_handler([&calls, kept = large()](auto, auto) {
        static_cast<void>(kept);
        ++calls;
    });
    const std::size_t failures = fail_each_allocation(
        [] { futures::set_log_handler([kept = large()](auto, auto) { static_cast<void>(kept); }); },
        lose_an_exception);
    CHECK(failures == 3);  // the function, where it is kept, the copy of the one before
    CHECK(calls == failures);
    futures::set_log_handler(original);
}

TEST_CASE("a pool whose initializer fails is broken, also when memory has run out") {
    futures::thread_pool_executor executor(
        futures::thread_pool_options{.max_workers = 1, .initializer = [] {
                                         tests::exchange_failing_allocation(0);
                                         throw std::bad_alloc();
                                     }});
    try {
        executor.submit([] {}).result();
        FAIL("the pool isn't broken");
    } catch (const futures::broken_thread_pool& broken) {
        CHECK_THROWS_AS(std::rethrow_if_nested(broken), std::bad_alloc);
    }
    CHECK_THROWS_AS(executor.submit([] {}), futures::broken_thread_pool);
}

TEST_CASE("std::bad_alloc while a promise is destroyed that was never set") {
    SECTION("its future fails, with that if need be") {
        CHECK(fail_each_allocation([] {
                  std::optional<futures::Promise<int>> promise(std::in_place);
                  const futures::Future<int> future = promise->get_future();
                  promise.reset();
                  if (!future.exception()) {
                      throw std::logic_error("it didn't fail");
                  }
              }) == 2);  // the state, the message
    }
    SECTION("a future that was cancelled stays so") {
        fail_each_allocation([] {
            std::optional<futures::Promise<int>> promise(std::in_place);
            const futures::Future<int> future = promise->get_future();
            future.cancel();
            promise.reset();
            if (!future.cancelled()) {
                throw std::logic_error("it wasn't cancelled");
            }
        });
    }
}

TEMPLATE_TEST_CASE("a queue doesn't grow when tasks are submitted and cancelled for ever", "", futures::fifo,
                   futures::lifo, futures::priority) {
    futures::thread_pool_executor<TestType> executor(1);
    tests::busy_workers busy(executor);
    const std::size_t before = tests::live_allocations();
    std::size_t most = 0;
    for (int i = 0; i < 100'000; ++i) {
        executor.submit([] {}).cancel();
        most = std::max(most, tests::live_allocations() - before);
    }
    CHECK(most < 200);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("a worker's own queue doesn't grow when its task submits tasks and cancels them for ever") {
    futures::thread_pool_executor executor(2);
    const tests::busy_workers busy(executor);  // nobody helps with the queue
    const auto growth = executor.submit([&executor] {
        const std::size_t before = tests::live_allocations();
        std::size_t most = 0;
        for (int i = 0; i < 100'000; ++i) {
            executor.submit([] {}).cancel();
            most = std::max(most, tests::live_allocations() - before);
        }
        return most;
    });
    CHECK(growth.result() < 200);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("usable_cpus() finds an answer without memory, too") {
    int least = futures::usable_cpus();
    const std::size_t failures =
        fail_each_allocation([&] { least = std::min(least, futures::usable_cpus()); });
    CHECK(least >= 1);
#if defined(__linux__)
    CHECK(failures >= 1);  // of room for a mask
#else
    CHECK(failures == 0);
#endif
}

TEST_CASE("a then, a gather and waiting for them in a task survive each allocation that fails") {
    futures::thread_pool_executor executor(1);
    executor.submit([] {}).wait();
    const auto compose = [&] {
        std::vector<futures::Future<int>> parts;
        for (int i = 0; i != 3; ++i) {
            parts.push_back(executor.submit([i] { return i; }).then([](int x) { return x; }));
        }
        return futures::gather(std::move(parts)).then(executor, [](const std::vector<int>& all) {
            return all.size();
        });
    };
    // A task, its continuation, and the continuation of all: each is queued when the one before has run.
    const auto run_what_is_left = [&] {
        for (int link = 0; link != 3; ++link) {
            executor.submit([] {}).wait();
        }
    };
    CHECK(fail_each_allocation([&] { compose().wait(); }, run_what_is_left) > 0);
    CHECK(executor
              .submit([&] {
                  std::size_t number = 0;
                  for (bool failed = true; failed; ++number) {
                      const tests::failing_allocation failing(number);
                      try {
                          compose().wait();
                      } catch (const std::bad_alloc&) {
                      }
                      failed = failing.has_failed();
                  }
                  return number;
              })
              .result() > 1);
}

TEST_CASE("a then without memory for the future that its function returns doesn't call the function") {
    futures::Promise<int> promise;
    promise.set_result(1);
    const futures::Future<int> done = promise.get_future();
    int calls = 0;
    CHECK(fail_each_allocation([&] {
              const int calls_before = calls;
              try {
                  static_cast<void>(done.then([&](int) {
                      ++calls;
                      return done;
                  }));
              } catch (const std::bad_alloc&) {
                  if (calls != calls_before) {
                      throw std::logic_error("called");
                  }
                  throw;
              }
          }) == 2);
    CHECK(calls == 1);
}

TEST_CASE("std::bad_alloc from each allocation of a coroutine, and of what it does, leaves nothing") {
    using pool = futures::thread_pool_executor<>;
    pool executor(1);
    executor.submit([] {}).wait();
    const auto settle = [&] { executor.submit([] {}).wait(); };
    const auto witness = std::make_shared<int>(1);
    const auto returns = [](pool&, std::string text, std::shared_ptr<int> kept) -> futures::Future<int> {
        co_return static_cast<int>(text.size()) + *kept;
    };
    CHECK(fail_each_allocation(
              [&] {
                  if (returns(executor, std::string(100, 'x'), witness).result() != 101) {
                      throw std::logic_error("wrong result");
                  }
              },
              settle) == 2);  // the text, the coroutine
    CHECK(witness.use_count() == 1);
    // All is done on this thread, whose allocations fail, up to the last await.
    const auto composes = [](int one, pool& runs) -> futures::Future<int> {
        futures::task_group group(runs);
        group.submit([] {});
        group.wait();
        co_await group;
        const auto doubled = runs.submit([one] { return one; }).then([](int value) { return 2 * value; });
        doubled.wait();
        const auto both = futures::gather(doubled, doubled);
        const auto [first, second] = co_await both;
        group.submit([] {});
        co_await group;
        co_return first + second;
    };
    CHECK(fail_each_allocation(
              [&] {
                  if (composes(1, executor).result() != 4) {
                      throw std::logic_error("wrong result");
                  }
              },
              settle) == 1 + 1 + 2 + 1 + 2 + 1 + 2 + 1);
}

TEST_CASE("a task that waits for coroutines, and those, survive each allocation that fails") {
    using pool = futures::thread_pool_executor<>;
    pool executor(1);
    const auto composes = [](pool& runs, int submits) -> futures::Future<int> {
        futures::task_group group(runs);
        int sum = 0;
        for (int each = 0; each != submits; ++each) {
            group.submit([] {});
            sum += co_await runs.submit([] { return 1; });
            co_await runs.schedule();
        }
        co_await group;
        co_return sum;
    };
    // The only worker runs all of them, where it waits.
    const auto tries = [&] {
        std::size_t number = 0;
        for (bool failed = true; failed; ++number) {
            const tests::failing_allocation failing(number);
            int sum = 2;
            try {
                sum = composes(executor, 2).result();
            } catch (const std::bad_alloc&) {
            }
            failed = failing.has_failed();
            if (sum != 2) {
                throw std::logic_error("wrong result");
            }
        }
        return number;
    };
    CHECK(executor.submit(tries).result() > 10);
}
