// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>   // std::clamp
#include <cstddef>     // std::size_t, std::ptrdiff_t
#include <exception>   // std::exception_ptr
#include <functional>  // std::function
#include <mutex>       // std::lock_guard
#include <optional>    // std::optional
#include <string>      // std::string
#include <utility>     // std::move

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/crew.hpp>
#include <concurrent/futures/pool/orphaned_threads.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Queues of work items and the crew that runs them. The executor owns it together with its threads, so that
// it outlives an executor that is destroyed on one of them.
//
// What comes from outside goes to the shared queue; what a worker submits goes to the worker's own, where the
// pool's order leaves that free. A worker runs the oldest of its own items, then those of the shared queue,
// then the oldest of another worker's; but now and then in another order, so that none of them waits for ever
// while there is always something in those before it.
//
// All queues have these members. Each is safe for any thread; of a worker's own queue, `push` and `sweep` are
// for the worker alone. None allocates, so none fails, but for the `push` of a `discipline_queue`.
// - `seems_empty()`: a hint.
// - `size()`: a hint too; but whoever has called `has_items` finds all counted that was pushed before.
// - `push(item, admit)`: calls `admit()` under its lock; if that is false, so is this, and the item is not
//   added. From the unlocking on the item may be run. Who closes a pool looks into its queues afterwards; so
//   either `admit` sees that it is closed, or the closer sees the item.
// - `pop()`: null if it is, or seems, empty.
// - `has_items()`: takes the lock that `push` takes. It sees what was pushed before, and whoever pushes later
//   sees what the caller did before; see `crew`.
// - `take_all()`: in an order in which pushing them again restores the queue.
// - `purge(stale)`, when `purge_is_due(stale)`: takes out the items that no longer wait, if that pays; see
//   `purge_schedule`.
template <class Queue>
class worker_pool final : public pool_base {
public:
    worker_pool(std::size_t max_workers, std::string thread_name_prefix, std::function<void()> initializer)
        : initializer_(std::move(initializer)), crew_(*this, max_workers, std::move(thread_name_prefix)) {
        runnable_threads::note_processors();
        // Now, so that it is there when it is needed, by what must not fail, and at the end of the process is
        // not gone before an executor with a static's life.
        orphaned_threads::instance();
        if (initializer_) {
            breakage_.emplace(
                "a thread initializer failed, the thread pool is not usable any more; the initializer's "
                "exception is nested in this one");
        }
    }

    // Whoever submitted may have given the executor's last owner away with the task, which has run, and ended
    // this pool, before the submitting thread is done with it.
    ~worker_pool() {
        // Acquire: pairs with the release of `end_visit`.
        for (back_off delay; visitors_.load(std::memory_order_acquire) != 0;) {
            delay.pause();
        }
    }

    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // Queues `item` with a reference on it, or throws and leaves everything as it was. Of a pool that
    // `is_inherited` nothing else is to be called, but for `keep` and what needs no lock.
    void push(work_item& item) {
        if (is_inherited()) {
            throw broken_executor(
                "the threads of this executor are not in this process, which was forked: make another "
                "executor here");
        }
        worker* const self = uses_local_queues_ ? submitting_worker() : nullptr;
        if (self) {
            crew_.announce_local_queue(*self);
            push_to(self->local_queue_, item);
        } else {
            if (crew_.empty()) {
                throw_if_closed();
                crew_.start_first();
            }
            push_to(queue_, item);
        }
    }

    // Refuses work from now on; what waits still runs, unless `cancel_waiting`. If `request_stop`, what runs
    // is asked to stop, and so is what still starts.
    void shut_down(bool cancel_waiting, bool request_stop) {
        {
            const std::lock_guard lock(closing_);
            shut_down_ = true;
            closed_.store(true, std::memory_order_relaxed);  // the queues' locks order it
        }
        crew_.end();
        if (cancel_waiting) {
            for_each_waiting([](work_item& item) { item.cancel_waiting(); });
        }
        if (request_stop) {
            stoppables().request_stop();
        }
    }

    // After `shut_down`: waits until every worker has ended. Several threads may wait at once.
    void join() { crew_.join(); }

