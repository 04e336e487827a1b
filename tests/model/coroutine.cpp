// SPDX-License-Identifier: MIT

// Coroutines that wait, and what wakes them.

#include <concurrent/futures.hpp>

#include <coroutine>
#include <optional>
#include <utility>
#include <vector>

#include "checker/model.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::detail::parking_spot;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

using pool = futures::thread_pool_executor<>;
using value = checked<int>;

futures::Future<value> add_one(futures::Future<value> awaited) {
    const value& x = co_await awaited;
    co_return value(x.get() + 1);
}

futures::Future<value> add_one_in(pool&, futures::Future<value> awaited) {
    const value& x = co_await awaited;
    co_return value(x.get() + 1);
}

// Takes two turns.
futures::Future<value> add_in(pool&, futures::Future<value> first, futures::Future<value> second) {
    const value& x = co_await first;
    const value& y = co_await second;
    co_return value(x.get() + y.get());
}

const scenario awaited("a coroutine goes on while its future is completed", {}, [] {
    futures::Promise<value> promise;
    auto future = promise.get_future();
    thread setter([&] { promise.set_result(value(1)); });
    check(add_one(std::move(future)).result().get() == 2, "the result is the coroutine's");
    setter.join();
});

const scenario left("the last handle on a coroutine that waits goes while it goes on", {}, [] {
    futures::Promise<value> promise;
    auto coroutine = add_one(promise.get_future());
    thread setter([&] { promise.set_result(value(1)); });
    coroutine = {};
    setter.join();
});

const scenario asked_to_stop("a coroutine is asked to stop while it goes on", {}, [] {
    futures::Promise<value> promise;
    const auto coroutine = add_one(promise.get_future());
    thread setter([&] {
        try {
            promise.set_result(value(1));
        } catch (const futures::invalid_state_error&) {
            // It was cancelled.
        }
    });
    coroutine.request_stop();
    try {
        check(coroutine.result().get() == 2, "the result is the coroutine's");
    } catch (const futures::cancelled_error&) {
        // What it waited for was cancelled.
    }
    setter.join();
});

const scenario begins_to_wait("a coroutine begins to wait while its future is completed", {}, [] {
    futures::Promise<value> promise;
    auto future = promise.get_future();
    thread setter([&] { promise.set_result(value(1)); });
    check(add_one(std::move(future)).result().get() == 2, "the result is the coroutine's");
    setter.join();
});

const scenario in_pool("a coroutine goes on as a task of its pool", {.preemptions = 2, .stale_reads = 1}, [] {
    futures::Promise<value> promise;
    pool executor(1);
    const auto coroutine = add_one_in(executor, promise.get_future());
    thread setter([&] { promise.set_result(value(1)); });
    check(coroutine.result().get() == 2, "the result is the coroutine's");
    setter.join();
});

const scenario cancelled_or_started("a coroutine is cancelled or starts", {.preemptions = 2}, [] {
    pool executor(1);
    futures::Promise<value> promise;
    promise.set_result(value(1));
    const auto coroutine = add_one_in(executor, promise.get_future());
    const bool cancelled = coroutine.cancel();
    coroutine.wait();
    check(coroutine.cancelled() == cancelled, "its state says the same");
});

const scenario goes_to_pool("a coroutine goes on in a pool before its thread has left it", {.preemptions = 2},
                            [] {
                                futures::thread_pool_executor executor(1);
                                futures::Promise<value> promise;
                                const auto goes = [](pool* there,
                                                     futures::Future<value> go) -> futures::Future<value> {
                                    co_await go;
                                    co_await there->schedule();
                                    co_return value(2);
                                };
                                static_cast<void>(goes(&executor, promise.get_future()));  // the last handle
                                thread setter([&] { promise.set_result(value(1)); });
                                setter.join();
                            });

const scenario comes_home("the only worker waits for a coroutine that comes home to what is done",
                          {.preemptions = 1, .stale_reads = 0}, [] {
                              pool other({.max_workers = 1, .thread_name_prefix = "other"});
                              pool home({.max_workers = 1, .thread_name_prefix = "home"});
                              const auto goes = [](pool&, pool& there) -> futures::Future<value> {
                                  futures::Promise<value> promise;
                                  promise.set_result(value(1));
                                  const auto done = promise.get_future();
                                  co_await there.schedule();
                                  check(futures::this_thread_name() == "other_0", "it is away");
                                  const value& x = co_await done;
                                  check(futures::this_thread_name() == "home_0", "it has come home");
                                  co_return value(x.get() + 1);
                              };
                              const auto waits =
                                  home.submit([&] { return value(goes(home, other).result().get()); });
                              check(waits.result().get() == 2, "the result is the coroutine's");
                          });

