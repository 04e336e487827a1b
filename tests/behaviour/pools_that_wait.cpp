// SPDX-License-Identifier: MIT

// Workers of several pools wait for each other, whatever it is that they run and wait for.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <coroutine>
#include <exception>
#include <functional>
#include <latch>
#include <numeric>
#include <random>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace futures = concurrent::futures;

// These have linkage, as what is in the frame of a template must have it, to GCC, in a file that is included.
namespace handing {

// Hands its tasks to another executor, and gives the futures of that.
template <class Executor>
class handing_executor : public futures::executor_base<handing_executor<Executor>> {
public:
    explicit handing_executor(Executor& runs_them) : runs_them_(runs_them) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return runs_them_.submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    Executor& runs_them_;
};

struct return_number {
    int operator()() const { return number; }
    int number;
};

}  // namespace handing

namespace {

using handing::handing_executor;
using pool = futures::thread_pool_executor<>;

// Has the workers of a pool run its tasks, as an executor of one's own that limits or orders them does.
class relaying_executor : public futures::executor_base<relaying_executor> {
public:
    explicit relaying_executor(pool& runs_them) : runs_them_(runs_them) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        static_cast<void>(runs_them_.submit(std::move(task)));
        return std::move(future);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    pool& runs_them_;
};

futures::Future<int> call_in(pool&, pool& goes_to, std::function<int()> fn) {
    co_await goes_to.schedule();
    co_return fn();
}

futures::Future<int> call_after(futures::Future<void> before, std::function<int()> fn) {
    co_await before;
    co_return fn();
}

futures::Future<int> call_as_task_of(relaying_executor&, std::function<int()> fn) {
    co_return fn();
}

futures::Future<int> return_one_in(futures::executor auto&) {
    co_return 1;
}

futures::Future<int> add_one_in(futures::executor auto&, futures::Future<int> awaited) {
    co_return co_await std::move(awaited) + 1;
}

futures::Future<int> sum_in(futures::executor auto& executor, int count) {
    int sum = 0;
    for (int each = 0; each != count; ++each) {
        sum += co_await executor.submit(handing::return_number{each});
    }
    co_return sum;
}

futures::Future<int> return_one_after_schedule(futures::executor auto& executor, int times) {
    for (int each = 0; each != times; ++each) {
        co_await executor.schedule();
    }
    co_return 1;
}

// Suspends a coroutine, and the library isn't told. The test resumes the coroutine by `suspended`.
struct foreign_awaiter {
    std::coroutine_handle<>& suspended;
    std::latch* told = nullptr;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) const noexcept {
        suspended = frame;
        if (told) {
            told->count_down();
        }
    }
    void await_resume() const noexcept {}
};

futures::Future<int> await_foreign(futures::Future<void> before, std::coroutine_handle<>& suspended) {
    co_await before;
    co_await foreign_awaiter{suspended};
    co_return 1;
}

futures::Future<int> await_foreign_as_task_of(pool&, foreign_awaiter awaiter, std::function<int()> fn) {
    co_await awaiter;
    co_return fn();
}

}  // namespace

TEST_CASE("a worker helps what it waits for if that blocks on another pool's worker") {
    pool first(1);
    pool second(1);
    pool third(1);
    relaying_executor relaying(third);
    std::latch waits{1};
    // What the only worker of `second` waits for calls this on the worker of `third`.
    const auto needs_second = [&] {
        waits.wait();
        return second.submit([] { return 1; }).result();
    };
    const auto check_wait_for = [&](auto begin) {
        const auto waiting = second.submit([&] {
            const futures::Future<int> begun = begin();
            waits.count_down();
            return begun.result();
        });
        CHECK(waiting.result() == 1);
    };

    SECTION("a coroutine of a pool that went on there") {
        check_wait_for([&] { return call_in(first, third, needs_second); });
    }
    SECTION("a coroutine without an executor") {
        std::latch begun{1};
        check_wait_for([&] {
            auto coroutine = call_after(third.submit([&] { begun.wait(); }), needs_second);
            begun.count_down();
            return coroutine;
        });
    }
    SECTION("a coroutine of an executor of one's own") {
        check_wait_for([&] { return call_as_task_of(relaying, needs_second); });
    }
    SECTION("a task of an executor of one's own") {
        check_wait_for([&] { return relaying.submit(needs_second); });
    }
    SECTION("a continuation of an executor of one's own") {
        check_wait_for([&] { return first.submit([] {}).then(relaying, needs_second); });
    }
    SECTION("a continuation of a promise's future") {
        futures::Promise<void> promise;
        check_wait_for([&] {
            auto continuation = promise.get_future().then(needs_second);
            static_cast<void>(third.submit([&] { promise.set_result(); }));
            return continuation;
        });
    }
}

