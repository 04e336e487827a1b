// SPDX-License-Identifier: MIT

// What a worker does that waits for a task: which it runs meanwhile, which it leaves to others, and that
// nothing needs it that it doesn't run.

#include <concurrent/futures.hpp>

#include <chrono>
#include <forward_list>
#include <iterator>
#include <utility>

#include "checker/model.hpp"
#include "pool_tasks.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::detail::parking_spot;
using model::check;
using model::scenario;
using model::thread;

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

// Runs until another task calls `told.unpark()`. It waits on no future. So a worker never ends that runs it
// on top of the task which would tell it.
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