futures::Future<value> block_in(pool* there, pool* needed) {
    co_await there->schedule();
    co_return value(needed->submit([] { return value(1); }).result().get() + 1);
}

const scenario blocks_elsewhere(
    "a coroutine blocks on another pool's worker, and needs the worker that waits for it",
    {.preemptions = 1, .stale_reads = 1}, [] {
        pool waits(1);
        pool blocks(1);
        const auto waiting = waits.submit([&] { return value(block_in(&blocks, &waits).result().get()); });
        check(waiting.result().get() == 2, "the result is the coroutine's");
    });

// Counts what it has submitted, after the fact.
class counting_executor : public futures::executor_base<counting_executor> {
public:
    explicit counting_executor(pool& runs) : runs_(runs) {}

    template <class Fn>
    auto submit(Fn&& fn) {
        auto future = runs_.submit(std::forward<Fn>(fn));
        submitted_.set(submitted_.get() + 1);
        return future;
    }
    [[nodiscard]] int submitted() const { return submitted_.get(); }

private:
    pool& runs_;
    value submitted_{0};
};

futures::Future<value> count_one(pool&, pool& there) {
    counting_executor counts(there);
    co_await counts.schedule();
    co_return value(counts.submitted());
}

const scenario leaves_pool(
    "a coroutine goes on in an executor, and destroys that, before its worker has left it",
    {.preemptions = 1, .stale_reads = 1}, [] {
        pool second(1);
        pool first(1);
        check(count_one(first, second).result().get() == 1, "`submit` has returned");
    });

// Suspends a coroutine, and the library isn't told.
struct foreign_awaiter {
    std::coroutine_handle<>& suspended;
    parking_spot& told;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) const noexcept {
        suspended = frame;
        told.unpark();
    }
    void await_resume() const noexcept {}
};

futures::Future<value> block_when_resumed(foreign_awaiter awaiter, pool& needed) {
    co_await awaiter;
    co_return value(needed.submit([] { return value(1); }).result().get() + 1);
}

const scenario resumed_elsewhere(
    "a coroutine that a foreign awaiter has suspended blocks on another pool's worker, and needs its waiter",
    {.preemptions = 1, .stale_reads = 0}, [] {
        std::coroutine_handle<> suspended;
        parking_spot told;
        pool waits(1);
        pool blocks(1);
        const auto waiting = waits.submit([&] {
            return value(block_when_resumed(foreign_awaiter{suspended, told}, waits).result().get());
        });
        told.park();
        blocks.submit([&suspended] { suspended.resume(); });
        check(waiting.result().get() == 2, "the result is the coroutine's");
    });

futures::Future<value> await_foreign_in(pool&, foreign_awaiter awaiter) {
    co_await awaiter;
    co_return value(2);
}

const scenario resumed_as_task(
    "the only worker waits for a coroutine that a foreign awaiter has suspended",
    {.preemptions = 1, .stale_reads = 1}, [] {
        std::coroutine_handle<> suspended;
        parking_spot told;
        pool executor(1);
        const auto waiting = executor.submit([&] {
            return value(await_foreign_in(executor, foreign_awaiter{suspended, told}).result().get());
        });
        told.park();
        suspended.resume();
        check(waiting.result().get() == 2, "the result is the coroutine's");
    });

futures::Future<value> await_foreign(futures::Future<value> before, foreign_awaiter awaiter) {
    const value& x = co_await before;
    co_await awaiter;
    co_return value(x.get() + 1);
}

const scenario suspended_as_worker_goes(
    "a foreign awaiter suspends a coroutine while a worker waits for it, and the pool that ran it goes",
    {.preemptions = 1, .stale_reads = 0}, [] {
        std::coroutine_handle<> suspended;
        parking_spot told;
        futures::Promise<value> promise;
        const auto coroutine = await_foreign(promise.get_future(), foreign_awaiter{suspended, told});
        pool waits(1);
        const auto waiting = waits.submit([&] { return value(coroutine.result().get()); });
        {
            pool runs(1);
            runs.submit([&promise] { promise.set_result(value(1)); });
        }
        told.park();
        suspended.resume();
        check(waiting.result().get() == 2, "the result is the coroutine's");
    });

