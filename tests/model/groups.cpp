// SPDX-License-Identifier: MIT

// Sets of futures that grow while threads wait for them: completion queues and task groups.

#include <concurrent/futures.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
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

using value = checked<int>;
using promise = futures::Promise<value>;
using future = futures::Future<value>;
using queue = futures::completion_queue<value>;

const scenario given_once("a completion queue gives each future once", {.preemptions = 2}, [] {
    promise one;
    promise two;
    queue both;
    both.add(one.get_future());
    both.add(two.get_future());
    thread first([&] { one.set_result(value(1)); });
    thread second([&] { two.set_result(value(2)); });
    int sum = 0;
    for (auto&& each : both) {
        sum += each.result().get();
    }
    check(sum == 3 && both.empty(), "each was given once");
    first.join();
    second.join();
});

const scenario next_timed("next of a completion queue with a time limit throws or gives", {}, [] {
    promise one;
    queue only;
    only.add(one.get_future());
    thread first([&] { one.set_result(value(1)); });
    try {
        check(only.next(std::chrono::hours(1)).result().get() == 1, "the result is seen");
    } catch (const futures::timeout_error&) {
    }
    first.join();
});

const scenario queue_abandoned("a completion queue is destroyed while a future becomes done", {}, [] {
    promise one;
    thread first;
    {
        queue only;
        only.add(one.get_future());
        first = thread([&] { one.set_result(value(1)); });
    }
    first.join();
});

const scenario added_meanwhile("a future is added, and becomes done, while another thread waits for the next",
                               {.preemptions = 2}, [] {
                                   promise one;
                                   promise two;
                                   queue both;
                                   both.add(one.get_future());
                                   thread adds([&] {
                                       both.add(two.get_future());
                                       two.set_result(value(2));
                                   });
                                   check(both.next().result().get() == 2, "the result is seen");
                                   adds.join();
                                   one.set_result(value(1));
                                   check(both.next().result().get() == 1, "the other comes next");
                               });

const scenario taken_by_two("of two threads that take the last future one learns that there is none",
                            {.preemptions = 2}, [] {
                                promise one;
                                queue only;
                                only.add(one.get_future());
                                const auto takes = [&] {
                                    try {
                                        static_cast<void>(only.next());
                                        return true;
                                    } catch (const futures::invalid_state_error&) {
                                        return false;
                                    }
                                };
                                bool other = false;
                                thread taker([&] { other = takes(); });
                                thread setter([&] { one.set_result(value(1)); });
                                const bool mine = takes();
                                taker.join();
                                setter.join();
                                check(mine != other, "one has taken it");
                            });

const scenario wakes_to_help("the only worker, asleep in next, wakes for a task of its pool that is added",
                             {.preemptions = 2, .stale_reads = 0}, [] {
                                 futures::Promise<void> never;
                                 futures::completion_queue<void> both;
                                 both.add(never.get_future());
                                 futures::thread_pool_executor executor(1);
                                 parking_spot begun;
                                 const auto taker = executor.submit([&] {
                                     begun.unpark();
                                     both.next().result();
                                 });
                                 begun.park();
                                 both.add(executor.submit([] {}));
                                 taker.wait();
                             });

const scenario next_alone("a task in next of a completion queue runs one when no other worker is left",
                          {.preemptions = 2, .stale_reads = 0}, [] {
                              parking_spot end;
                              futures::thread_pool_executor executor(2);
                              const auto waiter = executor.submit([&] {
                                  futures::completion_queue<void> only;
                                  only.add(executor.submit([&] { end.unpark(); }));
                                  only.next().result();
                              });
                              const auto other = executor.submit([&] { end.park(); });
                              waiter.wait();
                              other.wait();
                          });

// Keeps tasks until they are run by hand; all, or only the first if there is a pool, which gets the others.
class by_hand {
public:
    explicit by_hand(futures::thread_pool_executor<>* pool = nullptr) : pool_(pool) {}

    template <class Fn>
    auto submit(Fn&& fn) {
        if (pool_ && !kept_.empty()) {
            return pool_->submit(std::forward<Fn>(fn));
        }
        auto made = futures::package(std::forward<Fn>(fn));
        kept_.push_back(std::move(made.task));
        return std::move(made.future);
    }
    void run(std::size_t index = 0) { kept_[index](); }

private:
    futures::thread_pool_executor<>* pool_;
    std::vector<futures::packaged_task> kept_;
};

const scenario group_of_one("a group waits for its task, and is destroyed as soon as that is done", {}, [] {
    by_hand executor;
    value written(0);
    thread runner;
    {
        futures::task_group group(executor);
        group.submit([&] { written.set(1); });
        runner = thread([&] { executor.run(); });
    }
    check(written.get() == 1, "what the task wrote is seen");
    runner.join();
});

const scenario group_of_pool("a group waits for tasks of a pool", {.preemptions = 2, .stale_reads = 1}, [] {
    futures::thread_pool_executor executor(1);
    futures::task_group group(executor);
    const auto first = group.submit([] {});
    const auto second = group.submit([] {});
    group.wait();
    check(first.done() && second.done(), "both are done");
});

const scenario group_helped("the only worker runs the tasks of the group for which it waits",
                            {.preemptions = 2, .stale_reads = 0}, [] {
                                futures::thread_pool_executor executor(1);
                                const auto waiter = executor.submit([&] {
                                    futures::task_group group(executor);
                                    group.submit([] {});
                                    group.submit([] {});
                                    group.wait();
                                });
                                waiter.wait();
                            });

const scenario group_wakes_to_help(
    "the only worker, asleep in wait, wakes for a task of its pool that is submitted to the group",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor pool(1);
        by_hand executor(&pool);
        futures::task_group group(executor);
        group.submit([] {});
        parking_spot begun;
        const auto waiter = pool.submit([&] {
            begun.unpark();
            group.wait();
        });
        begun.park();
        group.submit([] {}).wait();
        executor.run();
        waiter.wait();
    });

const scenario cancelled_while_submitted(
    "a task that is submitted while its group is cancelled does not stay", {}, [] {
        by_hand executor;
        std::optional<futures::task_group<by_hand>> group(executor);
        thread canceller([&] { group->cancel(); });
        const auto task = group->submit([] {});
        canceller.join();
        check(task.cancelled(), "it was cancelled");
        group.reset();
    });

const scenario group_fails("a failure cancels a task of the group that another thread is about to run",
                           {.preemptions = 2}, [] {
                               by_hand executor;
                               futures::task_group group(executor);
                               group.submit([] { throw 5; });
                               const auto other = group.submit([] {});
                               thread first([&] { executor.run(); });
                               thread second([&] { executor.run(1); });
                               try {
                                   group.wait();
                                   check(false, "it throws");
                               } catch (int) {
                               }
                               check(other.done(), "the other is done");
                               first.join();
                               second.join();
                           });

const scenario owns_its_group("the last task of a group owns it", {.preemptions = 2, .stale_reads = 0}, [] {
    futures::thread_pool_executor executor(1);
    auto group = std::make_unique<futures::task_group<>>(executor);
    auto& where = *group;
    parking_spot submitted;
    const auto task = where.submit([&submitted, owner = std::move(group)] { submitted.park(); });
    submitted.unpark();
    task.wait();
});

}  // namespace
