// SPDX-License-Identifier: MIT

// The workers of a pool: which sleep, which are woken, and that nothing that was submitted waits for ever.

#include <concurrent/futures.hpp>

#include <array>
#include <optional>
#include <system_error>

#include "checker/model.hpp"
#include "pool_tasks.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::detail::parking_spot;
using model::check;
using model::scenario;
using model::thread;

const scenario unparked("a thread that parks is woken, by a wake-up that came before or comes after", {}, [] {
    parking_spot spot;
    value message;
    thread sleeper([&] {
        spot.park();
        check(message.get() == 1, "it sees what the other did before");
    });
    message.set(1);
    spot.unpark();
    sleeper.join();
});

const scenario unparked_twice("a thread that parks twice is woken twice", {}, [] {
    parking_spot spot;
    parking_spot back;
    thread sleeper([&] {
        spot.park();
        back.unpark();
        spot.park();
    });
    spot.unpark();
    back.park();
    spot.unpark();
    sleeper.join();
});

template <class Queue>
void run_one() {
    futures::thread_pool_executor<Queue> executor(1);
    check(executor.submit(make_value).result().get() == 2, "the result is the task's");
}

const scenario one("a task runs, and its result is seen", {}, run_one<futures::fifo>);
const scenario one_spinning("a task runs, and its result is seen, while all spin", {.spins = true},
                            run_one<futures::fifo>);
const scenario one_lifo("lifo: a task runs, and its result is seen", {}, run_one<futures::lifo>);
const scenario one_priority("priority: a task runs, and its result is seen", {}, run_one<futures::priority>);

void run_one_after_the_other() {
    futures::thread_pool_executor executor(1);
    check(executor.submit(make_value).result().get() == 2, "the first result is the task's");
    check(executor.submit(make_value).result().get() == 2, "the second result is the task's");
}

const scenario two_in_turn("a worker that goes to sleep is woken for the next task", {.stale_reads = 1},
                           run_one_after_the_other);
const scenario no_needless_thread("a thread that sees a result and submits again starts no needless thread",
                                  {.preemptions = 2, .stale_reads = 1}, [] {
                                      futures::thread_pool_executor executor(2);
                                      check(executor.submit(make_value).result().get() == 2, "the result");
                                      check(executor.submit(make_value).result().get() == 2, "the next one");
                                      check(executor.worker_count() == 1, "one worker is enough");
                                  });
const scenario two_in_turn_spinning("a worker that spins or goes to sleep sees or is woken for the next task",
                                    {.preemptions = 2, .stale_reads = 1, .spins = true},
                                    run_one_after_the_other);

void submit_from_two_threads() {
    futures::thread_pool_executor executor(1);
    thread other([&] { check(executor.submit(make_value).result().get() == 2, "the other's result"); });
    check(executor.submit(make_value).result().get() == 2, "the result");
    other.join();
}

const scenario two_submitters("two threads submit to one worker", {.preemptions = 2, .stale_reads = 1},
                              submit_from_two_threads);

void submit_two() {
    futures::thread_pool_executor executor(2);
    const auto first = executor.submit(make_value);
    const auto second = executor.submit(make_value);
    check(first.result().get() == 2 && second.result().get() == 2, "both results");
}

const scenario first_start_fails("two threads submit to a new pool, and its first thread can't be started",
                                 {.preemptions = 2, .stale_reads = 1, .failing_start = 2}, [] {
                                     futures::thread_pool_executor executor(1);
                                     const auto submit = [&] {
                                         try {
                                             check(executor.submit(make_value).result().get() == 2,
                                                   "the result is the task's");
                                         } catch (const std::system_error&) {
                                             // This thread has tried to start it, and knows.
                                         }
                                     };
                                     thread other(submit);
                                     submit();
                                     other.join();
                                 });

const scenario two_workers("two workers run two tasks", {.preemptions = 2, .stale_reads = 1}, submit_two);

void leave_two_behind() {
    model::atomic<int> runs{0};
    {
        futures::thread_pool_executor executor(2);
        const auto outer = executor.submit([&] {
            executor.submit([&] { runs.fetch_add(1); });
            executor.submit([&] { runs.fetch_add(1); });
        });
        outer.wait();
    }
    check(runs.load() == 2, "both ran");
}

const scenario kept_by_worker("what a worker has submitted and does not wait for is run",
                              {.preemptions = 2, .stale_reads = 1}, leave_two_behind);
const scenario kept_by_worker_biased(
    "what a worker has submitted to a biased queue and does not wait for is run",
    {.preemptions = 2, .stale_reads = 1, .biases = true}, leave_two_behind);

void run_three_at_once(futures::thread_pool_executor<>& executor) {
    std::array<parking_spot, 3> others_run;
    std::array<futures::Future<void>, 3> tasks;
    for (std::size_t i = 0; i != tasks.size(); ++i) {
        tasks[i] = executor.submit([&others_run, i] {
            others_run[(i + 1) % 3].unpark();
            others_run[i].park();
        });
    }
    for (const auto& each : tasks) {
        each.wait();
    }
}

