// SPDX-License-Identifier: MIT

// executor.invoke(f, g, ...).

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"

namespace futures = concurrent::futures;

namespace {

// The second discipline of a user's own: the order is nobody's business.
struct forks_stack {
    std::vector<futures::queued_task*> tasks;
    void push(futures::queued_task& task) { tasks.push_back(&task); }
    futures::queued_task* pop() {
        if (tasks.empty()) {
            return nullptr;
        }
        futures::queued_task* const last = tasks.back();
        tasks.pop_back();
        return last;
    }
};

// Keeps each task, and never runs it.
class forks_idle_executor : public futures::executor_base<forks_idle_executor> {
public:
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        if (keeps) {
            tasks.push_back(std::move(task));
        }
        return future;
    }
    void shutdown(futures::shutdown_options = {}) {}

    bool keeps = true;
    std::vector<futures::packaged_task> tasks;
};

long fibonacci(futures::executor auto& executor, long n) {
    if (n < 2) {
        return n;
    }
    const auto [a, b] = executor.invoke([&] { return fibonacci(executor, n - 1); },
                                        [&] { return fibonacci(executor, n - 2); });
    return a + b;
}

}  // namespace

TEST_CASE("invoke returns the results of all callables, in their order") {
    futures::thread_pool_executor executor(2);
    const auto here = std::this_thread::get_id();
    auto [number, nothing, text, last] =
        executor.invoke([] { return 1; }, [] {}, [] { return std::string("text"); },
                        [] { return std::this_thread::get_id(); });
    CHECK(number == 1);
    STATIC_REQUIRE(std::is_same_v<decltype(nothing), std::monostate>);
    CHECK(nothing == std::monostate());
    CHECK(text == "text");
    CHECK(last == here);

    SECTION("also of one") {
        CHECK(executor.invoke([] { return 2; }) == std::tuple(2));
    }
    SECTION("also of functions, and of callables that can only be moved or called once") {
        struct once {
            std::unique_ptr<int> kept;
            std::unique_ptr<int> operator()() && { return std::move(kept); }
        };
        auto [first, second] =
            executor.invoke(once{std::make_unique<int>(3)}, once{std::make_unique<int>(4)});
        CHECK((*first == 3 && *second == 4));
        CHECK(std::get<0>(executor.invoke(futures::usable_cpus, [] {})) >= 1);
    }
    SECTION("a reference stays one, and what an rvalue reference refers to is kept") {
        int referred = 0;
        std::string moved = "moved";
        auto results = executor.invoke([&]() -> int& { return referred; },
                                       [&]() -> std::string&& { return std::move(moved); },
                                       [&]() -> const int& { return referred; });
        STATIC_REQUIRE(std::is_same_v<decltype(results), std::tuple<int&, std::string, const int&>>);
        CHECK(&std::get<0>(results) == &referred);
        CHECK(std::get<1>(results) == "moved");
        CHECK(&std::get<2>(results) == &referred);
    }
}

TEST_CASE("invoke calls callables that are lvalues where they are") {
    struct counts {
        int calls = 0;
        counts() = default;
        counts(const counts&) = delete;
        void operator()() & { ++calls; }
    };
    counts first;
    counts second;
    futures::thread_pool_executor executor(2);
    executor.invoke(first, second, [] {});
    CHECK((first.calls == 1 && second.calls == 1));
}

TEST_CASE("invoke runs its callables at the same time") {
    futures::thread_pool_executor executor(2);
    const auto meet = [&executor] {
        std::latch all(3);
        executor.invoke([&] { all.arrive_and_wait(); }, [&] { all.arrive_and_wait(); },
                        [&] { all.arrive_and_wait(); });
    };
    meet();  // the two workers and this thread
    futures::thread_pool_executor three(3);
    three
        .submit([&three] {
            std::latch all(3);
            three.invoke([&] { all.arrive_and_wait(); }, [&] { all.arrive_and_wait(); },
                         [&] { all.arrive_and_wait(); });
        })
        .result();
}

