// SPDX-License-Identifier: MIT

// Futures of futures: continuations, what gathers several, and workers that wait for them.

#include <concurrent/futures.hpp>

#include <exception>
#include <optional>
#include <tuple>
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

// A promise may have been cancelled with what waits for its future.
void set(futures::Promise<value>& promise, int number) {
    try {
        promise.set_result(value(number));
    } catch (const futures::invalid_state_error&) {
    }
}

const scenario continued("who waits for a continuation sees its result", {}, [] {
    futures::Promise<value> promise;
    const auto next = promise.get_future().then([](const value& x) { return value(x.get() + 1); });
    thread setter([&] { promise.set_result(value(1)); });
    check(next.result().get() == 2, "the result is the continuation's");
    setter.join();
});

const scenario continued_late("a continuation is added while its parent is completed", {}, [] {
    futures::Promise<value> promise;
    thread setter([&] { promise.set_result(value(1)); });
    const auto next = promise.get_future().then([](const value& x) { return value(x.get() + 1); });
    check(next.result().get() == 2, "the result is the continuation's");
    setter.join();
});

const scenario cancelled_or_continued("a continuation runs or is cancelled, and its memory is freed once", {},
                                      [] {
                                          futures::Promise<value> promise;
                                          auto next = promise.get_future().then(
                                              [captured = value(1)](const value& x) {
                                                  return value(x.get() + captured.get());
                                              });
                                          thread setter([&] { set(promise, 1); });
                                          const bool cancelled = next.cancel();
                                          check(next.cancelled() == cancelled, "its state says the same");
                                          next = {};
                                          setter.join();
                                      });

const scenario queued("a continuation runs in its pool", {.preemptions = 2, .stale_reads = 1}, [] {
    futures::thread_pool_executor executor(1);
    const auto next =
        executor.submit([] { return value(1); }).then([](value x) { return value(x.get() + 1); });
    check(next.result().get() == 2, "the result is the continuation's");
});

const scenario awaited_by_worker("a worker runs the continuation that it waits for, once it can be run",
                                 {.preemptions = 2, .stale_reads = 1}, [] {
                                     futures::thread_pool_executor executor(1);
                                     futures::Promise<value> promise;
                                     const auto next = promise.get_future().then(
                                         executor, [](const value& x) { return value(x.get() + 1); });
                                     const auto outer =
                                         executor.submit([&] { return value(next.result().get()); });
                                     promise.set_result(value(1));
                                     check(outer.result().get() == 2, "the result is the continuation's");
                                 });

// Hands its tasks to a pool, and gives the futures of that.
class handing_executor : public futures::executor_base<handing_executor> {
public:
    explicit handing_executor(futures::thread_pool_executor<>& runs) : runs_(runs) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return runs_.submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    futures::thread_pool_executor<>& runs_;
};

const scenario handed_to_pool(
    "the only worker waits for a continuation that an executor of one's own hands to its pool",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::thread_pool_executor executor(1);
        handing_executor hands_over(executor);
        futures::Promise<value> promise;
        const auto next =
            promise.get_future().then(hands_over, [](const value& x) { return value(x.get() + 1); });
        const auto outer = executor.submit([&] { return value(next.result().get()); });
        promise.set_result(value(1));
        check(outer.result().get() == 2, "the result is the continuation's");
    });

const scenario cancelled_in_executor(
    "a continuation is cancelled and left while an executor of one's own hands it to a pool, which runs it",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::thread_pool_executor executor(1);
        handing_executor hands_over(executor);
        futures::Promise<value> promise;
        auto next = promise.get_future().then(
            hands_over, [captured = value(1)](const value& x) { return value(x.get() + captured.get()); });
        thread setter([&] { set(promise, 1); });
        const bool cancelled = next.cancel();
        check(next.cancelled() == cancelled, "its state says the same");
        next = {};
        setter.join();
    });

const scenario seen_cancelled(
    "a worker runs what sees that a part of what it waits for was cancelled",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::thread_pool_executor executor(1);
        const futures::Promise<value> never;
        const auto part = never.get_future().then(executor, [](const value& x) { return value(x.get()); });
        const auto outer = executor.submit([&] {
            return part.then([](const futures::Future<value>& done) { return done.cancelled(); }).result();
        });
        part.cancel();
        check(outer.result(), "it was cancelled");
    });

const scenario cancelled_while_awaited(
    "what a continuation waits for is cancelled with it, while a worker waits for both",
    {.preemptions = 2, .stale_reads = 1}, [] {
        futures::thread_pool_executor executor(1);
        futures::Promise<value> promise;
        const auto next = promise.get_future().then([](const value& x) { return value(x.get()); });
        const auto waiting = executor.submit([&] { next.wait(); });
        check(next.cancel(), "it is cancelled");
        check(!promise.set_running_or_notify_cancel(), "so is what it waited for");
        waiting.result();
    });