// A task submits one that must run at once with it, to a queue that is biased by what it has submitted
// before.
void run_at_once_biased(futures::thread_pool_executor<>& executor, bool waits_for_first) {
    const auto outer = executor.submit([&] {
        const auto first = executor.submit([] {});
        if (waits_for_first) {
            first.wait();
        }
        parking_spot other_runs;
        const auto wakes = executor.submit([&] { other_runs.unpark(); });
        other_runs.park();
        wakes.wait();
    });
    outer.wait();
}

const scenario at_once_biased(
    "a worker that starts or goes to sleep sees or is woken for what comes to a biased queue",
    {.preemptions = 2, .stale_reads = 1, .biases = true}, [] {
        futures::thread_pool_executor executor(2);
        run_at_once_biased(executor, true);
    });
const scenario at_once_biased_again("a worker that sleeps is woken for what comes to a biased queue",
                                    {.preemptions = 1, .stale_reads = 1, .biases = true}, [] {
                                        futures::thread_pool_executor executor(2);
                                        run_at_once_biased(executor, false);
                                        run_at_once_biased(executor, false);
                                    });

const scenario found_biased(
    "a worker that finds a task wakes a third for what has come to a biased queue meanwhile",
    {.preemptions = 0, .stale_reads = 1, .biases = true}, [] {
        futures::thread_pool_executor executor(3);
        run_three_at_once(executor);
        parking_spot outer_goes_on;
        parking_spot other_goes_on;
        const auto outer = executor.submit([&] {
            executor.submit([] {}).wait();
            const auto wakes = executor.submit([&] {
                other_goes_on.unpark();
                outer_goes_on.unpark();
            });
            outer_goes_on.park();
            wakes.wait();
        });
        const auto other = executor.submit([&] { other_goes_on.park(); });
        outer.wait();
        other.wait();
    });

const scenario begun_biased(
    "a worker that begins to initialize starts a third for the second task that has come to a biased queue",
    {.preemptions = 0, .stale_reads = 1, .biases = true}, [] {
        model::atomic<int> initialized{0};
        model::atomic<int> runs{0};
        parking_spot second_goes_on;
        parking_spot outer_goes_on;
        futures::thread_pool_executor executor({.max_workers = 3, .initializer = [&] {
                                                    if (initialized.fetch_add(1) == 1) {
                                                        second_goes_on.park();
                                                    }
                                                }});
        const auto outer = executor.submit([&] {
            executor.submit([] {}).wait();  // the second worker is started for this
            const auto task = [&] {
                if (runs.fetch_add(1) == 1) {
                    second_goes_on.unpark();
                    outer_goes_on.unpark();
                }
            };
            const auto one = executor.submit(task);
            const auto two = executor.submit(task);
            outer_goes_on.park();
            one.wait();
            two.wait();
        });
        outer.wait();
    });

// The queues of two workers, without what is in them.
class two_counts final : public futures::detail::work_source {
public:
    [[nodiscard]] futures::detail::biased_lock& operator[](std::size_t worker) { return queues_[worker]; }

    void order_pushes() noexcept override {
        queues_[0].end_bias();
        queues_[1].end_bias();
    }
    [[nodiscard]] bool has_items() const noexcept override { return waiting() != 0; }
    [[nodiscard]] std::size_t waiting() const noexcept override {
        return queues_[0].count() + queues_[1].count();
    }
    [[nodiscard]] bool expects_items() const noexcept override { return false; }

private:
    std::array<futures::detail::biased_lock, 2> queues_{futures::detail::biased_lock(true),
                                                        futures::detail::biased_lock(true)};
};

class initializing_worker final : public futures::detail::sleeper {};

const scenario pushed_biased(
    "of two that push to biased queues while a worker initializes, one sees that another is to be started",
    {.biases = true}, [] {
        using futures::detail::owner_guard;
        two_counts queues;
        futures::detail::sleep sleep(queues, false);
        initializing_worker initializing;
        check(sleep.start_first(), "the first worker is to be started");
        check(!sleep.begin(initializing, true), "it is enough");
        model::atomic<int> starts{0};
        const auto push = [&](std::size_t worker) {
            { const owner_guard biases(queues[worker]); }
            bool wakes = false;
            {
                const owner_guard guard(queues[worker], futures::detail::adding_one);
                wakes = sleep.counts().push_must_wake();
            }
            if (wakes && sleep.wake_one()) {
                starts.fetch_add(1);
            }
        };
        thread other([&] { push(1); });
        push(0);
        other.join();
        check(starts.load() == 1, "a second worker is started for the second item");
    });

const scenario cancelled_in_queue("a task that is cancelled in the queue keeps no other from running",
                                  {.preemptions = 2}, [] {
                                      futures::thread_pool_executor executor(1);
                                      const auto first = executor.submit(make_value);
                                      static_cast<void>(first.cancel());
                                      const auto second = executor.submit(make_value);
                                      check(second.result().get() == 2, "the second runs");
                                  });