const scenario outlives_scope("the scope of a pool waits for a coroutine that waits",
                              {.preemptions = 2, .stale_reads = 1}, [] {
                                  futures::Promise<value> promise;
                                  std::optional<futures::Future<value>> coroutine;
                                  std::optional<thread> setter;
                                  {
                                      pool executor(1);
                                      coroutine = add_one_in(executor, promise.get_future());
                                      setter.emplace([&] { promise.set_result(value(1)); });
                                  }
                                  check(coroutine->done(), "the scope has waited");
                                  setter->join();
                              });

const scenario ends_elsewhere("a coroutine ends in another pool while its own waits to end",
                              {.preemptions = 1, .stale_reads = 0}, [] {
                                  pool other(1);
                                  futures::Future<value> coroutine;
                                  {
                                      pool executor(1);
                                      const auto goes = [](pool&, pool& there) -> futures::Future<value> {
                                          co_await there.schedule();
                                          co_return value(1);
                                      };
                                      coroutine = goes(executor, other);
                                  }
                                  check(coroutine.done(), "the scope has waited");
                              });

const scenario waited_for_by_worker("the only worker waits for a coroutine of its pool",
                                    {.preemptions = 2, .stale_reads = 1}, [] {
                                        futures::Promise<value> promise;
                                        pool executor(1);
                                        const auto coroutine = add_one_in(executor, promise.get_future());
                                        const auto waits =
                                            executor.submit([&] { return value(coroutine.result().get()); });
                                        promise.set_result(value(1));
                                        check(waits.result().get() == 2, "the result is the coroutine's");
                                    });

// Hands its tasks to a pool, and gives the futures of that.
class handing_executor : public futures::executor_base<handing_executor> {
public:
    explicit handing_executor(pool& runs) : runs_(runs) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return runs_.submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    pool& runs_;
};

futures::Future<value> add_one_by(handing_executor&, futures::Future<value> before) {
    const value& x = co_await before;
    co_return value(x.get() + 1);
}

// Takes two turns.
futures::Future<value> add_by(handing_executor&, futures::Future<value> first, futures::Future<value> second,
                              parking_spot& between) {
    const value& x = co_await first;
    between.unpark();
    const value& y = co_await second;
    co_return value(x.get() + y.get());
}

const scenario handed_to_pool(
    "the only worker waits for a coroutine that an executor of one's own hands to its pool",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::Promise<value> promise;
        pool executor(1);
        handing_executor hands_over(executor);
        const auto coroutine = add_one_by(hands_over, promise.get_future());
        const auto waits = executor.submit([&] { return value(coroutine.result().get()); });
        promise.set_result(value(1));
        check(waits.result().get() == 2, "the result is the coroutine's");
    });

const scenario handed_over_late(
    "an executor of one's own hands a turn of a coroutine to a pool, and returns only after the next turn",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::Promise<value> first;
        futures::Promise<value> second;
        parking_spot between;
        pool executor(1);
        handing_executor hands_over(executor);
        const auto coroutine = add_by(hands_over, first.get_future(), second.get_future(), between);
        thread setter([&] { first.set_result(value(1)); });
        between.park();
        const auto waits = executor.submit([&] { return value(coroutine.result().get()); });
        second.set_result(value(2));
        check(waits.result().get() == 3, "the result is the coroutine's");
        setter.join();
    });

const scenario left_in_executor(
    "a coroutine that nobody has ends before the executor of one's own that runs it has returned",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::Promise<value> promise;
        pool executor(1);
        handing_executor hands_over(executor);
        static_cast<void>(add_one_by(hands_over, promise.get_future()));
        promise.set_result(value(1));
    });

const scenario cancelled_in_executor(
    "a coroutine is cancelled and left while an executor of one's own hands it to a pool, which runs it",
    {.preemptions = 2, .stale_reads = 1}, [] {
        pool executor(1);
        handing_executor hands_over(executor);
        futures::Promise<value> promise;
        promise.set_result(value(1));
        auto coroutine = add_one_by(hands_over, promise.get_future());
        const bool cancelled = coroutine.cancel();
        check(!cancelled || coroutine.cancelled(), "its state says the same");
        coroutine = {};
    });

// The worker that waits takes the turns, and so may leave the coroutine in the queue when the next comes.
const scenario turns_taken("the only worker takes the turns of a coroutine that is still queued",
                           {.preemptions = 2, .stale_reads = 0}, [] {
                               futures::Promise<value> first;
                               futures::Promise<value> second;
                               pool executor(1);
                               const auto coroutine =
                                   add_in(executor, first.get_future(), second.get_future());
                               const auto waits =
                                   executor.submit([&] { return value(coroutine.result().get()); });
                               first.set_result(value(1));
                               second.set_result(value(2));
                               check(waits.result().get() == 3, "the result is the coroutine's");
                               check(executor.submit([] { return value(4); }).result().get() == 4,
                                     "the pool goes on");
                           });

