// SPDX-License-Identifier: MIT

// Waiting for several futures, and promises that several threads fulfil.

#include <concurrent/futures.hpp>

#include <chrono>
#include <memory>
#include <vector>

#include "checker/model.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

using value = checked<int>;
using promise = futures::Promise<value>;
using future = futures::Future<value>;

const scenario all("wait returns when all are done", {.preemptions = 2}, [] {
    promise one;
    promise two;
    const std::vector<future> both{one.get_future(), two.get_future()};
    thread first([&] { one.set_result(value(1)); });
    thread second([&] { two.set_result(value(2)); });
    const auto waited = futures::wait(both);
    check(waited.done.size() == 2 && waited.done[0].result().get() == 1 && waited.done[1].result().get() == 2,
          "both results are seen");
    first.join();
    second.join();
});

const scenario first_of_two("wait for the first returns when one is done, and lets go of the other",
                            {.preemptions = 2}, [] {
                                promise one;
                                promise two;
                                const std::vector<future> both{one.get_future(), two.get_future()};
                                thread first([&] { one.set_result(value(1)); });
                                thread second([&] { two.set_result(value(2)); });
                                const auto waited = futures::wait(
                                    both, {.return_when = futures::return_when::first_completed});
                                check(!waited.done.empty(), "one is done");
                                first.join();
                                second.join();
                            });

const scenario failed("wait for the first exception returns when one has failed", {.preemptions = 2}, [] {
    promise one;
    promise two;
    const std::vector<future> both{one.get_future(), two.get_future()};
    thread first([&] { one.set_exception(std::make_exception_ptr(5)); });
    const auto waited = futures::wait(both, {.return_when = futures::return_when::first_exception});
    check(waited.done.size() == 1 && waited.done[0].exception() != nullptr, "the failed one is done");
    first.join();
    two.set_result(value(2));
});

const scenario timed("wait with a time limit returns what is done", {}, [] {
    promise one;
    const std::vector<future> only{one.get_future()};
    thread first([&] { one.set_result(value(1)); });
    const auto waited = futures::wait(only, {.timeout = std::chrono::hours(1)});
    check(waited.done.size() + waited.not_done.size() == 1, "it is one or the other");
    if (!waited.done.empty()) {
        check(waited.done[0].result().get() == 1, "the result is seen");
    }
    first.join();
});

const scenario in_order("as_completed yields each future once", {.preemptions = 2}, [] {
    promise one;
    promise two;
    const std::vector<future> both{one.get_future(), two.get_future()};
    thread first([&] { one.set_result(value(1)); });
    thread second([&] { two.set_result(value(2)); });
    int sum = 0;
    for (auto&& each : futures::as_completed(both)) {
        sum += each.result().get();
    }
    check(sum == 3, "each was yielded once");
    first.join();
    second.join();
});

const scenario abandoned("as_completed is abandoned while a future becomes done", {}, [] {
    promise one;
    promise two;
    const std::vector<future> both{one.get_future(), two.get_future()};
    one.set_result(value(1));
    thread first([&] { two.set_result(value(2)); });
    {
        auto range = futures::as_completed(both);
        check((*range.begin()).result().get() == 1, "the one that was done comes first");
    }
    first.join();
});

const scenario as_completed_timed("as_completed with a time limit throws or yields", {}, [] {
    promise one;
    const std::vector<future> only{one.get_future()};
    thread first([&] { one.set_result(value(1)); });
    try {
        for (auto&& each : futures::as_completed(only, std::chrono::hours(1))) {
            check(each.result().get() == 1, "the result is seen");
        }
    } catch (const futures::timeout_error&) {
    }
    first.join();
});

const scenario cancelled_watch("a cancellation ends the wait for several", {.preemptions = 2}, [] {
    promise one;
    const std::vector<future> only{one.get_future()};
    thread canceller([cancelled = only[0]] { cancelled.cancel(); });
    const auto waited = futures::wait(only);
    check(waited.done.size() == 1 && waited.done[0].cancelled(), "it is done");
    canceller.join();
});

const scenario of_a_pool("wait for tasks of a pool", {.preemptions = 2, .stale_reads = 1}, [] {
    futures::thread_pool_executor executor(1);
    const auto make = [] { return value(2); };
    const std::vector<future> both{executor.submit(make), executor.submit(make)};
    const auto waited = futures::wait(both);
    check(waited.done.size() == 2, "both are done");
});

const scenario set_twice("of two threads that set a promise one wins, and the other is told", {}, [] {
    promise one;
    const future set = one.get_future();
    const auto try_to_set = [&](int number) {
        try {
            one.set_result(value(number));
            return true;
        } catch (const futures::invalid_state_error&) {
            return false;
        }
    };
    bool other = false;
    thread setter([&] { other = try_to_set(1); });
    const bool mine = try_to_set(2);
    check(set.result().get() == (mine ? 2 : 1), "the result is the winner's");
    setter.join();
    check(mine != other, "one has won");
});

const scenario set_or_cancelled("a promise is set or its future cancelled", {}, [] {
    promise one;
    const future set = one.get_future();
    bool cancelled = false;
    thread canceller([&, mine = set] { cancelled = mine.cancel(); });
    bool done = false;
    try {
        one.set_result(value(1));
        done = true;
    } catch (const futures::invalid_state_error&) {
    }
    canceller.join();
    check(done != cancelled, "it is one or the other");
});

const scenario broken("who waits for a promise that is destroyed gets an error", {}, [] {
    auto one = std::make_unique<promise>();
    const future waited = one->get_future();
    thread breaker([&] { one.reset(); });
    try {
        static_cast<void>(waited.result());
        check(false, "it throws");
    } catch (const futures::broken_promise_error&) {
    }
    breaker.join();
});

const scenario called_back_after_wait("a callback that is added after a wait whose time was up is called", {},
                                      [] {
                                          promise made;
                                          const future waited = made.get_future();
                                          waited.wait_for(std::chrono::hours(1));
                                          int calls = 0;
                                          waited.add_done_callback([&](const auto&) { ++calls; });
                                          made.set_result(value(2));
                                          check(calls == 1, "it was called once");
                                      });

}  // namespace