const scenario cancelled_is_not_pending("a task that is cancelled in the queue does not count as pending",
                                        {.preemptions = 2, .stale_reads = 1}, [] {
                                            futures::thread_pool_executor executor(1);
                                            if (executor.submit(make_value).cancel()) {
                                                check(executor.pending_count() == 0, "nothing waits");
                                            }
                                        });

const scenario at_once("two workers are started for two tasks that must run at once",
                       {.preemptions = 2, .stale_reads = 1}, [] {
                           futures::thread_pool_executor executor(2);
                           run_at_once(executor);
                       });

const scenario at_once_again("two workers that sleep are woken for two tasks that must run at once",
                             {.preemptions = 1, .stale_reads = 1}, [] {
                                 futures::thread_pool_executor executor(2);
                                 run_at_once(executor);
                                 run_at_once(executor);
                             });

const scenario started_in_vain(
    "a worker that is started in vain, and spins for what others submit, still runs what a worker does",
    {.preemptions = 1, .stale_reads = 0, .spins = true}, [] {
        futures::thread_pool_executor executor(2);
        const auto outer = executor.submit([&] {
            executor.submit(make_value)
                .wait();  // the other worker is started for this, and may come too late
            parking_spot other_runs;
            const auto wakes = executor.submit([&] { other_runs.unpark(); });
            other_runs.park();
            wakes.wait();
        });
        outer.wait();
    });

const scenario three_at_once(
    "three workers that sleep are woken, two of them by the first, for three tasks that must run at once",
    {.preemptions = 0, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(3);
        run_three_at_once(executor);
        run_three_at_once(executor);
    });

const scenario at_once_found(
    "a worker that finds two tasks when it is about to sleep wakes another for one of them",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        // One worker may run both, and sleep before the other has begun to look.
        const auto first = executor.submit([] {});
        const auto second = executor.submit([] {});
        first.wait();
        second.wait();
        run_at_once(executor);
    });

const scenario cancelled_and_at_once(
    "a task that is cancelled in the queue keeps no two others from running at once",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        executor.submit(make_value).cancel();
        run_at_once(executor);
    });

const scenario cancelled_while_taken_back(
    "a task that is cancelled while its submitter takes it back keeps no other from running",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(3);
        std::optional<futures::Future<value>> inner;
        parking_spot submitted;
        parking_spot others_have_run;
        const auto outer = executor.submit([&] {
            inner = executor.submit(make_value);
            submitted.unpark();
            inner->wait();
            others_have_run.park();
        });
        submitted.park();
        inner->cancel();
        run_at_once(executor);
        others_have_run.unpark();
        outer.wait();
    });

// A result whose destruction by a worker waits for another task, without the pool knowing.
class waits_at_its_end {
public:
    explicit waits_at_its_end(parking_spot& for_what) : for_what_(for_what) {}
    waits_at_its_end(const waits_at_its_end&) = delete;
    waits_at_its_end& operator=(const waits_at_its_end&) = delete;
    ~waits_at_its_end() {
        if (futures::detail::worker::current()) {
            for_what_.park();
        }
    }

private:
    parking_spot& for_what_;
};

const scenario destroys_late("a worker that destroys a result is not taken for one that is nearly idle",
                             {.preemptions = 2, .stale_reads = 0}, [] {
                                 parking_spot other_runs;
                                 futures::thread_pool_executor executor(2);
                                 executor.submit([&] { return waits_at_its_end(other_runs); });
                                 const auto other = executor.submit([&] { other_runs.unpark(); });
                                 other.wait();
                             });

// A worker that goes to sleep reads the list of the queues twice. So two stale reads must come together
// before it misses a queue.
const scenario stolen_at_once(
    "a worker that goes to sleep is woken for the first task that another keeps to itself",
    {.preemptions = 2, .stale_reads = 2}, [] {
        parking_spot stolen;
        futures::thread_pool_executor executor(2);
        const auto outer = executor.submit([&] {
            executor.submit([&] { stolen.unpark(); });
            stolen.park();  // on no future, so this worker doesn't run it
        });
        executor.submit([] {});
        outer.wait();
    });

const scenario slow_initializer("a worker that sleeps is woken also while another's initializer takes long",
                                {.preemptions = 2, .stale_reads = 0}, [] {
                                    parking_spot go_on;
                                    parking_spot initialize;
                                    model::atomic<int> threads{0};
                                    futures::thread_pool_executor executor(
                                        {.max_workers = 2, .initializer = [&] {
                                             if (threads.fetch_add(1) == 1) {
                                                 initialize.park();
                                             }
                                         }});
                                    const auto first = executor.submit([&] { go_on.park(); });
                                    const auto second = executor.submit([] {});
                                    go_on.unpark();
                                    first.wait();
                                    second.wait();
                                    executor.submit([&] { initialize.unpark(); }).wait();
                                });

}  // namespace
