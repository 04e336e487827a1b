// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>  // std::count_if, std::any_of
#include <cstddef>    // std::size_t
#include <exception>  // std::exception_ptr
#include <list>       // std::list
#include <memory>     // std::unique_ptr
#include <mutex>      // std::lock_guard
#include <string>     // std::string
#include <utility>    // std::move, std::exchange
#include <vector>     // std::vector

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/orphaned_threads.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The workers of one pool: which of them run tasks, which sleep, and which one is woken when there is work.
//
// A worker is
// - busy: it runs a task;
// - nearly idle: it has only to publish its task's result before it searches, see `worker::set_nearly_idle`;
// - searching: it will look into all queues after this moment. It was started or woken and has found nothing
//   yet, or it ran out of work and spins a little before it parks. At most one worker spins;
// - parked: it sleeps until it is woken.
// A thread runs the user's initializer first, which may take long. Meanwhile its worker counts as searching
// when the crew decides whether to start another thread, but does not keep a parked worker from being woken.
//
// Invariant whenever `lock_` is released. W items wait; A workers are nearly idle; C are searching, I of them
// still initializing; P are parked. If W > 0, then
// (1) C > I; or
// (2) A ≥ W; or
// (3) P = 0, and no thread can be started or C + A ≥ W.
//
// A push can break the invariant: it raises W. So can a worker that stops searching or being nearly idle, or
// that begins to initialize. Each of them restores it by `choose_one`, which wakes one worker or starts one
// thread:
// - a push calls `wake_one`;
// - a worker changes its state by `wake_next_after`; or `park` looks into the queues and searches on.
// So workers wake each other in a chain that ends when no items wait, and a burst of short tasks does not
// wake them all.
//
// Threads are started one at a time, while W > C + A + P: the pushing thread starts the first, and each new
// thread begins by starting the next. So a burst of short tasks starts no more threads than it lasts long
// enough for. Until a new thread has begun, C > I, and no push needs to wake a worker.
//
// A push takes its queue's lock. It takes the crew's lock only if it finds `wake_wanted` true under the
// queue's lock (or if it is a pool's or a worker's first push). No wake-up is lost: a thread sets
// `wake_wanted` under the crew's lock and then calls `has_items` on each queue, which takes the queue's lock.
// Either `has_items` sees the push, or the push comes later and sees `wake_wanted`.
//
// Some workers wait for tasks and leave these to idle workers (`idle_watch`). The thread that makes the last
// idle worker busy notifies them after it has released the lock.
//
// A worker ends when the pool is shut down and all queues are empty. The invariant holds until then.
class crew {
public:
    crew(pool_base& pool, std::size_t max_workers, std::string thread_name_prefix)
        : pool_(pool), max_workers_(max_workers), thread_name_prefix_(std::move(thread_name_prefix)) {}

    // A push reads this under its queue's lock and, if it is true, calls `wake_one` afterwards. Relaxed: that
    // lock orders the load, see the class.
    [[nodiscard]] bool wake_wanted() const noexcept { return wake_wanted_.load(std::memory_order_relaxed); }

    // True until the first worker is started, and perhaps for a moment longer. Relaxed: a hint; `start_first`
    // checks under the lock.
    [[nodiscard]] bool empty() const noexcept { return empty_.load(std::memory_order_relaxed); }

    // Starts the first worker, if there is none. Throws if the thread cannot be started.
    void start_first() {
        const std::lock_guard lock(lock_);
        if (workers_.empty() && may_start()) {
            start_worker();
        }
    }

    // Restores the invariant after a push.
    void wake_one() noexcept {
        to_wake chosen;
        {
            const std::lock_guard lock(lock_);
            chosen = choose_one();
            note_nobody_idle(chosen);
        }
        wake(chosen);
    }

    // A victim is a worker whose local queue was ever pushed to. Returns the first of a list linked by
    // `next_victim_`. Acquire: pairs with the release of `announce_local_queue`.
    [[nodiscard]] worker* first_victim() const noexcept {
        return first_victim_.load(std::memory_order_acquire);
    }

