// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>     // std::size_t, std::ptrdiff_t
#include <exception>   // std::exception_ptr
#include <functional>  // std::function
#include <memory>      // std::unique_ptr
#include <mutex>       // std::lock_guard
#include <string>      // std::string
#include <utility>     // std::move

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/live_pools.hpp>
#include <concurrent/futures/pool/orphaned_threads.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/sleep.hpp>
#include <concurrent/futures/pool/threads.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Queues of work items and the threads that run them. The executor and each of the pool's threads own it, so
// it outlives an executor that is destroyed on one of them.
//
// Items submitted from outside go to the shared queue. A worker's own submits go to its local queue, if the
// pool's order allows that. A worker pops the oldest item of its local queue, then from the shared queue,
// then the oldest of another worker's local queue. Now and then it uses another order, so that no queue
// starves while those before it never empty. A single worker starts all items in the order of their
// submission.
//
// All queues have these members. Any thread may call them, except that only the worker itself may call `push`
// and `purge` of its local queue. None allocates, so none fails, except the `push` of a `discipline_queue`.
// - `seems_empty()`: a hint.
// - `size()`: by sequentially consistent loads, and with the items that are just being pushed; see `sleep`.
// - `settled_size()`: the same, and no item counts twice.
// - `push(item, admit)`: counts the item in `size()`, and then calls `admit()` under its lock. If that
// returns
//   false, `push` returns false and does not add the item. Once the lock is released, the item may be run. A
//   thread that closes a pool looks into its queues afterwards: either `admit` sees that the pool is closed,
//   or the closing thread sees the item.
// - `pop()`: null if the queue is empty or seems empty.
// - `take_all()`: in an order in which pushing the items again restores the queue.
// - `purge(stale)`, if `purge_is_due(stale)`: takes out the stale items, if that pays; see `purge_schedule`.
template <class Queue>
class worker_pool final : public pool_base {
public:
    [[gnu::noinline]] worker_pool(std::size_t max_workers, std::string&& thread_name_prefix,
                                  std::function<void()>&& initializer);

    // A task may own the last reference to its executor. It can run, and destroy this pool, while `push` is
    // still executing on the submitting thread. Waits for such threads.
    [[gnu::noinline]] ~worker_pool() override;

    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // Queues `item` with a reference on it, or throws and leaves everything as it was. On a pool that
    // `is_inherited`, no other function may be called except `keep` and those that take no lock.
    void push(work_item& item) override {
        throw_if_inherited();
        worker* const self = uses_local_queues() ? submitting_worker() : nullptr;
        if (self && may_keep_local(*self)) {
            push_to(victims_.queue_of(*self), item);
        } else {
            start_first_if_none();
            push_to(queue_, item);
        }
    }

    void push_coroutine(work_item& item) override;

    // Where the calling thread queues branches, and its worker if it is one of this pool.
    struct branch_place {
        local_queue& queue;
        worker* self;
    };

    // Where workers have no local queues, branches share one with those of other threads: they are neither
    // cancelled nor ordered by anything but the program that waits for them.
    [[nodiscard]] branch_place place_for_branches() noexcept {
        worker* const self = submitting_worker();
        return {self && uses_local_queues() ? victims_.queue_of(*self) : victims_.queue_of_others(), self};
    }

    // Queues a branch, or throws and leaves everything as it was. Requires: `place` is what
    // `place_for_branches` has returned to this thread.
    void push_branch(const branch_place& place, work_item& item) {
        throw_if_inherited();
        if (!place.self) {
            start_first_if_none();
        }
        push_to(place.queue, item);
    }

    // Throws what a `push` would throw now.
    void throw_if_refusing() {
        throw_if_inherited();
        throw_if_closed();
    }

    // Refuses work from now on. Waiting tasks still run, unless `cancel_waiting`. If `request_stop`, running
    // tasks are asked to stop, and so are those that still start.
    [[gnu::noinline]] void shut_down(bool cancel_waiting, bool request_stop);

    // Requires: `shut_down` was called. Waits until every worker has ended. Several threads may call this at
    // once.
    void join() { threads_.join(); }

    [[nodiscard]] bool watch_end(end_watch& watch) noexcept override { return threads_.watch_end(watch); }

    // Requires: `shut_down` was called. Replaces `join` if the pool `may_wait_for_this_thread`.
    void orphan() noexcept { threads_.orphan(); }

    // Replaces all of these for a pool that `is_inherited`. The pool is never destroyed.
    void keep() noexcept { threads_.keep(); }

    [[nodiscard]] std::size_t max_workers() const noexcept { return threads_.max_workers(); }