TEST_CASE("the caller of invoke runs what no worker has come for") {
    futures::thread_pool_executor executor(1);
    const tests::busy_workers busy(executor);
    const auto here = std::this_thread::get_id();
    std::vector<int> order;
    const auto [first, second, third] = executor.invoke(
        [&] {
            order.push_back(1);
            return std::this_thread::get_id();
        },
        [&] {
            order.push_back(2);
            return std::this_thread::get_id();
        },
        [&] {
            order.push_back(3);
            return std::this_thread::get_id();
        });
    CHECK((first == here && second == here && third == here));
    CHECK(order == std::vector{3, 2, 1});
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("what invoke lets others run is pending until it is begun") {
    futures::thread_pool_executor executor(1);
    const tests::busy_workers busy(executor);
    const auto pending = executor.invoke([] {}, [] {}, [&] { return executor.pending_count(); });
    CHECK(std::get<2>(pending) == 2);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("the caller of invoke sleeps until another thread is done with what it has taken") {
    for (const bool in_task : {false, true}) {
        futures::thread_pool_executor executor(2);
        const auto run = [&executor] {
            std::latch taken(1);
            std::latch go_on(1);
            std::thread later;
            const auto [first, second] = executor.invoke(
                [&] {
                    taken.count_down();
                    go_on.wait();
                    return 1;
                },
                [&] {
                    taken.wait();
                    later = std::thread([&] { go_on.count_down(); });
                    return 2;
                });
            later.join();
            return first + second;
        };
        CHECK((in_task ? executor.submit(run).result() : run()) == 3);
    }
}

TEST_CASE("a caller of invoke that waits for a stolen call runs what that has submitted") {
    futures::thread_pool_executor executor(2);
    executor
        .submit([&] {
            std::latch stolen(1);
            executor.invoke(
                [&] {
                    // Only the other worker can run the first of these, and only by helping.
                    std::latch helped(1);
                    executor.invoke([&] { helped.count_down(); },
                                    [&] {
                                        stolen.count_down();
                                        helped.wait();
                                    });
                },
                [&] { stolen.wait(); });
        })
        .result();
}

TEST_CASE("invoke rethrows the first exception in the order of its callables, when all have ended") {
    futures::thread_pool_executor executor(2);
    std::atomic<int> ended = 0;
    const auto fails = [&ended](const char* what) {
        ++ended;
        throw std::runtime_error(what);
    };
    std::latch last_has_thrown(1);
    CHECK_THROWS_WITH(executor.invoke([&] { ++ended; },
                                      [&] {
                                          last_has_thrown.wait();
                                          fails("second");
                                      },
                                      [&] { fails("third"); },
                                      [&] {
                                          last_has_thrown.count_down();
                                          fails("last");
                                      }),
                      "second");
    CHECK(ended == 4);
    CHECK_THROWS_WITH(executor.invoke([&] { ++ended; }, [&] { fails("last"); }), "last");
    CHECK(ended == 6);
}

TEST_CASE("invoke destroys the results of the other callables when one throws") {
    futures::thread_pool_executor executor(2);
    const auto witness = std::make_shared<int>(1);
    CHECK_THROWS_AS(executor.invoke([&] { return witness; }, [] { throw 1; }, [&] { return witness; }), int);
    CHECK(witness.use_count() == 1);
}

TEMPLATE_TEST_CASE("invoke works in tasks that it has called, to any depth, with any queue", "",
                   futures::fifo, futures::lifo, futures::priority, forks_stack) {
    for (const int workers : {1, 2, 4}) {
        futures::thread_pool_executor<TestType> executor(workers);
        CHECK(fibonacci(executor, 15) == 610);
        CHECK(executor.submit([&] { return fibonacci(executor, 15); }).result() == 610);
        // From many tasks, and from outside, at once.
        std::vector<futures::Future<long>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(executor.submit([&] { return fibonacci(executor, 10); }));
        }
        CHECK(fibonacci(executor, 10) == 55);
        for (const auto& task : tasks) {
            CHECK(task.result() == 55);
        }
        CHECK(executor.pending_count() == 0);
    }
}

TEST_CASE("what invoke calls may wait for futures of the same pool") {
    futures::thread_pool_executor executor(1);
    const auto ask = [&] { return executor.submit([&] { return fibonacci(executor, 5); }).result(); };
    CHECK(executor.submit([&] { return executor.invoke(ask, ask); }).result() == std::tuple(5L, 5L));
    CHECK(executor.invoke(ask, ask) == std::tuple(5L, 5L));
}

TEST_CASE("invoke works from the worker of another pool") {
    futures::thread_pool_executor executor(2);
    futures::thread_pool_executor other(2);
    CHECK(other.submit([&] { return fibonacci(executor, 10); }).result() == 55);
}

TEST_CASE("invoke throws what submit throws, before it calls anything") {
    int calls = 0;
    const auto counts = [&calls] { ++calls; };
    SECTION("after a shutdown") {
        futures::thread_pool_executor executor(1);
        executor.shutdown();
        CHECK_THROWS_AS(executor.invoke(counts, counts), futures::executor_shutdown);
        CHECK_THROWS_AS(executor.invoke(counts), futures::executor_shutdown);
    }
    SECTION("when an initializer has failed") {
        futures::set_log_handler([](auto, auto) {});
        futures::thread_pool_executor executor(
            {.max_workers = 1, .initializer = [] { throw std::runtime_error("it fails"); }});
        // Either the submit throws, or its future fails.
        CHECK_THROWS_AS(executor.submit([] {}).result(), futures::broken_thread_pool);
        CHECK_THROWS_AS(executor.invoke(counts, counts), futures::broken_thread_pool);
        futures::set_log_handler(nullptr);
    }
    CHECK(calls == 0);
}

TEST_CASE("the caller of invoke runs what a shutdown takes out of the queue, or refuses") {
    for (const int workers : {1, 2}) {
        futures::thread_pool_executor executor(workers);
        tests::busy_workers busy(executor, workers);
        int calls = 0;
        executor.invoke([&] { ++calls; }, [&] { ++calls; },
                        [&] {
                            executor.shutdown({.wait = false, .cancel_futures = true});
                            ++calls;
                        });
        CHECK(calls == 3);
        CHECK(executor.pending_count() == 0);
    }
    SECTION("also in a task") {
        futures::thread_pool_executor executor(2);
        tests::busy_workers busy(executor);
        int calls = 0;
        executor
            .submit([&] {
                executor.invoke([&] { ++calls; }, [&] { ++calls; },
                                [&] {
                                    executor.shutdown({.wait = false, .cancel_futures = true});
                                    ++calls;
                                });
            })
            .result();
        CHECK(calls == 3);
    }
}

TEST_CASE("the caller of invoke runs what waits in a pool that breaks") {
    futures::set_log_handler([](auto, auto) {});
    std::latch called(1);
    futures::thread_pool_executor executor({.max_workers = 1, .initializer = [&] {
                                                called.wait();
                                                throw std::runtime_error("it fails");
                                            }});
    int calls = 0;
    executor.invoke([&] { ++calls; },
                    [&] {
                        ++calls;
                        const auto waits = executor.submit([] {});
                        called.count_down();
                        CHECK_THROWS_AS(waits.result(), futures::broken_thread_pool);
                    });
    CHECK(calls == 2);
    executor.shutdown();
    futures::set_log_handler(nullptr);
}

TEST_CASE("an executor that only submits has invoke too") {
    const auto one = [] { return 1; };
    const auto text = [] { return std::string("text"); };
    tests::inline_executor runs_at_once;
    CHECK(runs_at_once.invoke(one, text, one) == std::tuple(1, std::string("text"), 1));
    CHECK(fibonacci(runs_at_once, 10) == 55);
    CHECK_THROWS_WITH(runs_at_once.invoke([] { throw std::runtime_error("first"); },
                                          [] { throw std::runtime_error("second"); }),
                      "first");

    forks_idle_executor runs_nothing;
    CHECK(runs_nothing.invoke(one, text, one) == std::tuple(1, std::string("text"), 1));
    CHECK(runs_nothing.tasks.size() == 2);
    runs_nothing.keeps = false;  // the future fails, with what nobody retrieves
    CHECK(runs_nothing.invoke(one, text, one) == std::tuple(1, std::string("text"), 1));
}
