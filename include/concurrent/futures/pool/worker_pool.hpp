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

// Queues of work items and the crew that runs them. The executor and each of the pool's threads own it, so it
// outlives an executor that is destroyed on one of them.
//
// Items submitted from outside go to the shared queue. A worker's own submits go to its local queue, if the
// pool's order allows that. A worker pops the oldest item of its local queue, then from the shared queue,
// then the oldest of another worker's local queue. Now and then it uses another order, so that no queue
// starves while those before it never empty.
//
// All queues have these members. Any thread may call them, except that only the worker itself may call `push`
// and `purge` of its local queue. None allocates, so none fails, except the `push` of a `discipline_queue`.
// - `seems_empty()`: a hint.
// - `size()`: a hint too; but after `has_items` it counts all that was pushed before.
// - `push(item, admit)`: calls `admit()` under its lock; if that returns false, `push` returns false and does
//   not add the item. Once the lock is released, the item may be run. A thread that closes a pool looks into
//   its queues afterwards: either `admit` sees that the pool is closed, or the closing thread sees the item.
// - `pop()`: null if the queue is empty or seems empty.
// - `has_items()`: takes the lock that `push` takes. It sees all earlier pushes, and each later push sees
//   what the caller did before; see `crew`.
// - `take_all()`: in an order in which pushing the items again restores the queue.
// - `purge(stale)`, if `purge_is_due(stale)`: takes out the stale items, if that pays; see `purge_schedule`.
template <class Queue>
class worker_pool final : public pool_base {
public:
    worker_pool(std::size_t max_workers, std::string thread_name_prefix, std::function<void()> initializer)
        : initializer_(std::move(initializer)), crew_(*this, max_workers, std::move(thread_name_prefix)) {
        runnable_threads::note_processors();
        // Made now: later it is needed where nothing may fail. And it must outlive an executor with static
        // storage at the end of the process.
        orphaned_threads::instance();
        if (initializer_) {
            breakage_.emplace(
                "a thread initializer failed, the thread pool is not usable any more; the initializer's "
                "exception is nested in this one");
        }
    }

    // A task may own the last reference to its executor. It can run, and destroy this pool, while `push` is
    // still executing on the submitting thread. Waits for such threads.
    ~worker_pool() {
        // Acquire: pairs with the release of `end_visit`.
        for (back_off delay; visitors_.load(std::memory_order_acquire) != 0;) {
            delay.pause();
        }
    }

    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // Queues `item` with a reference on it, or throws and leaves everything as it was. On a pool that
    // `is_inherited`, no other function may be called except `keep` and those that take no lock.
    void push(work_item& item) {
        throw_if_inherited();
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

    // Throws what a `push` would throw now.
    void throw_if_refusing() {
        throw_if_inherited();
        throw_if_closed();
    }

    // Refuses work from now on. Waiting tasks still run, unless `cancel_waiting`. If `request_stop`, running
    // tasks are asked to stop, and so are those that still start.
    void shut_down(bool cancel_waiting, bool request_stop) {
        {
            const std::lock_guard lock(closing_);
            shut_down_ = true;
            closed_.store(true, std::memory_order_relaxed);  // relaxed: the queues' locks order the store
        }
        crew_.end();
        if (cancel_waiting) {
            for_each_waiting([](work_item& item) { item.cancel_waiting(); });
        }
        if (request_stop) {
            stoppables().request_stop();
        }
    }

    // Requires: `shut_down` was called. Waits until every worker has ended. Several threads may call this at
    // once.
    void join() { crew_.join(); }

    // Requires: `shut_down` was called. Replaces `join` on one of the pool's own workers.
    void orphan() noexcept { crew_.orphan(); }

    // Replaces all of these for a pool that `is_inherited`. The pool is never destroyed.
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
        // All queues, even after one has items: `has_items` makes earlier pushes count for `waiting`.
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

    // If a task forks, a copy of the worker returns here in the child and does nothing more.
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
    // Returns the calling thread's worker if it belongs to this pool, else null. Mostly this library knows.
    [[nodiscard]] worker* submitting_worker() const noexcept {
        if (library() != this_library()) {
            return worker_here();
        }
        worker* const self = worker::current();
        return self && &self->pool() == this ? self : nullptr;
    }

    void throw_if_inherited() const {
        if (is_inherited()) {
            throw broken_executor(
                "the threads of this executor are not in this process, which was forked: make another "
                "executor here");
        }
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
            if (closed_.load(std::memory_order_relaxed)) {  // relaxed: the queue's lock orders it
                return false;
            }
            wake = crew_.wake_wanted();
            purge = queue.purge_is_due(stale_items_);
            if (wake || purge) {
                visitors_.fetch_add(1, std::memory_order_relaxed);  // relaxed: the queue's lock orders it
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
        // By now the task may have run and ended the pool. The destructor waits for visitors.
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
        constexpr int pauses = 4;  // between looks, which take a cache line from pushing threads
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

    // Returns the next item for this worker; null if all queues were empty.
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
        // `self` is in this list too.
        for (worker* each = crew_.first_victim(); each && !item; each = each->next_victim_) {
            item = each->local_queue_.pop();
        }
        if (item) {
            crew_.work_found(self);
        }
        return item;
    }

    // Returns the oldest item in the local queue of the next victim, each in turn; null if that is empty.
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
                closed_.store(true, std::memory_order_relaxed);  // relaxed: the queues' locks order the store
            }
        }
        log("a thread initializer failed, and its thread pool is broken", cause);
        if (first) {
            for_each_waiting([&reason](work_item& item) { item.fail_waiting(reason); });
        }
    }

    // Takes all items out of the queues of a closed pool.
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
    std::optional<broken_thread_pool> breakage_;  // made early: later there may be no memory

    sync::atomic<bool> closed_{false};       // shut down or broken
    sync::atomic<std::size_t> visitors_{0};  // threads in `push` that still use this pool
    Queue queue_;
    crew crew_;
    // A single worker has one queue for all, whose order it follows.
    const bool uses_local_queues_ = Queue::allows_local_queues && crew_.max_workers() > 1;

    // Guarded by `closing_`.
    sync::mutex closing_;
    bool shut_down_ = false;
    std::exception_ptr broken_;  // what a submit throws once an initializer has failed
};

}}}  // namespace concurrent::futures::detail