    // After `shut_down`, instead of `join` on one of the pool's own workers.
    void orphan() noexcept { crew_.orphan(); }

    // Of one that `is_inherited`, instead of all these: it is never destroyed.
    void keep() noexcept { crew_.keep(); }

    [[nodiscard]] std::size_t max_workers() const noexcept { return crew_.max_workers(); }

    [[nodiscard]] std::size_t worker_count() const { return is_inherited() ? 0 : crew_.worker_count(); }

    [[nodiscard]] std::size_t waiting() const noexcept override {
        std::size_t queued = queue_.size();
        for_each_local_queue([&](const local_queue& each) { queued += each.size(); });
        const std::ptrdiff_t stale = stale_items_.load(std::memory_order_relaxed);  // see `note_stale_item`
        const auto all = static_cast<std::ptrdiff_t>(queued);
        return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(all - stale, 0, all));
    }

    [[nodiscard]] bool something_waits() noexcept override {
        bool found = queue_.has_items();
        // All, even when something was found: what was pushed into the others is then sure to be counted.
        for_each_local_queue([&](local_queue& each) { found = each.has_items() || found; });
        return found;
    }

    [[nodiscard]] bool shared_queue_seems_empty() const noexcept override { return queue_.seems_empty(); }

    void wake_one() noexcept override { crew_.wake_one(); }

    void worker_stays_busy(worker& self) noexcept override { crew_.stays_busy(self); }

    void worker_has_claimed(worker& self) noexcept override { crew_.has_claimed(self); }

    [[nodiscard]] bool watch_idle(worker& self, idle_watch& watch) noexcept override {
        return crew_.watch_idle(self, watch);
    }

    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept override { return crew_.unwatch_idle(watch); }

    // In the child of a fork that one of its tasks has made, a copy of the worker comes back here, and does
    // nothing more.
    void work(worker& self) noexcept override {
        begin_thread(self);
        show_thread_name(self.name());
        crew_.begin();
        if (initialize(self)) {
            run_items(self);
        }
        end_work();
    }