const scenario gathered("who waits for two that are gathered sees both", {.preemptions = 2}, [] {
    futures::Promise<value> first;
    futures::Promise<value> second;
    const auto both = futures::gather(first.get_future(), second.get_future());
    thread setter([&] { first.set_result(value(1)); });
    thread other([&] { second.set_result(value(2)); });
    const auto& [one, two] = both.result();
    check(one.get() == 1 && two.get() == 2, "the values are those that were set");
    setter.join();
    other.join();
});

const scenario gathered_failing("a gather fails, while its other part becomes done and it is dropped",
                                {.preemptions = 2}, [] {
                                    futures::Promise<value> first;
                                    futures::Promise<value> second;
                                    auto both = futures::gather(first.get_future(), second.get_future());
                                    thread setter([&] { first.set_result(value(1)); });
                                    thread other([&] { second.set_exception(std::make_exception_ptr(1)); });
                                    both = {};
                                    setter.join();
                                    other.join();
                                });

const scenario joined("a future that a continuation returns is joined while it is completed or cancelled",
                      {.preemptions = 2, .stale_reads = 1}, [] {
                          futures::Promise<value> outer;
                          futures::Promise<value> inner;
                          auto next = outer.get_future().then(
                              [future = inner.get_future()](const value&) { return future; });
                          thread setter([&] { set(outer, 1); });
                          thread other([&] { set(inner, 2); });
                          const bool cancelled = next.cancel();
                          check(next.cancelled() == cancelled, "its state says the same");
                          setter.join();
                          other.join();
                          check(cancelled || next.result().get() == 2, "the result is that of the inner");
                      });

const scenario across("workers of two pools wait for each other's tasks",
                      {.preemptions = 1, .stale_reads = 0}, [] {
                          futures::thread_pool_executor first(1);
                          futures::thread_pool_executor second(1);
                          const auto make = [] { return value(1); };
                          const auto one =
                              first.submit([&] { return value(second.submit(make).result().get() + 1); });
                          const auto two =
                              second.submit([&] { return value(first.submit(make).result().get() + 1); });
                          check(one.result().get() == 2 && two.result().get() == 2, "both end");
                      });

const scenario dropped_while_told(
    "a worker stops waiting while what it waited for is completed, and nobody has a handle on that",
    {.preemptions = 2, .stale_reads = 0}, [] {
        futures::thread_pool_executor executor(1);
        auto first = futures::package([] { return value(1); });
        auto next = std::move(first.future).then([](const value& x) { return value(x.get()); });
        const auto outer = executor.submit([&] {
            try {
                static_cast<void>(next.result());
            } catch (const futures::cancelled_error&) {
            }
        });
        thread runner([&] { std::move(first.task)(); });
        next.cancel();
        outer.wait();
        runner.join();
    });

const scenario told_while_asleep(
    "a worker that sleeps is told that a task is queued for it, on which another sleeping worker depends",
    {.preemptions = 1, .stale_reads = 0}, [] {
        parking_spot second_waits;
        parking_spot both_wait;
        futures::Promise<value> promise;
        futures::thread_pool_executor first(1);
        futures::thread_pool_executor second(1);
        const auto next = promise.get_future().then(second, [](const value& x) { return value(x.get()); });
        const auto one = first.submit([&] {
            second_waits.park();
            both_wait.unpark();
            return value(next.result().get() + 1);
        });
        const auto two = second.submit([&] {
            second_waits.unpark();
            return value(one.result().get() + 1);
        });
        both_wait.park();
        promise.set_result(value(1));
        check(two.result().get() == 3, "both end");
    });

const scenario told_done("a worker wakes when another thread completes what it waits for",
                         {.preemptions = 2, .stale_reads = 1}, [] {
                             futures::thread_pool_executor executor(1);
                             futures::Promise<value> promise;
                             const auto next =
                                 promise.get_future().then([](const value& x) { return value(x.get() + 1); });
                             const auto outer = executor.submit([&] { return value(next.result().get()); });
                             promise.set_result(value(1));
                             check(outer.result().get() == 2, "the result is the continuation's");
                         });

const scenario in_queue("a worker that sleeps in next runs a continuation, once it can be run",
                        {.preemptions = 2, .stale_reads = 0}, [] {
                            futures::thread_pool_executor executor(1);
                            futures::Promise<value> promise;
                            futures::completion_queue<value> only;
                            only.add(promise.get_future().then(
                                executor, [](const value& x) { return value(x.get() + 1); }));
                            const auto outer =
                                executor.submit([&] { return value(only.next().result().get()); });
                            promise.set_result(value(1));
                            check(outer.result().get() == 2, "the result is the continuation's");
                        });

const scenario shown_meanwhile(
    "a worker falls asleep while it is looked at by another, whose task it waits for",
    {.preemptions = 1, .stale_reads = 0}, [] {
        parking_spot begun;
        futures::thread_pool_executor first(1);
        futures::thread_pool_executor second(1);
        const auto two = second.submit([&] {
            begun.park();
            return value(first.submit([] { return value(1); }).result().get() + 1);
        });
        const auto one = first.submit([&] {
            begun.unpark();
            return value(two.result().get() + 1);
        });
        check(one.result().get() == 3, "both end");
    });