    [[nodiscard]] std::size_t worker_count() const noexcept { return is_inherited() ? 0 : threads_.count(); }

    [[nodiscard]] std::size_t waiting() const noexcept override { return waiting_beside(queue_.size()); }

    // Does the same for users. `waiting` reads several counts, one after the other, and is too high if an
    // item moves or leaves its queue meanwhile, even while nothing waits. So this reads them again until no
    // stale item has left; but not for ever.
    [[nodiscard]] std::size_t pending_count() const noexcept;

    void order_pushes() noexcept override;

    [[nodiscard]] bool has_items() const noexcept override;

    [[nodiscard]] bool expects_items() const noexcept override { return coroutines_.load() != 0; }

    [[nodiscard]] bool shared_queue_seems_empty() const noexcept override { return queue_.seems_empty(); }

    // The whole life of a worker. If a task forks, a copy of the worker returns to this loop in the child,
    // and does nothing more.
    void work(worker& self) noexcept override;

    [[nodiscard]] bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept override {
        return threads_.start_spare(blocked, std::move(left));
    }

    [[gnu::cold, gnu::noinline]] void run_errand(worker& self, errand& left) noexcept override;

    void throw_if_inherited() const {
        if (is_inherited()) {
            throw_error<broken_executor>(
                "the threads of this executor are not in this process, which was forked: make another "
                "executor here");
        }
    }

private:
    // Returns the number of items that wait. `shared` is the size of the shared queue.
    [[nodiscard]] std::size_t waiting_beside(std::size_t shared) const noexcept;

    void start_thread() noexcept override { threads_.start_another(); }

    void start_first_if_none() {
        if (threads_.none()) {
            throw_if_closed();
            threads_.start_first();
        }
    }

    // A single worker starts all tasks in the order of their submission, and pops first from its local queue.
    // So all items there must be older than those in the shared queue, and a spare keeps none. `size()`
    // misses no item that was submitted before, even while another thread purges the queue.
    [[nodiscard]] bool may_keep_local(const worker& self) const noexcept {
        return max_workers() != 1 || (queue_.size() == 0 && !self.is_spare());
    }

    // Returns the next item for this worker; null if all queues seemed empty.
    [[nodiscard]] work_item* next_item(worker& self) noexcept {
        constexpr unsigned now_and_then = 32;
        const unsigned turn = victims::next_turn(self, now_and_then);
        const bool shared_first = turn == 0 && max_workers() != 1;  // see `may_keep_local`
        const bool another_first = turn == now_and_then / 2;
        work_item* item = another_first ? victims_.steal_in_turn(self) : nullptr;
        if (!item && !shared_first) {
            item = victims_.pop_own(self);
        }
        if (!item) {
            item = queue_.pop();
        }
        return item ? item : victims_.steal(self);
    }

    // See `sleep::park`.
    [[nodiscard]] bool park(worker& self) noexcept {
        self.give_up_bias();
        self.give_permit_back();
        if (!sleep_.park(self)) {
            return false;
        }
        self.take_permit_back();
        return true;
    }

    // Looks for an item for a while without sleeping. Returns whether there seems to be one.
    [[nodiscard]] bool spin(worker& self) noexcept {
        constexpr int pauses = 4;  // between looks, which take a cache line from pushing threads
        const spin_target target = sleep_.may_spin(self);
        return target != spin_target::nothing && spin_until(pauses, [&] { return seems_to_have(target); });
    }

    // A hint.
    [[nodiscard]] bool seems_to_have(spin_target target) const noexcept {
        bool seems = !queue_.seems_empty();
        if (target == spin_target::any_item) {
            victims_.for_each([&](const local_queue& each) { seems = seems || !each.seems_empty(); });
        }
        return seems;
    }

    // Returns the calling thread's worker if it belongs to this pool, else null. Mostly this library knows.
    [[nodiscard]] worker* submitting_worker() const noexcept {
        if (library() != this_library()) {
            return worker_here();
        }
        worker* const self = worker::of_this_library();
        return self && &self->pool() == this ? self : nullptr;
    }

    void throw_if_broken() {
        if (initializer_) {
            if (const std::exception_ptr reason = breakage()) {
                std::rethrow_exception(reason);
            }
        }
    }

    // Returns what a submit throws because an initializer has failed, or null.
    [[nodiscard, gnu::noinline]] std::exception_ptr breakage();

    // An item that was pushed while the pool broke may have come too late to be taken out.
    [[gnu::cold, gnu::noinline]] void fail_waiting_if_broken() noexcept;

    [[gnu::noinline]] void throw_if_closed();