    // See `pool_base::watch_idle`.
    [[nodiscard]] bool watch_idle(const worker& self, idle_watch& watch) noexcept {
        const std::lock_guard lock(lock_);
        // A worker that runs its initializer counts as searching, so others rely on it. It must not rely on
        // them in turn.
        if (self.is_searching_) {
            return false;
        }
        watches_.add(watch);
        watched_.store(true);  // before `anybody_idle`; pairs with `has_claimed`
        if (!anybody_idle()) {
            static_cast<void>(watches_.remove(watch));
            watched_.store(!watches_.empty());
            return false;
        }
        return true;
    }

    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept {
        const std::lock_guard lock(lock_);
        const bool removed = watches_.remove(watch);
        watched_.store(!watches_.empty());
        return removed;
    }

    // Each worker calls the following functions on its own thread.

    // The first step of a new thread: starts or wakes the next, if more items wait than workers search.
    void begin() noexcept {
        wake_next_after([this] {
            starting_ = false;
            note_wake_wanted();
        });
    }

    // Adds `self` to the list of victims before the first push to its local queue. The lock makes
    // `wake_wanted` reliable: a thread that has set it either finds the new victim, or the push that follows
    // sees it.
    void announce_local_queue(worker& self) noexcept {
        if (!self.is_victim_) {
            self.is_victim_ = true;
            const std::lock_guard lock(lock_);
            // Relaxed: written only under the lock. Release: pairs with the acquire of `first_victim`.
            self.next_victim_ = first_victim_.load(std::memory_order_relaxed);
            first_victim_.store(&self, std::memory_order_release);
        }
    }

    // `self` has taken an item out of a queue.
    void work_found(worker& self) noexcept {
        if (self.is_searching_ || self.is(worker::activity::nearly_idle)) {
            wake_next_after([&] {
                stop_searching(self);
                // Relaxed: each thread that relies on the value reads it under the lock.
                self.activity_.store(worker::activity::claiming, std::memory_order_relaxed);
            });
        }
    }

    // `self` has claimed the task that it took out. Until then the worker counts as idle: once nobody is
    // idle, a watcher runs its tasks itself, and must not find this one still waiting.
    void has_claimed(worker& self) noexcept {
        // Sequentially consistent, like the store of `watched_` and the load of `activity_` in `watch_idle`:
        // either this thread sees that somebody watches, or the watcher sees that this worker is busy.
        self.activity_.store(worker::activity::any);
        if (watched_.load()) {
            to_wake watching;
            {
                const std::lock_guard lock(lock_);
                note_nobody_idle(watching);
            }
            wake(watching);
        }
    }

    // `self` was nearly idle, but has to run user code first.
    void stays_busy(worker& self) noexcept {
        wake_next_after([&] { stop_searching(self); });
    }

    // Returns whether `self` may spin before it parks: no other worker searches, and no other thread needs
    // its processor. If so, `self` searches from now on.
    [[nodiscard]] bool may_spin(worker& self) noexcept {
        const std::lock_guard lock(lock_);
        const bool may = !self.is_searching_ && searching_ == 0 && !ending_ && runnable_threads::fit();
        if (may) {
            start_searching(self);
        }
        return may;
    }

    // Sleeps until woken, or returns at once if an item waits. Either way `self` is searching afterwards.
    // Returns false if the worker is to end.
    [[nodiscard]] bool park(worker& self) noexcept {
        to_wake watching;
        bool ends = false;
        {
            const std::lock_guard lock(lock_);
            stop_searching(self);
            if (!ending_) {
                self.next_parked_ = std::exchange(parked_, &self);
                ++parked_count_;
                note_wake_wanted();
            }
            if (pool_.something_waits()) {
                if (!ending_) {
                    static_cast<void>(take_parked());
                }
                start_searching(self);
                return true;
            }
            runnable_threads::remove(1);
            ends = ending_;
            note_nobody_idle(watching);
        }
        wake(watching);
        if (!ends) {
            self.parking_spot_.park();
            self.is_searching_ = true;  // `choose_one` or `end` has counted it
        }
        return !ends;
    }

    // `self`'s thread is about to run the initializer. A push may have relied on this worker, so another is
    // woken for what waits.
    void begins_to_initialize() noexcept {
        wake_next_after([this] {
            ++initializing_;
            note_wake_wanted();
        });
    }