const scenario left_to_spare(
    "what a worker has to run for others waits for what it was running, and one of its pool runs at a time",
    {.preemptions = 1, .stale_reads = 0}, [] {
        parking_spot begun;
        checked<int> first_ran;  // as there is one worker, whose tasks need no other order
        futures::thread_pool_executor first(1);
        futures::thread_pool_executor second(1);
        const auto count = [&] { first_ran.set(first_ran.get() + 1); };
        const auto one = first.submit([&] {
            begun.park();
            const auto simple = second.submit([] { return value(1); });
            count();
            const int result = simple.result().get() + 1;
            count();
            return value(result);
        });
        const auto two = first.submit([&] {
            count();
            const int result = one.result().get() + 1;
            count();
            return value(result);
        });
        const auto three = second.submit([&] {
            begun.unpark();
            return value(two.result().get() + 1);
        });
        check(three.result().get() == 4, "all end");
        check(first.submit([&] { return first_ran.get(); }).result() == 4, "the worker goes on");
    });

// Both workers of the first pool wait for `on_spare`, which the worker of the second leaves to a spare, as it
// waits for what is queued in the first. Before the spare ends, one of the two becomes busy until all is
// over, and the other comes to wait for what is queued in the second. It alone can run what the second's
// worker waits for. But it sees that only when the spare has ended, as before, not all of the second pool
// sleep. Later, nothing else happens that would have it look again.
const scenario spare_ends(
    "a spare ends while all others of its pool sleep, and a worker waits for what is queued there",
    {.preemptions = 0, .stale_reads = 0}, [] {
        parking_spot both_begun;  // so that there are fewer orders to try
        parking_spot is_busy;
        parking_spot spare_ends;
        parking_spot end;
        futures::Promise<void> spare_runs;
        const auto runs = spare_runs.get_future();
        futures::thread_pool_executor first(2);
        futures::thread_pool_executor second(1);
        second.submit([&] {
            both_begun.park();
            first.submit([] {}).wait();
        });
        const auto on_spare = second.submit([&] {
            spare_runs.set_result();
            spare_ends.park();
        });
        const auto wait_for_spare = [&] {
            futures::wait({on_spare, runs}, {.return_when = futures::return_when::first_completed});
        };
        const auto waits = first.submit([&] {
            wait_for_spare();
            is_busy.park();
            spare_ends.unpark();
            second.submit([] {}).wait();
        });
        first.submit([&] {
            both_begun.unpark();
            wait_for_spare();
            is_busy.unpark();
            end.park();
        });
        waits.wait();
        end.unpark();
    });

const scenario gathered_late("a future fails while it is being gathered",
                             {.preemptions = 2, .stale_reads = 1}, [] {
                                 futures::Promise<value> first;
                                 futures::Promise<value> second;
                                 thread setter([&] { first.set_exception(std::make_exception_ptr(1)); });
                                 const auto both = futures::gather(first.get_future(), second.get_future());
                                 setter.join();
                                 check(both.done() && both.exception() != nullptr, "it has failed");
                             });

const scenario walked_while_it_fails("a worker looks at the parts of a gather that fails",
                                     {.preemptions = 2, .stale_reads = 0}, [] {
                                         parking_spot is_gathered;
                                         futures::Promise<value> failing;
                                         futures::thread_pool_executor executor(1);
                                         const auto outer = executor.submit([&] {
                                             const auto all = futures::gather(failing.get_future());
                                             is_gathered.unpark();
                                             return all.exception() != nullptr;
                                         });
                                         is_gathered.park();
                                         failing.set_exception(std::make_exception_ptr(1));
                                         check(outer.result(), "it has failed");
                                     });

const scenario pool_gone("a future is continued while its pool is destroyed",
                         {.preemptions = 2, .stale_reads = 0}, [] {
                             std::optional<futures::thread_pool_executor<>> executor(1);
                             const auto done = executor->submit([] { return value(1); });
                             done.wait();
                             thread destroyer([&] { executor.reset(); });
                             const auto next = done.then([](const value& x) { return value(x.get() + 1); });
                             check(next.exception() || next.result().get() == 2, "it has run or failed");
                             destroyer.join();
                         });

const scenario pool_gone_meanwhile(
    "a task is cancelled, and what sees that is queued while its pool is destroyed",
    {.preemptions = 2, .stale_reads = 0}, [] {
        std::optional<futures::thread_pool_executor<>> executor(1);
        const auto task = executor->submit([] { return value(1); });
        const auto next = task.then([](const futures::Future<value>& done) { return done.done(); });
        thread destroyer([&] { executor.reset(); });
        task.cancel();
        check(next.exception() || next.result(), "it has run or failed");
        destroyer.join();
    });

}  // namespace
