// SPDX-License-Identifier: MIT

// The end of a pool, against those who still submit, and against workers that still run.

#include <concurrent/futures.hpp>

#include <memory>
#include <optional>
#include <utility>

#include "checker/model.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::detail::parking_spot;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

using value = checked<int>;

const auto make_value = [] { return value(2); };

using future = futures::Future<value>;

template <class Executor>
std::optional<future> try_to_submit(Executor& executor) {
    try {
        return executor.submit(make_value);
    } catch (const futures::executor_shutdown&) {
        return std::nullopt;
    }
}

// Those of executors that were destroyed by their own tasks.
void join_orphans() {
    model::join_others();
    futures::detail::orphaned_threads::instance().join_all();
}

const scenario against_submit("a submit against a shutdown is refused, or its task runs", {.preemptions = 2},
                              [] {
                                  futures::thread_pool_executor executor(1);
                                  std::optional<future> submitted;
                                  thread other([&] { submitted = try_to_submit(executor); });
                                  executor.shutdown();
                                  other.join();
                                  if (submitted) {
                                      check(submitted->result().get() == 2, "what was not refused ran");
                                  }
                              });

const scenario against_second_submit("a submit to a worker against a shutdown is refused, or its task runs",
                                     {.preemptions = 2, .stale_reads = 1}, [] {
                                         futures::thread_pool_executor executor(1);
                                         const future first = executor.submit(make_value);
                                         std::optional<future> second;
                                         thread other([&] { second = try_to_submit(executor); });
                                         executor.shutdown();
                                         check(first.done(), "shutdown waits for what was submitted");
                                         other.join();
                                         if (second) {
                                             check(second->result().get() == 2, "what was not refused ran");
                                         }
                                     });

const scenario cancelling("a shutdown that cancels leaves nothing that waits", {}, [] {
    futures::thread_pool_executor executor(1);
    const future first = executor.submit(make_value);
    const future second = executor.submit(make_value);
    executor.shutdown({.wait = true, .cancel_futures = true});
    check(first.done() && second.done(), "both ran or are cancelled");
});

const scenario cancelling_against_submit(
    "a submit against a shutdown that cancels is refused, or its future is done", {.preemptions = 2}, [] {
        futures::thread_pool_executor executor(1);
        std::optional<future> submitted;
        thread other([&] { submitted = try_to_submit(executor); });
        executor.shutdown({.wait = true, .cancel_futures = true});
        other.join();
        if (submitted) {
            submitted->wait();
        }
    });

const scenario cancelling_what_a_worker_keeps(
    "a shutdown that cancels also takes what a worker keeps to itself", {.preemptions = 2, .stale_reads = 1},
    [] {
        std::optional<future> inner;
        {
            futures::thread_pool_executor executor(2);
            executor.submit([&] { inner = try_to_submit(executor); });
            executor.shutdown({.wait = false, .cancel_futures = true});
        }
        check(!inner || inner->done(), "it was refused, ran, or is cancelled");
    });

const scenario twice("two shutdowns at once both wait for the end", {.preemptions = 2, .stale_reads = 1}, [] {
    futures::thread_pool_executor executor(1);
    const future submitted = executor.submit(make_value);
    thread other([&] {
        executor.shutdown();
        check(submitted.done(), "the other shutdown waits");
    });
    executor.shutdown();
    check(submitted.done(), "this shutdown waits");
    other.join();
});

const scenario failed_initializer(
    "an initializer that throws fails what waits and what comes", {.preemptions = 2}, [] {
        futures::thread_pool_executor executor({.max_workers = 1, .initializer = [] { throw 5; }});
        const auto outcome = [](auto submit) {
            try {
                submit().result();
                return false;
            } catch (const futures::broken_thread_pool&) {
                return true;
            }
        };
        check(outcome([&] { return executor.submit(make_value); }), "the first fails");
        check(outcome([&] { return executor.submit(make_value); }), "the second fails");
    });

const scenario own_worker("an executor that its own task destroys runs everything",
                          {.preemptions = 2, .stale_reads = 1}, [] {
                              auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
                              model::atomic<int> runs{0};
                              parking_spot handed_over;
                              futures::thread_pool_executor<>& pool = *executor;
                              pool.submit([&] {
                                  handed_over.park();
                                  executor.reset();
                              });
                              pool.submit([&] { runs.fetch_add(1); });
                              handed_over.unpark();
                              join_orphans();
                              check(runs.load() == 1, "what was submitted ran");
                          });

const scenario own_task(
    "an executor that the very task destroys which a thread submits outlives the submitting",
    {.preemptions = 2, .stale_reads = 1}, [] {
        auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
        futures::thread_pool_executor<>& pool = *executor;
        pool.submit([executor = std::move(executor)]() mutable { executor.reset(); });
        join_orphans();
    });

