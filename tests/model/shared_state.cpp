// SPDX-License-Identifier: MIT

// One future: who claims, cancels, completes, waits, calls back and lets go of it, all at once.

#include <concurrent/futures.hpp>

#include <array>
#include <memory>
#include <type_traits>
#include <utility>

#include "checker/model.hpp"
#include "process.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::future_state;
using futures::detail::shared_state;
using weak_handle = futures::detail::shared_state_base::weak_handle;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

using value = checked<int>;

// A callable that counts how often it is called and how many of it there are.
class task {
public:
    explicit task(model::atomic<int>& runs) : runs_(&runs) {}
    value operator()() {
        runs_->fetch_add(1, std::memory_order_relaxed);
        return value(captured_.get() + 1);
    }

private:
    model::atomic<int>* runs_;
    value captured_{1};
};

// Stands for a pool: tasks ask it for nothing here but whether their worker's is the same.
class no_pool final : public futures::detail::pool_base {
public:
    no_pool() : pool_base(2, true) {}
    void work(futures::detail::worker&) noexcept override {}
    [[nodiscard]] bool start_spare(futures::detail::worker&,
                                   std::unique_ptr<futures::detail::errand>) noexcept override {
        return false;
    }
    void run_errand(futures::detail::worker&, futures::detail::errand&) noexcept override {}
    void push(futures::detail::work_item&) override {}
    void push_coroutine(futures::detail::work_item&) override {}
    void order_pushes() noexcept override {}
    [[nodiscard]] bool has_items() const noexcept override { return false; }
    [[nodiscard]] std::size_t waiting() const noexcept override { return 0; }
    [[nodiscard]] bool expects_items() const noexcept override { return false; }
    [[nodiscard]] bool shared_queue_seems_empty() const noexcept override { return true; }
    [[nodiscard]] bool watch_end(futures::detail::end_watch&) noexcept override { return false; }

private:
    void start_thread() noexcept override {}
};

// A task that a worker has taken from its queue, and the future that its submitter has.
struct taken_task {
    no_pool pool;
    futures::detail::worker worker{pool, "worker"};
    model::atomic<int> runs{0};
    futures::detail::task<task>* const item = new futures::detail::task<task>(&pool, task(runs));
    futures::Future<value> future = futures::detail::future_access::adopt<value>(*item);

    void execute() { static_cast<void>(item->execute(worker)); }
};

const scenario result_is_seen("who waits for a result sees it, and what the task captured is gone", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    check(taken.future.result().get() == 2, "the result is the task's");
    worker.join();
    check(taken.runs.load() == 1, "the task ran once");
});

const scenario moved_out("the last handle moves the result out", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    const value result = std::move(taken.future).result();
    check(result.get() == 2, "the result is the task's");
    worker.join();
});

const scenario dropped("the last handle is dropped while the task runs", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    taken.future = {};
    worker.join();
    check(taken.runs.load() == 1, "the task ran once");
});

const scenario last_of_two("of two that have read the result the last destroys it", {}, [] {
    taken_task taken;
    taken.execute();
    thread other([mine = taken.future] { check(mine.result().get() == 2, "the other sees the result"); });
    check(taken.future.result().get() == 2, "the result is the task's");
    taken.future = {};
    other.join();
});

const scenario moved_out_by_last("the last handle moves out what another has read", {}, [] {
    taken_task taken;
    taken.execute();
    thread other([mine = taken.future] { check(mine.result().get() == 2, "the other sees the result"); });
    const value result = std::move(taken.future).result();
    check(result.get() == 2, "the result is the task's");
    other.join();
});

const scenario polled("who sees that it is done sees the result", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    if (taken.future.done()) {
        check(taken.future.result().get() == 2, "the result is the task's");
    }
    worker.join();
});

const scenario cancel_or_run("a task runs or is cancelled, and its captures are destroyed once", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    const bool cancelled = taken.future.cancel();
    worker.join();
    check(taken.runs.load() == (cancelled ? 0 : 1), "it ran if it was not cancelled");
    check(taken.future.state() == (cancelled ? future_state::cancelled : future_state::finished),
          "its state says the same");
});

const scenario cancel_and_wait("who waits is woken by a cancellation or by the result", {.stale_reads = 1},
                               [] {
                                   taken_task taken;
                                   thread worker([&] { taken.execute(); });
                                   thread canceller([&, future = taken.future] { future.cancel(); });
                                   try {
                                       check(taken.future.result().get() == 2, "the result is the task's");
                                       check(taken.runs.load() == 1, "it ran");
                                   } catch (const futures::cancelled_error&) {
                                       check(taken.future.cancelled(), "it is cancelled");
                                   }
                                   worker.join();
                                   canceller.join();
                               });

const scenario cancelled_twice("two that cancel both succeed, or neither does", {.stale_reads = 1}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    bool other = false;
    thread canceller([&, future = taken.future] { other = future.cancel(); });
    const bool mine = taken.future.cancel();
    check(taken.future.cancelled() == mine, "it is cancelled when the call says so");
    worker.join();
    canceller.join();
    check(mine == other, "they agree");
    check(taken.runs.load() == (mine ? 0 : 1), "it ran if it was not cancelled");
});