TEST_CASE("a worker runs what an executor of one's own has handed to its pool, if it waits for that") {
    pool runs(1);
    handing_executor executor(runs);
    const auto add_one = [](int x) { return x + 1; };
    const auto wait_on_worker = [&](auto begin) {
        return runs.submit([&] { return begin().result(); }).result();
    };
    const auto check_completed_late = [&](const futures::Future<int>& two, futures::Promise<int>& one) {
        std::latch waits{1};
        const auto waiting = runs.submit([&] {
            waits.count_down();
            return two.result();
        });
        waits.wait();
        one.set_result(1);
        CHECK(waiting.result() == 2);
    };

    SECTION("a continuation") {
        CHECK(wait_on_worker([&] { return runs.submit([] { return 1; }).then(executor, add_one); }) == 2);
    }
    SECTION("a continuation of a future that is done") {
        futures::Promise<int> promise;
        promise.set_result(1);
        CHECK(wait_on_worker([&] { return promise.get_future().then(executor, add_one); }) == 2);
    }
    SECTION("a continuation of a future that another thread completes") {
        futures::Promise<int> promise;
        check_completed_late(promise.get_future().then(executor, add_one), promise);
    }
    SECTION("a coroutine") {
        CHECK(wait_on_worker([&] { return return_one_in(executor); }) == 1);
    }
    SECTION("a coroutine that awaits tasks of the executor") {
        CHECK(wait_on_worker([&] { return sum_in(executor, 10); }) == 45);
    }
    SECTION("a coroutine that awaits a future that another thread completes") {
        futures::Promise<int> promise;
        check_completed_late(add_one_in(executor, promise.get_future()), promise);
    }
    SECTION("a coroutine that goes on as a task of the executor, again and again") {
        CHECK(wait_on_worker([&] { return return_one_after_schedule(executor, 10); }) == 1);
    }
    SECTION("what an executor of one's own hands to another") {
        handing_executor outer(executor);
        CHECK(wait_on_worker([&] { return add_one_in(outer, return_one_in(outer).then(add_one)); }) == 3);
    }
    SECTION("several at once, in each way of waiting") {
        const auto begin = [&] {
            return std::vector{return_one_in(executor), return_one_in(executor).then(add_one),
                               sum_in(executor, 4)};
        };
        const auto sum = [](const std::vector<int>& all) {
            return std::accumulate(all.begin(), all.end(), 0);
        };
        CHECK(wait_on_worker([&] { return futures::gather(begin()).then(executor, sum); }) == 9);
        CHECK(wait_on_worker([&] { return futures::wait(begin()).done.back(); }) == 6);
        const auto with_a_limit = [&] { return begin().back().result(std::chrono::hours(1)); };
        CHECK(runs.submit(with_a_limit).result() == 6);
        const auto in_order_of_completion = [&] {
            int result = 0;
            for (const auto& each : futures::as_completed(begin())) {
                result += each.result();
            }
            return result;
        };
        CHECK(runs.submit(in_order_of_completion).result() == 9);
    }
}

TEST_CASE("workers of two pools wait for a chain over executors of one's own that hand it to both pools") {
    pool first(1);
    pool second(1);
    handing_executor over_first(first);
    handing_executor over_second(second);
    futures::Promise<int> promise;
    const auto add_one = [](int x) { return x + 1; };
    const auto chain =
        add_one_in(
            over_second,
            add_one_in(over_first, promise.get_future().then(over_first, add_one)).then(over_second, add_one))
            .then(over_first, add_one)
            .then(over_second, add_one);
    std::latch both_run{2};
    const auto wait_for_chain = [&] {
        both_run.arrive_and_wait();
        return chain.result();
    };
    const auto one = first.submit(wait_for_chain);
    const auto other = second.submit(wait_for_chain);
    both_run.wait();
    promise.set_result(0);
    CHECK(one.result() == 6);
    CHECK(other.result() == 6);
}

