// SPDX-License-Identifier: MIT

// The workers of a pool: which sleep, which are woken, and that nothing that was submitted waits for ever.

#include <concurrent/futures.hpp>

#include <array>
#include <chrono>
#include <forward_list>
#include <iterator>
#include <optional>
#include <system_error>
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

const scenario unparked("a thread that parks is woken, by a wake-up that came before or comes after", {}, [] {
    parking_spot spot;
    checked<int> message;
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

const scenario nested("a worker waits for a task that it has submitted, and another may steal it",
                      {.preemptions = 2, .stale_reads = 1}, [] {
                          futures::thread_pool_executor executor(2);
                          const auto outer = executor.submit([&] {
                              const auto inner = executor.submit(make_value);
                              return value(inner.result().get() + 1);
                          });
                          check(outer.result().get() == 3, "the result is that of both");
                      });

const scenario nested_alone("the only worker runs the task for which it waits", {}, [] {
    futures::thread_pool_executor executor(1);
    const auto outer = executor.submit([&] {
        const auto inner = executor.submit(make_value);
        return value(inner.result().get() + 1);
    });
    check(outer.result().get() == 3, "the result is that of both");
});

const scenario kept_by_worker("what a worker has submitted and does not wait for is run",
                              {.preemptions = 2, .stale_reads = 1}, [] {
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

// A task that waits for another, without the pool knowing.
void run_at_once(futures::thread_pool_executor<>& executor) {
    parking_spot other_runs;
    const auto waits = executor.submit([&] { other_runs.park(); });
    const auto wakes = executor.submit([&] { other_runs.unpark(); });
    waits.wait();
    wakes.wait();  // who unparks is not done with the place when the other is awake
}

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
        const auto run_three_at_once = [&] {
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
        };
        run_three_at_once();
        run_three_at_once();
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

// A task that another worker runs waits for what it has submitted, without the pool knowing. Nobody is left
// to run that but the worker that waits for the task.
const scenario helped_by_waiter("a worker that waits for a stolen task runs what that has submitted",
                                {.preemptions = 2, .stale_reads = 0}, [] {
                                    futures::thread_pool_executor executor(2);
                                    executor
                                        .submit([&] {
                                            parking_spot has_submitted;
                                            const auto stolen = executor.submit([&] {
                                                parking_spot other_runs;
                                                const auto other =
                                                    executor.submit([&] { other_runs.unpark(); });
                                                has_submitted.unpark();
                                                other_runs.park();
                                                other.wait();
                                            });
                                            has_submitted.park();  // on no future: the other worker steals it
                                            stolen.wait();
                                        })
                                        .wait();
                                });

// One task waits for another, which makes something ready to run that waits for the first. On top of the
// first, that would wait for itself. `make(executor, ready, first)` makes it.
template <class Make>
void make_ready_what_waits_for_the_first(Make make) {
    futures::Promise<void> ready;
    parking_spot begins;
    parking_spot is_ready;
    futures::thread_pool_executor<> executor(2);
    futures::Future<value> first;
    const futures::Future<value> made = make(executor, ready.get_future(), first);
    first = executor.submit([&] {
        begins.park();
        const auto second = executor.submit([&] {
            ready.set_result();
            is_ready.unpark();
        });
        is_ready.park();
        second.wait();
        return value(1);
    });
    begins.unpark();
    check(made.result().get() == 2, "both end");
}

const scenario only_continued(
    "a worker that waits for a task doesn't run a continuation that this task made ready to run",
    {.preemptions = 1, .stale_reads = 0}, [] {
        make_ready_what_waits_for_the_first([](auto& executor, auto ready, const auto& first) {
            return ready.then(executor, [&first] { return value(first.result().get() + 1); });
        });
    });

// Without an executor: it goes on first where its future is completed.
futures::Future<value> schedule_then_block(futures::Future<void> ready,
                                           futures::thread_pool_executor<>& goes_on_in,
                                           const futures::Future<value>& blocks_on) {
    co_await ready;
    co_await goes_on_in.schedule();
    co_return value(blocks_on.result().get() + 1);
}

const scenario only_scheduled(
    "a worker that waits for a task doesn't run a coroutine that goes on by schedule() meanwhile",
    {.preemptions = 1, .stale_reads = 0}, [] {
        make_ready_what_waits_for_the_first([](auto& executor, auto ready, const auto& first) {
            return schedule_then_block(std::move(ready), executor, first);
        });
    });

const scenario helped_in_turn("two workers that wait for each other's tasks help each other",
                              {.preemptions = 1, .stale_reads = 1}, [] {
                                  futures::thread_pool_executor executor(2);
                                  const auto tree = [&] {
                                      const auto left = executor.submit([&] {
                                          const auto inner = executor.submit(make_value);
                                          return value(inner.result().get() + 1);
                                      });
                                      const auto right = executor.submit(make_value);
                                      return value(left.result().get() + right.result().get());
                                  };
                                  check(executor.submit(tree).result().get() == 5,
                                        "the result is that of all");
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

const scenario stolen_at_once(
    "a worker that goes to sleep is woken for the first task that another keeps to itself",
    {.preemptions = 2, .stale_reads = 1}, [] {
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

// Runs until it is told to end, on no future; so whoever runs it on top of what tells it never ends.
struct runs_until_told {
    parking_spot started;
    parking_spot told;
    void operator()() {
        started.unpark();
        told.park();
    }
};

// A task that another runs beside it, until that has it end. Then one of two workers has just ended a task,
// no other sleeps, and the pool has no more threads to start.
class task_beside {
public:
    explicit task_beside(futures::thread_pool_executor<>& executor)
        : task_(executor.submit([this] { both_run_.park(); })) {}
    task_beside(const task_beside&) = delete;
    task_beside& operator=(const task_beside&) = delete;

    void end() {
        both_run_.unpark();
        task_.wait();
    }
    void wait() const { task_.wait(); }

private:
    parking_spot both_run_;
    const futures::Future<void> task_;
};

// A task waits with a limit for one that it must be able to end; after the task beside it has ended, if there
// is one.
void wait_with_limit(futures::thread_pool_executor<>& executor, task_beside* beside = nullptr) {
    runs_until_told slow;
    executor
        .submit([&] {
            if (beside) {
                beside->end();
            }
            const auto inner = executor.submit([&] { slow(); });
            inner.wait_for(std::chrono::hours(1));
            slow.told.unpark();
            inner.wait();
        })
        .wait();
}

const scenario left_to_idle("a task that waits with a limit leaves its task to a worker that can be started",
                            {.preemptions = 2, .stale_reads = 0}, [] {
                                futures::thread_pool_executor executor(2);
                                wait_with_limit(executor);
                            });

const scenario left_to_sleeping(
    "a task that waits with a limit leaves its task to a worker that sleeps or looks",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        run_at_once(executor);
        wait_with_limit(executor);
    });

const scenario left_to_nearly_idle(
    "a task that waits with a limit leaves its task to a worker that has just ended a task",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        task_beside beside(executor);
        wait_with_limit(executor, &beside);
    });

const scenario left_to_initializing(
    "a task that waits with a limit leaves its task to a worker that still initializes",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor({.max_workers = 2, .initializer = [] {}});
        wait_with_limit(executor);
    });

const scenario first_of_two("a task that waits for the first of two runs neither on top of itself",
                            {.preemptions = 1, .stale_reads = 0}, [] {
                                runs_until_told slow;
                                futures::thread_pool_executor executor(2);
                                executor
                                    .submit([&] {
                                        const auto inner = executor.submit([&] { slow(); });
                                        futures::Promise<void> other;
                                        slow.started.park();
                                        other.set_result();
                                        futures::wait({inner, other.get_future()},
                                                      {.return_when = futures::return_when::first_completed});
                                        slow.told.unpark();
                                    })
                                    .wait();
                            });

// The pool's only other worker runs what ends when the task does that is waited for with a limit, or is about
// to; after the task beside has ended, if there is one.
template <class Wait>
void wait_when_nobody_is_idle(futures::thread_pool_executor<>& executor, Wait wait,
                              task_beside* beside = nullptr) {
    parking_spot end;
    const auto waiter = executor.submit([&] {
        if (beside) {
            beside->end();
        }
        const auto inner = executor.submit([&] { end.unpark(); });
        wait(inner);
        inner.wait();
    });
    if (beside) {
        beside->wait();
    }
    const auto other = executor.submit([&] { end.park(); });
    waiter.wait();
    other.wait();
}

void wait_for_the_first(const futures::Future<void>& inner) {
    futures::wait({inner}, {.return_when = futures::return_when::first_completed});
}

const scenario nobody_idle("a task that waits for the first of several runs one when no other worker is left",
                           {.preemptions = 2, .stale_reads = 0}, [] {
                               futures::thread_pool_executor executor(2);
                               wait_when_nobody_is_idle(executor, wait_for_the_first);
                           });

const scenario nobody_idle_completed("as_completed in a task runs one when no other worker is left",
                                     {.preemptions = 2, .stale_reads = 0}, [] {
                                         futures::thread_pool_executor executor(2);
                                         wait_when_nobody_is_idle(
                                             executor, [](const futures::Future<void>& inner) {
                                                 for (auto&& each : futures::as_completed({inner})) {
                                                     check(each.done(), "it is done");
                                                 }
                                             });
                                     });

const scenario nearly_idle_no_more(
    "a task that waits for the first of several runs one when the last that had ended a task begins another",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        task_beside beside(executor);
        wait_when_nobody_is_idle(executor, wait_for_the_first, &beside);
    });

const scenario two_that_watch(
    "two tasks that wait for the first of several each run one when both workers wait",
    {.preemptions = 1, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(2);
        const auto wait_for_one = [&] { wait_for_the_first(executor.submit([] {})); };
        const auto first = executor.submit(wait_for_one);
        const auto second = executor.submit(wait_for_one);
        first.wait();
        second.wait();
    });

// The caller of `invoke` sees what its callables write, on whichever thread they run.
void invoke_two(futures::thread_pool_executor<>& executor) {
    value first(0);
    const auto [nothing, second] = executor.invoke([&] { first.set(1); }, make_value);
    static_cast<void>(nothing);
    check(first.get() == 1 && second.get() == 2, "both have been called");
}

const scenario invoke_outside("invoke: a worker takes a call of a thread outside the pool, or none comes",
                              {.preemptions = 2, .stale_reads = 1}, [] {
                                  futures::thread_pool_executor executor(1);
                                  invoke_two(executor);
                              });

const scenario invoke_in_task("invoke: another worker steals a call of a task, or it is taken back",
                              {.preemptions = 2, .stale_reads = 1}, [] {
                                  futures::thread_pool_executor executor(2);
                                  executor.submit([&] { invoke_two(executor); }).wait();
                              });

const scenario invoke_spinning("invoke: the caller spins, or sleeps, until a stolen call has ended",
                               {.preemptions = 2, .stale_reads = 1, .spins = true}, [] {
                                   futures::thread_pool_executor executor(1);
                                   invoke_two(executor);
                               });

const scenario invoke_stolen("invoke: the caller sleeps until a stolen call has ended",
                             {.preemptions = 2, .stale_reads = 1}, [] {
                                 futures::thread_pool_executor executor(1);
                                 parking_spot taken;
                                 value written(0);
                                 executor.invoke(
                                     [&] {
                                         taken.unpark();
                                         written.set(1);
                                     },
                                     [&] { taken.park(); });
                                 check(written.get() == 1, "the call has ended");
                             });

// The innermost call must be made while the stolen one runs. Nobody is left for it but the worker that waits.
const scenario invoke_helped("invoke: a worker that waits for a stolen call runs what descends from it",
                             {.preemptions = 1, .stale_reads = 0}, [] {
                                 futures::thread_pool_executor executor(2);
                                 executor
                                     .submit([&] {
                                         parking_spot stolen;
                                         executor.invoke(
                                             [&] {
                                                 parking_spot helped;
                                                 executor.invoke([&] { helped.unpark(); },
                                                                 [&] {
                                                                     stolen.unpark();
                                                                     helped.park();
                                                                 });
                                             },
                                             [&] { stolen.park(); });
                                     })
                                     .wait();
                             });

const scenario invoke_shut_down("invoke: the caller makes the calls that a shutdown takes out of the queue",
                                {.preemptions = 2, .stale_reads = 1}, [] {
                                    futures::thread_pool_executor executor(1);
                                    thread other(
                                        [&] { executor.shutdown({.wait = false, .cancel_futures = true}); });
                                    try {
                                        invoke_two(executor);
                                    } catch (const futures::executor_shutdown&) {
                                    }
                                    other.join();
                                });

const scenario invoke_joined_by_another_pool(
    "invoke: a worker of another pool joins a call that needs that worker",
    {.preemptions = 1, .stale_reads = 1}, [] {
        futures::thread_pool_executor outer(1);
        futures::thread_pool_executor inner(1);
        outer
            .submit([&] {
                parking_spot taken;
                inner.invoke(
                    [&] {
                        taken.unpark();
                        outer.submit([] {}).wait();
                    },
                    [&] { taken.park(); });
            })
            .wait();
    });

// Which thread starts which is open; all have ended when the loop does.
const scenario loop("for_each: workers and branches that they start go over a range of unknown size",
                    {.preemptions = 1, .stale_reads = 0}, [] {
                        futures::thread_pool_executor executor(2);
                        std::forward_list<value> all{value(0), value(1)};
                        executor.for_each([](value& each) { each.set(each.get() + 1); }, all);
                        check(all.front().get() == 1 && std::next(all.begin())->get() == 2,
                              "it has gone over each element once");
                    });

const scenario sleeper_needed(
    "a worker is needed that sleeps in a wait for another pool, while the other worker is busy",
    {.preemptions = 0, .stale_reads = 0}, [] {
        parking_spot begun;
        parking_spot end;
        futures::thread_pool_executor two(2);
        futures::thread_pool_executor other(1);
        two.submit([&] {
            begun.unpark();
            end.park();
        });
        begun.park();
        two.submit([&] { other.submit([&] { two.submit([] {}).wait(); }).wait(); }).wait();
        end.unpark();
    });

}  // namespace