const scenario cancelled_and_dropped("the last handle cancels and is dropped while a worker takes the task",
                                     {}, [] {
                                         taken_task taken;
                                         thread worker([&] { taken.execute(); });
                                         static_cast<void>(taken.future.cancel());
                                         taken.future = {};
                                         worker.join();
                                     });

const scenario timed_wait("a wait with a time limit ends with the result or without", {}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    try {
        check(taken.future.result(std::chrono::hours(1)).get() == 2, "the result is the task's");
    } catch (const futures::timeout_error&) {
    }
    worker.join();
    check(taken.future.result().get() == 2, "it is there later");
});

const scenario two_wait("two threads that wait are both woken", {.preemptions = 2, .stale_reads = 1}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    thread other(
        [&, future = taken.future] { check(future.result().get() == 2, "the other sees the result"); });
    try {
        check(taken.future.result(std::chrono::hours(1)).get() == 2, "the result is the task's");
    } catch (const futures::timeout_error&) {
    }
    worker.join();
    other.join();
});

const scenario spinning_wait("who spins for a result sees it too", {.spins = true}, [] {
    taken_task taken;
    thread worker([&] { taken.execute(); });
    check(taken.future.result().get() == 2, "the result is the task's");
    worker.join();
});

const scenario called_back("a callback is called once, with the result", {}, [] {
    taken_task taken;
    model::atomic<int> calls{0};
    thread worker([&] { taken.execute(); });
    taken.future.add_done_callback([&calls, captured = value(1)](const futures::Future<value>& future) {
        check(future.result().get() == 2 && captured.get() == 1, "it sees the result");
        calls.fetch_add(1);
    });
    taken.future = {};
    worker.join();
    check(calls.load() == 1, "it was called once");
});

const scenario called_back_when_cancelled("a callback is called once, by who cancels or completes",
                                          {.preemptions = 2}, [] {
                                              taken_task taken;
                                              model::atomic<int> calls{0};
                                              thread worker([&] { taken.execute(); });
                                              thread canceller([future = taken.future] { future.cancel(); });
                                              taken.future.add_done_callback(
                                                  [&](const futures::Future<value>& future) {
                                                      check(future.done(), "it is done");
                                                      calls.fetch_add(1);
                                                  });
                                              worker.join();
                                              canceller.join();
                                              check(calls.load() == 1, "it was called once");
                                          });

const scenario failing("an exception is seen by who waits, and logged if nobody looks", {}, [] {
    no_pool pool;
    futures::detail::worker worker(pool, "worker");
    const auto fail = []() -> int { throw 5; };
    auto* const item = new futures::detail::task<decltype(fail)>(&pool, fail);
    auto future = futures::detail::future_access::adopt<int>(*item);
    thread runner([&] { static_cast<void>(item->execute(worker)); });
    try {
        future.result();
        check(false, "it throws");
    } catch (int thrown) {
        check(thrown == 5, "it is what the task threw");
    }
    runner.join();
});

const scenario dropped_by_queue("a cancelled task is dropped by its queue only when all is done with it", {},
                                [] {
                                    auto taken = std::make_unique<taken_task>();
                                    thread queue([&, item = taken->item] { item->cancel_waiting(); });
                                    static_cast<void>(taken->future.cancel());
                                    queue.join();
                                    check(taken->future.cancelled(), "it is cancelled");
                                });

// Says in plain memory that it is gone.
class tells_its_end {
public:
    explicit tells_its_end(checked<int>& end) : end_(&end) {}
    tells_its_end(tells_its_end&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    tells_its_end& operator=(tells_its_end&&) = delete;
    ~tells_its_end() {
        if (end_) {
            end_->set(1);
        }
    }
    void operator()() const noexcept {}

private:
    checked<int>* end_;
};

// A task in a queue, which a worker that waits for it runs without taking it out.
template <class Task>
struct queued_task {
    using result = std::invoke_result_t<Task>;

    explicit queued_task(Task task) : item(new futures::detail::task<Task>(&pool, std::move(task))) {}