TEST_CASE("a pool refuses what an executor of one's own hands to it, while its worker waits for that") {
    pool runs(1);
    handing_executor executor(runs);
    futures::Promise<int> promise;
    const auto continuation = promise.get_future().then(executor, [](int x) { return x; });
    const auto coroutine = add_one_in(executor, promise.get_future());
    std::latch waits{1};
    const auto waiting = runs.submit([&] {
        waits.count_down();
        return std::pair(continuation.exception(), coroutine.exception());
    });
    waits.wait();
    runs.shutdown({.wait = false});
    promise.set_result(1);
    const auto [first, second] = waiting.result();
    CHECK_THROWS_AS(std::rethrow_exception(first), futures::executor_shutdown);
    CHECK_THROWS_AS(std::rethrow_exception(second), futures::executor_shutdown);
}

TEST_CASE("a task that a worker runs for others may wait for what that worker was running") {
    // Which task waits for which: Y -> Q -> P -> X. The worker of `first` waits in P, that of `second` in Y.
    std::atomic<int> initialized{0};
    pool first({.max_workers = 1, .initializer = [&] { ++initialized; }});
    pool second(1);
    std::latch y_runs{1};
    std::atomic<int> running{0};
    std::atomic<int> most_running{0};
    // A task of `first` calls this when it begins and when its wait has ended.
    const auto count_running = [&] {
        const int now = ++running;
        most_running = std::max(most_running.load(), now);
    };
    const auto p = first.submit([&] {
        count_running();
        y_runs.wait();
        const auto x = second.submit([] { return 1; });
        --running;
        const int result = x.result() + 1;
        count_running();
        --running;
        return std::pair(result, std::this_thread::get_id());
    });
    const auto q = first.submit([&] {
        count_running();
        --running;
        const int result = p.result().first + 1;
        count_running();
        --running;
        return result;
    });
    // The worker always has something else to do, once P has ended.
    const std::function<void()> again = [&] {
        count_running();
        --running;
        if (!q.done()) {
            static_cast<void>(first.submit(again));
        }
    };
    static_cast<void>(first.submit(again));
    const auto y = second.submit([&] {
        y_runs.count_down();
        return q.result() + 1;
    });
    CHECK(y.result() == 4);
    CHECK(most_running == 1);
    CHECK(first.worker_count() == 1);
    CHECK(initialized <= 2);
    // The worker goes on as ever.
    CHECK(first.submit([] { return std::this_thread::get_id(); }).result() == p.result().second);
}

TEST_CASE("many tasks of several pools wait for each other without a cycle") {
    // Each waits for some of those before it, which are queued in any order.
    constexpr int rounds = 30;
    constexpr int tasks = 60;
    for (int round = 0; round < rounds; ++round) {
        std::minstd_rand random(static_cast<unsigned>(round + 1));
        std::vector<futures::Future<int>> all(tasks);
        std::array<pool, 3> pools{pool(1), pool(1), pool(round % 2 == 0 ? 1U : 2U)};
        std::latch submitted{1};
        std::vector<int> order(tasks);
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        for (const int number : order) {
            std::vector<int> before;
            for (int each = 0; each < 3 && number != 0; ++each) {
                before.push_back(static_cast<int>(random() % static_cast<unsigned>(number)));
            }
            all[static_cast<std::size_t>(number)] =
                pools[random() % pools.size()].submit([&all, &submitted, before = std::move(before)] {
                    submitted.wait();
                    int longest = 0;
                    for (const int each : before) {
                        longest = std::max(longest, all[static_cast<std::size_t>(each)].result());
                    }
                    return longest + 1;
                });
        }
        submitted.count_down();
        for (const auto& each : all) {
            CHECK(each.result() >= 1);
        }
    }
}

TEST_CASE("a task that was claimed in another worker's queue is known to run, when its turn has come there") {
    pool two(2);
    pool other(1);
    std::latch submitted{1};
    std::latch claimed{1};
    std::latch turn_has_come{1};
    futures::Future<int> task;
    const auto claims = two.submit([&] {
        submitted.wait();
        return task.result();
    });
    const auto submits = two.submit([&] {
        task = two.submit([&] {
            claimed.count_down();
            turn_has_come.wait();
            return other.submit([] { return 1; }).result();
        });
        static_cast<void>(two.submit([&] { turn_has_come.count_down(); }));
        submitted.count_down();
        claimed.wait();
    });
    const auto waits = other.submit([&] {
        submitted.wait();
        return task.result();
    });
    CHECK(waits.result() == 1);
    CHECK(claims.result() == 1);
}