const scenario cancelled_meanwhile("a task is cancelled while its pool is destroyed", {.stale_reads = 1}, [] {
    std::optional<thread> canceller;
    {
        futures::thread_pool_executor executor(1);
        const future submitted = executor.submit(make_value);
        canceller.emplace([submitted] { submitted.cancel(); });
    }
    canceller->join();
});

// So many must be cancelled for a purge to be due at the next push.
const scenario own_task_purging(
    "an executor that the very task destroys which a thread submits outlives that thread's purging",
    {.preemptions = 1, .stale_reads = 0}, [] {
        auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
        futures::thread_pool_executor<>& pool = *executor;
        parking_spot started;
        parking_spot go_on;
        pool.submit([&] {
            started.unpark();
            go_on.park();
        });
        started.park();
        for (int index = 0; index != 63; ++index) {
            pool.submit(make_value).cancel();
        }
        go_on.unpark();
        pool.submit([executor = std::move(executor)]() mutable { executor.reset(); });
        join_orphans();
    });

const scenario own_worker_of_many(
    "an executor that its own task destroys starts no thread that nobody would join",
    {.preemptions = 2, .stale_reads = 0}, [] {
        auto executor = std::make_unique<futures::thread_pool_executor<>>(3);
        model::atomic<int> runs{0};
        parking_spot handed_over;
        parking_spot last_runs;
        futures::thread_pool_executor<>& pool = *executor;
        pool.submit([&] {
            handed_over.park();
            executor.reset();
            last_runs.park();
        });
        pool.submit([&] { runs.fetch_add(1); });
        pool.submit([&] {
            runs.fetch_add(1);
            last_runs.unpark();
        });
        handed_over.unpark();
        join_orphans();
        check(runs.load() == 2, "what was submitted ran");
    });

const scenario at_once_against_shutdown(
    "two tasks that must run at once are run, also by a worker that the shutdown has woken",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        executor.submit([] {}).wait();
        parking_spot other_runs;
        std::optional<futures::Future<void>> wakes;
        thread other([&] {
            try {
                wakes = executor.submit([&] { other_runs.unpark(); });
            } catch (const futures::executor_shutdown&) {
                other_runs.unpark();
            }
        });
        thread closer([&] { executor.shutdown({.wait = false}); });
        try {
            executor.submit([&] { other_runs.park(); }).wait();
        } catch (const futures::executor_shutdown&) {
        }
        other.join();
        closer.join();
        if (wakes) {
            wakes->wait();
        }
    });

class unparks_at_its_end {
public:
    explicit unparks_at_its_end(parking_spot& spot) : spot_(&spot) {}
    unparks_at_its_end(unparks_at_its_end&& other) noexcept : spot_(std::exchange(other.spot_, nullptr)) {}
    unparks_at_its_end& operator=(unparks_at_its_end&&) = delete;
    ~unparks_at_its_end() {
        if (spot_) {
            spot_->unpark();
        }
    }

private:
    parking_spot* spot_;
};

const scenario cancels_last_owner(
    "a shutdown that cancels the task which holds the executor's last owner returns",
    {.preemptions = 2, .stale_reads = 0}, [] {
        auto owner = std::make_shared<futures::thread_pool_executor<>>(1);
        auto& executor = *owner;
        parking_spot started;
        parking_spot go_on;
        executor.submit([&] {
            started.unpark();
            go_on.park();
        });
        started.park();
        // What was captured last is destroyed first.
        const auto held = executor.submit([owner = std::move(owner), unparks = unparks_at_its_end(go_on)] {});
        executor.shutdown({.wait = false, .cancel_futures = true});
        check(held.cancelled(), "it is cancelled");
        join_orphans();
    });

const scenario ends_by_help("the only worker ends another pool, a task of which needs that worker",
                            {.preemptions = 1, .stale_reads = 1}, [] {
                                futures::thread_pool_executor outer(1);
                                outer
                                    .submit([&] {
                                        futures::thread_pool_executor inner(1);
                                        inner.submit([&] { outer.submit([] {}).wait(); });
                                    })
                                    .wait();
                            });

// The worker looks at what one task of the other pool waits for, and then at what the next does. If the first
// ends in between, the next comes to be the first.
const scenario one_ends_meanwhile(
    "the only worker ends another pool, a task of which needs that worker, while another task of that ends",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::Promise<void> promise;
        parking_spot waits;
        futures::thread_pool_executor outer(1);
        const auto ends = outer.submit([&] {
            const auto needed = outer.submit([] {});
            const auto continuation = promise.get_future().then([] {});
            futures::thread_pool_executor inner(2);
            inner.submit([&] { needed.wait(); });
            inner.submit([&] {
                waits.unpark();
                continuation.wait();
            });
        });
        waits.park();
        promise.set_result();
        ends.wait();
    });

}  // namespace