private:
    // The calling thread's, if it is one of this pool's. Mostly this library can tell.
    [[nodiscard]] worker* submitting_worker() const noexcept {
        if (library() != this_library()) {
            return worker_here();
        }
        worker* const self = worker::current();
        return self && &self->pool() == this ? self : nullptr;
    }

    void throw_if_closed() {
        const std::lock_guard lock(closing_);
        if (broken_) {
            std::rethrow_exception(broken_);
        }
        if (shut_down_) {
            throw executor_shutdown("cannot schedule new futures after shutdown");
        }
    }

    template <class AQueue>
    void push_to(AQueue& queue, work_item& item) {
        bool wake = false;
        bool purge = false;
        const auto admit = [&]() noexcept {
            if (closed_.load(std::memory_order_relaxed)) {  // the queue's lock orders it
                return false;
            }
            wake = crew_.wake_wanted();
            purge = queue.purge_is_due(stale_items_);
            if (wake || purge) {
                visitors_.fetch_add(1, std::memory_order_relaxed);  // the queue's lock orders it
            }
            return true;
        };
        try {
            if (!queue.push(item, admit)) {
                throw_if_closed();
            }
        } catch (...) {
            if (wake || purge) {  // a user's discipline has thrown
                end_visit();
            }
            throw;
        }
        // The pool may have ended by now, but for its visitors.
        if (wake) {
            crew_.wake_one();
        }
        if (purge) {
            work_list stale = queue.purge(stale_items_);
            while (work_item* const each = stale.take_first()) {
                each->release();
            }
        }
        if (wake || purge) {
            end_visit();
        }
    }

    // Release: pairs with the acquire of the destructor.
    void end_visit() noexcept { visitors_.fetch_sub(1, std::memory_order_release); }

    bool initialize(worker& self) noexcept {
        if (!initializer_) {
            return true;
        }
        crew_.begins_to_initialize();
        try {
            initializer_();
            if (is_inherited()) {
                return false;
            }
            crew_.has_initialized();
            return true;
        } catch (...) {
            if (!is_inherited()) {
                break_because_of_current_exception();
                crew_.leave(self);
            }
            return false;
        }
    }

    void run_items(worker& self) noexcept {
        constexpr int pauses = 4;  // rarer looks leave the queue to those who push
        for (;;) {
            while (work_item* const item = next_item(self)) {
                if (!item->execute(self)) {
                    note_stale_item_gone();
                }
                if (is_inherited()) {
                    return;
                }
            }
            const bool again =
                crew_.may_spin(self) && spin_until(pauses, [this] { return seems_to_have_items(); });
            if (!again && !crew_.park(self)) {
                return;
            }
        }
    }

    // The next item for this worker; null if all queues were empty.
    work_item* next_item(worker& self) noexcept {
        constexpr unsigned now_and_then = 32;
        const unsigned turn = self.turns_ = (self.turns_ + 1) % now_and_then;
        const bool shared_first = turn == 0;
        const bool another_first = turn == now_and_then / 2;
        work_item* item = another_first ? pop_from_next_victim(self) : nullptr;
        if (!item && !shared_first) {
            item = self.local_queue_.pop();
        }
        if (!item) {
            item = queue_.pop();
        }
        // This worker's own is among them.
        for (worker* each = crew_.first_victim(); each && !item; each = each->next_victim_) {
            item = each->local_queue_.pop();
        }
        if (item) {
            crew_.work_found(self);
        }
        return item;
    }

    // The oldest of a worker's own items, of each worker's in turn; null if that one has none.
    work_item* pop_from_next_victim(worker& self) noexcept {
        worker* const next = self.last_victim_ ? self.last_victim_->next_victim_ : nullptr;
        self.last_victim_ = next ? next : crew_.first_victim();
        return self.last_victim_ ? self.last_victim_->local_queue_.pop() : nullptr;
    }

    // A hint.
    [[nodiscard]] bool seems_to_have_items() const noexcept {
        bool seems = !queue_.seems_empty();
        for_each_local_queue([&](const local_queue& each) { seems = seems || !each.seems_empty(); });
        return seems;
    }

    void break_because_of_current_exception() noexcept {
        const std::exception_ptr cause = std::current_exception();
        std::exception_ptr reason;
        try {
            // NOLINTNEXTLINE(bugprone-unchecked-optional-access): an initializer comes with one
            std::throw_with_nested(*breakage_);
        } catch (...) {
            reason = std::current_exception();
        }
        bool first = false;
        {
            const std::lock_guard lock(closing_);
            first = !broken_;
            if (first) {
                broken_ = reason;
                closed_.store(true, std::memory_order_relaxed);  // the queues' locks order it
            }
        }
        log("a thread initializer failed, and its thread pool is broken", cause);
        if (first) {
            for_each_waiting([&reason](work_item& item) { item.fail_waiting(reason); });
        }
    }

    // Takes everything out of the queues of a pool that is closed.
    template <class Treat>
    void for_each_waiting(Treat treat) noexcept {
        const auto treat_all = [&](work_list items) {
            while (work_item* const item = items.take_first()) {
                treat(*item);
                note_stale_item_gone();
            }
        };
        treat_all(queue_.take_all());
        for_each_local_queue([&](local_queue& each) { treat_all(each.take_all()); });
    }

    template <class Visit>
    void for_each_local_queue(Visit visit) const {
        for (worker* each = crew_.first_victim(); each; each = each->next_victim_) {
            visit(each->local_queue_);
        }
    }

    const std::function<void()> initializer_;
    std::optional<broken_thread_pool> breakage_;  // made early: an initializer may have found no memory left

    sync::atomic<bool> closed_{false};       // shut down or broken
    sync::atomic<std::size_t> visitors_{0};  // threads that have pushed and are not done with this pool
    Queue queue_;
    crew crew_;
    // A single worker has one queue for all, in whose order it runs them.
    const bool uses_local_queues_ = Queue::allows_local_queues && crew_.max_workers() > 1;

    // Guarded by the mutex.
    sync::mutex closing_;
    bool shut_down_ = false;
    std::exception_ptr broken_;  // what submits throw once an initializer failed
};

}}}  // namespace concurrent::futures::detail