    void has_initialized() noexcept {
        const std::lock_guard lock(lock_);
        --initializing_;
        note_wake_wanted();
    }

    // The initializer has failed, so `self` ends without a search.
    void leave(worker& self) noexcept {
        wake_next_after([&] {
            --initializing_;
            stop_searching(self);
            runnable_threads::remove(1);
        });
    }

    // A shutdown calls the following functions. The queues take no more items by then.

    void end() noexcept {
        worker* parked = nullptr;
        {
            const std::lock_guard lock(lock_);
            ending_ = true;
            runnable_threads::add(parked_count_);
            searching_ += std::exchange(parked_count_, 0);
            parked = std::exchange(parked_, nullptr);
            note_wake_wanted();
        }
        while (parked) {
            std::exchange(parked, parked->next_parked_)->parking_spot_.unpark();
        }
    }

    // Requires: `end` was called. Waits until every worker has ended. Several threads may call this at once.
    void join() {
        const std::lock_guard joining(joining_);
        // Workers that still run may start others.
        for (;;) {
            std::list<started_thread> threads;
            {
                const std::lock_guard lock(lock_);
                threads.swap(threads_);
                if (threads.empty()) {
                    start_no_more();
                    return;
                }
            }
            for (started_thread& each : threads) {
                each.thread.join();
            }
        }
    }

    // Requires: `end` was called. Replaces `join` on one of the pool's own workers.
    void orphan() noexcept {
        to_wake watching;
        std::list<started_thread> orphans;
        {
            const std::lock_guard lock(lock_);
            start_no_more();  // nobody would join its thread
            note_nobody_idle(watching);
            orphans.swap(threads_);
        }
        wake(watching);
        orphaned_threads::instance().adopt(orphans);
    }

    // Replaces all of these in the child of a fork.
    void keep() noexcept { orphaned_threads::instance().keep(pool_.shared_from_this()); }

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    [[nodiscard]] std::size_t worker_count() const {
        const std::lock_guard lock(lock_);
        return workers_.size();
    }

private:
    // What a thread decides under the lock and does after it has released the lock: wake `parked`, notify
    // `watches`, log `start_failure`. A thread that cannot be started loses no items: other workers run them,
    // if later.
    struct to_wake {
        worker* parked = nullptr;
        idle_watch_list watches;
        std::exception_ptr start_failure;
    };

    // Calls `change` under the lock and restores the invariant. `change` takes away a worker on which others
    // may have relied.
    template <class Change>
    void wake_next_after(Change change) noexcept {
        to_wake next;
        {
            const std::lock_guard lock(lock_);
            change();
            if (wake_wanted() && pool_.something_waits()) {
                next = choose_one();
            }
            note_nobody_idle(next);
        }
        wake(next);
    }

    void wake(to_wake& chosen) noexcept {
        if (chosen.parked) {
            chosen.parked->parking_spot_.unpark();
        }
        chosen.watches.notify_all();
        if (chosen.start_failure && !start_failure_logged_.exchange(true)) {
            log("could not start another worker thread; the others do its work", chosen.start_failure);
        }
    }

    // Requires, for all that follows: `lock_` held.

    to_wake choose_one() noexcept {
        to_wake chosen;
        if (!wake_wanted()) {
            return chosen;
        }
        const std::size_t items = pool_.waiting();
        const std::size_t relied_on = may_wake() ? 0 : searching_;
        if (items <= relied_on) {
            return chosen;
        }
        const std::size_t nearly_idle = count_nearly_idle();
        if (items <= relied_on + nearly_idle) {
            return chosen;
        }
        if (items > searching_ + nearly_idle + parked_count_ && may_start() && !starting_) {
            try {
                start_worker();
            } catch (...) {
                chosen.start_failure = std::current_exception();
                start_fails_ = true;
            }
        }
        if (may_wake()) {
            chosen.parked = take_parked();
            ++searching_;
            runnable_threads::add(1);
            note_wake_wanted();
        }
        return chosen;
    }