TEST_CASE("a worker that leaves a part of what it waits for to another worker looks at the other parts") {
    // The second worker of `two` begins when the part in `other` has run, whose only worker waits.
    std::latch other_part_has_run{1};
    std::atomic<int> begun{0};
    pool two({.max_workers = 2, .initializer = [&] {
                  if (++begun == 2) {
                      other_part_has_run.wait();
                  }
              }});
    pool other(1);
    const auto check = [&](std::function<int(futures::Future<std::tuple<int, int>>)> wait_for) {
        std::latch submitted{1};
        futures::Future<int> task;
        const auto waits = other.submit([&] {
            submitted.wait();
            return task.result();
        });
        task = two.submit([&] {
            submitted.wait();
            const auto one = two.submit([] { return 1; });
            const auto both = futures::gather(one, other.submit([&] {
                other_part_has_run.count_down();
                return 2;
            }));
            return wait_for(both);
        });
        submitted.count_down();
        CHECK(waits.result() == 3);
    };
    const auto sum = [](const std::tuple<int, int>& both) { return std::get<0>(both) + std::get<1>(both); };

    SECTION("in as_completed") {
        check([&](const auto& both) {
            int result = 0;
            for (const auto& done : futures::as_completed(std::vector{both})) {
                result += sum(done.result());
            }
            return result;
        });
    }
    SECTION("with a limit") {
        check([&](const auto& both) { return sum(both.result(std::chrono::hours(1))); });
    }
    SECTION("in a completion queue") {
        check([&](const auto& both) {
            futures::completion_queue<std::tuple<int, int>> queue;
            queue.add(both);
            return sum(queue.next().result());
        });
    }
}

TEST_CASE("what a worker runs that its pool doesn't have is told if it waits for itself") {
    pool executor(1);
    pool other(1);
    relaying_executor relaying(executor);
    std::latch has_future{1};
    futures::Future<int> itself;
    const auto waits_for_itself = [&] {
        has_future.wait();
        return itself.result();
    };
    const auto check_told = [&](futures::Future<int> begun) {
        itself = std::move(begun);
        has_future.count_down();
        while (!itself.done()) {
        }
        CHECK_THROWS_AS(itself.result(), futures::invalid_state_error);
    };

    SECTION("a task of an executor of one's own") {
        check_told(relaying.submit(waits_for_itself));
    }
    SECTION("a coroutine of an executor of one's own") {
        check_told(call_as_task_of(relaying, waits_for_itself));
    }
    SECTION("a coroutine of another pool") {
        check_told(call_in(other, executor, waits_for_itself));
    }
    SECTION("a coroutine without an executor") {
        std::latch begun{1};
        auto coroutine = call_after(executor.submit([&] { begun.wait(); }), waits_for_itself);
        begun.count_down();
        check_told(std::move(coroutine));
    }
    itself = {};
}

TEST_CASE("a coroutine that a foreign awaiter has suspended is not taken for one that its last worker runs") {
    std::coroutine_handle<> suspended;
    futures::Promise<void> promise;
    SECTION("the worker waits for it") {
        pool executor(1);
        std::latch begun{1};
        const auto waits = executor.submit([&] {
            const auto coroutine = await_foreign(promise.get_future(), suspended);
            promise.set_result();  // resumes it
            begun.count_down();
            return coroutine.result();
        });
        begun.wait();
        suspended.resume();
        CHECK(waits.result() == 1);
    }
    SECTION("the worker runs it as a task, and waits for it") {
        pool executor(1);
        std::latch told{1};
        const auto waits = executor.submit([&] {
            return await_foreign_as_task_of(executor, {suspended, &told}, [] { return 1; }).result();
        });
        told.wait();
        suspended.resume();
        CHECK(waits.result() == 1);
    }
    SECTION("another pool's worker resumes it, and it needs the worker that waits for it") {
        pool executor(1);
        pool other(1);
        std::latch told{1};
        const auto waits = executor.submit([&] {
            const auto needs = [&executor] { return executor.submit([] { return 1; }).result(); };
            return await_foreign_as_task_of(executor, {suspended, &told}, needs).result();
        });
        told.wait();
        other.submit([&suspended] { suspended.resume(); }).result();
        CHECK(waits.result() == 1);
    }
    SECTION("the worker is gone") {
        const auto coroutine = await_foreign(promise.get_future(), suspended);
        pool(1).submit([&] { promise.set_result(); }).result();
        pool executor(1);
        const auto waits = executor.submit([&] { return coroutine.result(); });
        while (!waits.running()) {
        }
        suspended.resume();
        CHECK(waits.result() == 1);
    }
}