    // What a push calls under the lock of its queue. No lambda, as no compiler but one takes attributes
    // there.
    template <class AQueue>
    struct admission {
        // Returns false if the pool is closed. Else says whether to wake a worker, and to purge the queue.
        [[gnu::always_inline]] bool operator()() const noexcept {
            const worker_counts counts = pool.sleep_.counts();
            if (counts.closed() && !(is_expected && pool.expects_items())) {
                return false;
            }
            wake = counts.push_must_wake();
            purge = queue.purge_is_due(pool.stale_items_);
            if (wake || purge) {
                // Relaxed: the queue's lock orders it.
                pool.visitors_.fetch_add(1, std::memory_order_relaxed);
            }
            return true;
        }

        worker_pool& pool;
        AQueue& queue;
        const bool is_expected;
        bool& wake;
        bool& purge;
    };

    // `is_expected` says that a closed pool admits the item, as long as it `expects_items`.
    template <class AQueue>
    void push_to(AQueue& queue, work_item& item, bool is_expected = false) {
        bool wake = false;
        bool purge = false;
        const admission<AQueue> admit{*this, queue, is_expected, wake, purge};
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
        if (wake || purge) {
            visit(queue, wake, purge);
        }
    }

    // What remains to be done after a push. By now the task may have run and ended the pool. The destructor
    // waits for visitors.
    template <class AQueue>
    [[gnu::noinline]] void visit(AQueue& queue, bool wake, bool purge) noexcept;

    [[gnu::noinline]] static void release_all(work_list stale) noexcept;

    // Release: pairs with the acquire of the destructor.
    void end_visit() noexcept { visitors_.fetch_sub(1, std::memory_order_release); }

    [[gnu::noinline]] bool initialize(worker& self) noexcept;

    [[gnu::cold, gnu::noinline]] void break_because_of_current_exception() noexcept;

    // Takes all items out of the queues of a closed pool. Has them fail with `*reason`, or cancels them if
    // that is null.
    [[gnu::cold, gnu::noinline]] void end_waiting(const std::exception_ptr* reason) noexcept;
    [[gnu::cold, gnu::noinline]] void end_all(work_list items, const std::exception_ptr* reason) noexcept;

    const std::function<void()> initializer_;
    broken_thread_pool* breakage_ = nullptr;  // made early: later there may be no memory

    sync::atomic<std::size_t> visitors_{0};  // threads in `push` that still use this pool
    Queue queue_;
    victims victims_;
    threads threads_;

    // Guarded by `closing_`.
    sync::mutex closing_;
    bool shut_down_ = false;
    std::exception_ptr broken_;  // what a submit throws once an initializer has failed
};

template <class Queue>
worker_pool<Queue>::worker_pool(std::size_t max_workers, std::string&& thread_name_prefix,
                                std::function<void()>&& initializer)
    : pool_base(max_workers, Queue::allows_local_queues),
      initializer_(std::move(initializer)),
      threads_(*this, sleep_, max_workers, std::move(thread_name_prefix)) {
    runnable_threads::note_processors();
    // Made now, so that it outlives an executor with static storage at the end of the process.
    orphaned_threads::instance();
    if (initializer_) {
        breakage_ = new broken_thread_pool(
            "a thread initializer failed, the thread pool is not usable any more; the initializer's "
            "exception is nested in this one");
    }
    live_pools::instance().add(*this);
}

template <class Queue>
worker_pool<Queue>::~worker_pool() {
    live_pools::instance().remove(*this);
    // Acquire: pairs with the release of `end_visit`.
    for (back_off delay; visitors_.load(std::memory_order_acquire) != 0;) {
        delay.pause();
    }
    delete breakage_;
}

template <class Queue>
void worker_pool<Queue>::push_coroutine(work_item& item) {
    throw_if_inherited();
    throw_if_broken();
    worker* const self = uses_local_queues() ? submitting_worker() : nullptr;
    if (self && may_keep_local(*self)) {
        push_to(victims_.queue_of(*self), item, true);
    } else {
        push_to(queue_, item, true);
    }
    if (sleep_.counts().closed()) {
        fail_waiting_if_broken();
    }
}

template <class Queue>
void worker_pool<Queue>::shut_down(bool cancel_waiting, bool request_stop) {
    {
        const std::lock_guard lock(closing_);
        shut_down_ = true;
    }
    sleep_.close();
    threads_.end_spares();
    if (cancel_waiting) {
        end_waiting(nullptr);
    }
    if (request_stop) {
        stoppables().request_stop();
    }
}

template <class Queue>
std::size_t worker_pool<Queue>::pending_count() const noexcept {
    constexpr int most_attempts = 100;
    for (int attempt = 1;; ++attempt) {
        const std::ptrdiff_t stale = stale_items_.load();
        const std::size_t count = waiting_beside(is_inherited() ? queue_.size() : queue_.settled_size());
        if (stale_items_.load() == stale || attempt == most_attempts) {
            return count;
        }
    }
}