    [[nodiscard]] std::size_t count_nearly_idle() const noexcept {
        return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), [](const auto& each) {
            return each->is(worker::activity::nearly_idle);
        }));
    }

    // Returns the worker that was parked last, as its cache is warmest.
    worker* take_parked() noexcept {
        --parked_count_;
        return std::exchange(parked_, parked_->next_parked_);
    }

    void start_searching(worker& self) noexcept {
        reset_activity(self);
        self.is_searching_ = true;
        ++searching_;
        note_wake_wanted();
    }

    // `self` is neither searching nor nearly idle any more.
    void stop_searching(worker& self) noexcept {
        reset_activity(self);
        if (std::exchange(self.is_searching_, false)) {
            --searching_;
            note_wake_wanted();
        }
    }

    static void reset_activity(worker& self) noexcept {
        // Relaxed: each thread that relies on the value reads it under the lock.
        self.activity_.store(worker::activity::any, std::memory_order_relaxed);
    }

    // True if P > 0 and C = I.
    [[nodiscard]] bool may_wake() const noexcept { return parked_ && searching_ == initializing_; }

    [[nodiscard]] bool may_start() const noexcept { return workers_.size() < start_limit_; }

    // Whether a worker is idle or can be started. An idle worker is parked, searching, nearly idle, or has
    // taken an item that it has not claimed yet.
    [[nodiscard]] bool anybody_idle() const noexcept {
        return parked_ || searching_ != 0 || (may_start() && !start_fails_) ||
               std::any_of(workers_.begin(), workers_.end(), [](const auto& each) {
                   return each->activity_.load() != worker::activity::any;  // see `has_claimed`
               });
    }

    void note_nobody_idle(to_wake& chosen) noexcept {
        if (!watches_.empty() && !anybody_idle()) {
            chosen.watches = watches_.take_all();
            watched_.store(false);
        }
    }

    void start_no_more() noexcept {
        start_limit_ = 0;
        note_wake_wanted();
    }

    void start_worker() {
        std::list<started_thread> started(1);
        workers_.push_back(
            std::make_unique<worker>(pool_, thread_name_prefix_ + '_' + std::to_string(workers_.size())));
        try {
            started.front().thread =
                sync::thread([self_started = &started.front(), pool = pool_.shared_from_this(),
                              self = workers_.back().get()]() mutable {
                    pool->work(*self);
                    if (pool->is_inherited()) {
                        orphaned_threads::instance().keep(std::move(pool));
                    }
                    pool.reset();
                    orphaned_threads::instance().end(*self_started);
                });
        } catch (...) {
            workers_.pop_back();
            throw;
        }
        threads_.splice(threads_.end(), started);
        ++searching_;
        starting_ = true;
        start_fails_ = false;
        runnable_threads::add(1);
        empty_.store(false, std::memory_order_relaxed);  // relaxed: a hint, see `empty`
        note_wake_wanted();
    }

    void note_wake_wanted() noexcept {
        const bool wanted = may_wake() || (may_start() && !starting_);
        if (wanted != wake_wanted()) {  // a needless store would take the cache line from pushing threads
            wake_wanted_.store(wanted, std::memory_order_relaxed);  // see `wake_wanted`
        }
    }

    pool_base& pool_;
    const std::size_t max_workers_;
    const std::string thread_name_prefix_;

    sync::atomic<bool> start_failure_logged_{false};

    // Written only under the lock.
    sync::atomic<bool> wake_wanted_{true};
    sync::atomic<bool> empty_{true};
    sync::atomic<bool> watched_{false};  // whether `watches_` is not empty
    sync::atomic<worker*> first_victim_{nullptr};

    sync::mutex joining_;  // held while joining; taken before `lock_`
    alignas(cache_line) mutable spin_lock lock_;
    // Guarded by `lock_`. The counts share its cache line.
    bool ending_ = false;
    bool starting_ = false;                   // a thread was started and has not begun
    bool start_fails_ = false;                // the last attempt to start a thread failed
    worker* parked_ = nullptr;                // a list linked by `next_parked_`, the last parked first
    std::size_t parked_count_ = 0;            // P
    std::size_t start_limit_ = max_workers_;  // no worker is started once there are so many
    std::size_t searching_ = 0;               // C
    std::size_t initializing_ = 0;            // I
    idle_watch_list watches_;
    std::vector<std::unique_ptr<worker>> workers_;  // all that were ever started
    std::list<started_thread> threads_;             // the threads that nobody has joined
};

}}}  // namespace concurrent::futures::detail