    no_pool pool;
    futures::detail::worker worker{pool, "worker"};
    futures::detail::task<Task>* const item;
    model::atomic<int> released{0};
    futures::Future<result> future = futures::detail::future_access::adopt<result>(*item);
};

const scenario captures_first("who sees that a task is cancelled sees that what it captured is gone",
                              {.preemptions = 2, .stale_reads = 1}, [] {
                                  checked<int> end(0);
                                  queued_task waiting{tells_its_end(end)};
                                  thread canceller([future = waiting.future] { future.cancel(); });
                                  waiting.future.wait();
                                  check(end.get() == 1, "it was destroyed before");
                                  canceller.join();
                                  waiting.item->release();
                              });

const scenario captures_first_polled("who polls that a task is cancelled sees that what it captured is gone",
                                     {}, [] {
                                         checked<int> end(0);
                                         queued_task waiting{tells_its_end(end)};
                                         thread canceller([future = waiting.future] { future.cancel(); });
                                         if (waiting.future.done()) {
                                             check(end.get() == 1, "it was destroyed before");
                                         }
                                         canceller.join();
                                         waiting.item->release();
                                     });

const scenario second_canceller("who cancels what another is about to cancel sees its captures gone",
                                {.preemptions = 2, .stale_reads = 1}, [] {
                                    checked<int> end(0);
                                    queued_task waiting{tells_its_end(end)};
                                    thread canceller([future = waiting.future] { future.cancel(); });
                                    check(waiting.future.cancel(), "it is cancelled");
                                    check(end.get() == 1, "it was destroyed before");
                                    canceller.join();
                                    waiting.item->release();
                                });

const auto make_value = [] { return value(2); };

const scenario left_in_queue("the last handle destroys the result of a task that a queue still holds", {},
                             [] {
                                 queued_task queued{make_value};
                                 check(queued.item->help(queued.worker, nullptr), "it ran on the spot");
                                 thread queue([&] { queued.item->release(); });
                                 queued.future = {};
                                 queue.join();
                             });

const scenario moved_out_in_queue("the last handle moves the result out that a queue still holds", {}, [] {
    queued_task queued{make_value};
    check(queued.item->help(queued.worker, nullptr), "it ran on the spot");
    thread queue([&] { queued.item->release(); });
    const value result = std::move(queued.future).result();
    check(result.get() == 2, "the result is the task's");
    queue.join();
});

const scenario two_handles_in_queue("two handles and a queue release a task that ran on the spot",
                                    {.preemptions = 2, .stale_reads = 1}, [] {
                                        queued_task queued{make_value};
                                        check(queued.item->help(queued.worker, nullptr),
                                              "it ran on the spot");
                                        thread queue([&] { queued.item->release(); });
                                        thread other([mine = queued.future] {
                                            check(mine.result().get() == 2, "the other sees the result");
                                        });
                                        queued.future = {};
                                        queue.join();
                                        other.join();
                                    });

const scenario helped_without_handle(
    "a worker that helps gives its handle up, while the last one and a queue go", {.preemptions = 2}, [] {
        queued_task queued{make_value};
        weak_handle mine(*queued.item);
        thread dropper([future = std::move(queued.future)]() mutable { future = {}; });
        thread queue([&, item = queued.item] {
            if (!item->still_waits()) {
                item->release();
                queued.released.store(1);
            }
        });
        check(queued.item->help(queued.worker, &mine), "it ran on the spot");
        dropper.join();
        queue.join();
        if (queued.released.load() == 0) {
            queued.item->release();
        }
    });

const scenario cancelled_in_queue("a handle and a queue release a task that was cancelled", {}, [] {
    queued_task queued{make_value};
    check(queued.future.cancel(), "it is cancelled");
    thread queue([&] { queued.item->release(); });
    queued.future = {};
    queue.join();
});

const scenario looked_at("a task runs and its last handle goes, while a worker looks at it",
                         {.preemptions = 2}, [] {
                             taken_task taken;
                             weak_handle looking(*taken.item);
                             thread worker([&] { taken.execute(); });
                             thread looker([mine = std::move(looking)]() mutable { mine.reset(); });
                             taken.future = {};
                             worker.join();
                             looker.join();
                         });

const scenario helped_while_looked_at(
    "a task runs on the spot and its last handle goes, while another worker looks at it",
    {.preemptions = 2, .stale_reads = 1}, [] {
        queued_task queued{make_value};
        weak_handle looking(*queued.item);
        thread looker([mine = std::move(looking)]() mutable { mine.reset(); });
        thread dropper([future = std::move(queued.future)]() mutable { future = {}; });
        check(queued.item->help(queued.worker, nullptr), "it ran on the spot");
        queued.item->release();
        looker.join();
        dropper.join();
    });

const scenario cancelled_while_looked_at(
    "a handle and a queue release a task that was cancelled, while a worker looks at it", {.preemptions = 2},
    [] {
        queued_task queued{make_value};
        weak_handle looking(*queued.item);
        check(queued.future.cancel(), "it is cancelled");
        thread queue([&] { queued.item->release(); });
        thread looker([mine = std::move(looking)]() mutable { mine.reset(); });
        queued.future = {};
        queue.join();
        looker.join();
    });

const scenario looked_at_by_many(
    "the last handle goes, while so many workers look at the result that they count as one",
    {.preemptions = 2}, [] {
        taken_task taken;
        {
            std::array<weak_handle, 8> looking;
            for (weak_handle& each : looking) {
                each = weak_handle(*taken.item);
            }
            thread worker([&] { taken.execute(); });
            thread looker([mine = std::move(looking)]() mutable { mine = {}; });
            taken.future = {};
            worker.join();
            looker.join();
        }
    });

const scenario cancelled_by_pool("the pool cancels a task while its last handle goes", {}, [] {
    queued_task queued{make_value};
    thread pool([&] { queued.item->cancel_waiting(); });
    queued.future = {};
    pool.join();
});

}  // namespace