// The worker's wait ends in the middle of the coroutine, which the queue still has from the turn before.
const scenario turn_comes_late(
    "a worker drops a coroutine from its queue while the next turn comes",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::Promise<value> first;
        futures::Promise<value> second;
        futures::Promise<value> other;
        parking_spot waits_again;
        pool executor(1);
        const auto adds = [](pool&, futures::Future<value> one, futures::Future<value> two,
                             parking_spot& between) -> futures::Future<value> {
            const value& x = co_await one;
            between.unpark();
            const value& y = co_await two;
            co_return value(x.get() + y.get());
        };
        const auto coroutine = adds(executor, first.get_future(), second.get_future(), waits_again);
        const auto waits = executor.submit([either = std::vector{coroutine, other.get_future()}] {
            futures::wait(either, {.return_when = futures::return_when::first_completed});
        });
        first.set_result(value(1));
        waits_again.park();
        other.set_result(value(0));
        second.set_result(value(2));
        check(coroutine.result().get() == 3, "the result is the coroutine's");
    });

const scenario two_pools("a worker waits for a coroutine of another pool that awaits a task of its own",
                         {.preemptions = 1, .stale_reads = 0}, [] {
                             pool one(1);
                             pool other(1);
                             const auto waits = one.submit([&] {
                                 return value(
                                     add_one_in(other, one.submit([] { return value(1); })).result().get());
                             });
                             check(waits.result().get() == 2, "the result is the coroutine's");
                         });

const scenario turn_told("a coroutine is queued in a pool whose worker waits for who waits for the coroutine",
                         {.preemptions = 1, .stale_reads = 0}, [] {
                             futures::Promise<value> promise;
                             parking_spot submitted;
                             pool one(1);
                             pool other(1);
                             const auto coroutine = add_one_in(one, promise.get_future());
                             const std::vector more(
                                 2, coroutine);  // so that the walk sees that it has been at the coroutine
                             futures::Future<value> needs_coroutine;
                             const auto needs_other = one.submit([&] {
                                 submitted.park();
                                 return value(needs_coroutine.result().get() + 1);
                             });
                             needs_coroutine =
                                 other.submit([&] { return value(coroutine.result().get() + 1); });
                             submitted.unpark();
                             promise.set_result(value(1));
                             check(needs_other.result().get() == 4, "both end");
                         });

// Its first task is one pool's, and all others are another's.
struct first_elsewhere {
    template <class Fn>
    auto submit(Fn&& fn) {
        return std::exchange(next, &others)->submit(std::forward<Fn>(fn));
    }
    pool& others;
    pool* next;
};

template <class Group>
futures::Future<value> await_end(Group& group) {
    co_await group;
    co_return value(1);
}

const scenario group_awaited("a coroutine awaits a group while the tasks of that end",
                             {.preemptions = 2, .stale_reads = 1}, [] {
                                 value written(0);
                                 pool executor(1);
                                 futures::task_group group(executor);
                                 group.submit([&] { written.set(1); });
                                 check(await_end(group).result().get() == 1, "it goes on");
                                 check(written.get() == 1, "what the task wrote is seen");
                             });

const scenario group_of_coroutine("a coroutine of a pool ends a group after it has awaited that",
                                  {.preemptions = 1, .stale_reads = 0}, [] {
                                      pool executor(1);
                                      const auto uses = [](pool&, pool& them) -> futures::Future<value> {
                                          futures::task_group group(them);
                                          group.submit([] {});
                                          co_await group;
                                          co_return value(1);
                                      };
                                      check(uses(executor, executor).result().get() == 1, "it has ended");
                                  });

const scenario group_waited_for_by_worker(
    "the only worker waits for a coroutine that awaits a group to which a task of its pool is submitted",
    {.preemptions = 1, .stale_reads = 0}, [] {
        pool one(1);
        pool other(1);
        first_elsewhere executor{one, &other};
        futures::task_group group(executor);
        parking_spot begun;
        parking_spot end;
        group.submit([&] { end.park(); });
        const auto waits = one.submit([&] {
            begun.unpark();
            return value(await_end(group).result().get());
        });
        begun.park();
        group.submit([] {}).wait();
        end.unpark();
        check(waits.result().get() == 1, "the result is the coroutine's");
    });

}  // namespace