template <class Queue>
void worker_pool<Queue>::order_pushes() noexcept {
    victims_.order_pushes_of_others(worker_here());
}

template <class Queue>
bool worker_pool<Queue>::has_items() const noexcept {
    bool found = queue_.size() != 0;
    victims_.for_each([&](const local_queue& each) { found = found || each.size() != 0; });
    return found;
}

template <class Queue>
void worker_pool<Queue>::work(worker& self) noexcept {
    begin_thread(self);
    show_thread_name(self.name());
    if (sleep_.begin(self, initializer_ != nullptr)) {
        start_thread();
    }
    if (initialize(self)) {
        do {
            while (work_item* const item = next_item(self)) {
                if (!item->execute(self)) {
                    note_stale_item_gone();
                }
                if (is_inherited()) {
                    end_thread();
                    return;
                }
                if (self.shares_permit()) {
                    self.let_spares_run();
                }
            }
        } while (spin(self) || park(self));
    }
    end_thread();
}

template <class Queue>
void worker_pool<Queue>::run_errand(worker& self, errand& left) noexcept {
    self.begin_errand(left);
    if (self.is_initialized() || initialize(self)) {
        left.run(self);
    }
    if (!is_inherited()) {
        self.end_errand();
        note_spare_ended();
        runnable_threads::remove(1);
    }
}

template <class Queue>
std::size_t worker_pool<Queue>::waiting_beside(std::size_t shared) const noexcept {
    std::size_t queued = shared;
    victims_.for_each([&](const local_queue& each) { queued += each.size(); });
    const std::ptrdiff_t stale = stale_items_.load();  // after the sizes, see `note_stale_item_gone`
    const auto all = static_cast<std::ptrdiff_t>(queued);
    return static_cast<std::size_t>(stale >= all ? 0 : stale <= 0 ? all : all - stale);
}

template <class Queue>
std::exception_ptr worker_pool<Queue>::breakage() {
    const std::lock_guard lock(closing_);
    return broken_;
}

template <class Queue>
void worker_pool<Queue>::fail_waiting_if_broken() noexcept {
    if (const std::exception_ptr reason = breakage()) {
        end_waiting(&reason);
    }
}

template <class Queue>
void worker_pool<Queue>::throw_if_closed() {
    const std::lock_guard lock(closing_);
    if (broken_) {
        std::rethrow_exception(broken_);
    }
    if (shut_down_) {
        throw_error<executor_shutdown>("cannot schedule new futures after shutdown");
    }
}

template <class Queue>
template <class AQueue>
void worker_pool<Queue>::visit(AQueue& queue, bool wake, bool purge) noexcept {
    if (wake) {
        wake_one();
    }
    if (purge) {
        release_all(queue.purge(stale_items_));
    }
    end_visit();
}

template <class Queue>
void worker_pool<Queue>::release_all(work_list stale) noexcept {
    while (work_item* const each = stale.take_first()) {
        each->release();
    }
}

template <class Queue>
bool worker_pool<Queue>::initialize(worker& self) noexcept {
    if (!initializer_) {
        return true;
    }
    try {
        initializer_();
        if (is_inherited()) {
            return false;
        }
        if (self.is_spare()) {
            self.note_initialized();
        } else {
            sleep_.has_initialized(self);
        }
        return true;
    } catch (...) {
        if (!is_inherited()) {
            break_because_of_current_exception();
            if (!self.is_spare()) {
                sleep_.initializer_has_failed(self);
            }
        }
        return false;
    }
}

template <class Queue>
void worker_pool<Queue>::break_because_of_current_exception() noexcept {
    const std::exception_ptr cause = std::current_exception();
    std::exception_ptr reason;
    try {
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
        }
    }
    sleep_.close();
    log("a thread initializer failed, and its thread pool is broken", cause);
    if (first) {
        end_waiting(&reason);
    }
}

template <class Queue>
void worker_pool<Queue>::end_waiting(const std::exception_ptr* reason) noexcept {
    end_all(queue_.take_all(), reason);
    victims_.for_each([&](local_queue& each) { end_all(each.take_all(), reason); });
}

template <class Queue>
void worker_pool<Queue>::end_all(work_list items, const std::exception_ptr* reason) noexcept {
    while (work_item* const item = items.take_first()) {
        if (reason) {
            item->fail_waiting(*reason);
        } else {
            item->cancel_waiting();
        }
        note_stale_item_gone();
    }
}

}}}  // namespace concurrent::futures::detail
