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

// The workers of one pool: who of them works, who sleeps, and who is called when something is to be done.
//
// A worker is
// - busy: it runs a task, or is about to look for the next (`worker::about_to_look`), having done all but
//   publish its task's result;
// - coming: it will look into all queues after this moment. It was started or woken and has found nothing
//   yet, or it ran out of work and spins a little before it sleeps; of those that spin there is one at most;
// - parked: it sleeps until it is called.
// One that was started runs the user's initializer first, which may take long: it is coming, and counted when
// it is asked how many workers there are for what waits, but it doesn't keep others from being woken.
//
// Invariant, at each unlocking: if anything waits in a queue, then somebody is coming who has initialized, or
// as many workers are about to look as items wait, or a thread that was started has not begun, or there is
// nobody to call: none is parked, and none is to be started, or as many come as items wait. It is restored by
// - whoever has pushed, who calls one worker, if nobody is coming;
// - a worker that was coming or about to look, and has found something: it calls the next, if more waits. So
//   workers wake each other in a chain that ends when nothing waits any more, and a burst of short tasks
//   doesn't wake them all.
// Threads are started, up to the limit, one after the other, as long as more items wait than workers are
// idle: by whoever has pushed, and then by each that was started, first of all. So no more are started in a
// burst of short tasks than it lasts long enough for; and until the thread has begun that was started last,
// no push needs to call.
//
// Some workers wait for tasks that wait here, and leave them to others that are idle (`idle_watch`). Whoever
// takes the last idle worker away, under the lock, tells them when it has unlocked.
//
// A push takes the lock of its queue, and the crew's only if `wake_wanted`, which it reads under the former,
// says that there is somebody to call. No call is lost by that: who sets this flag (under the crew's lock)
// looks into each queue afterwards (by `has_items`, under the queue's lock). A push was there before, and is
// seen; or it comes later, and then sees the flag.
//
// A worker ends when the pool is shut down and all queues are empty. The invariant holds until then.
class crew {
public:
    crew(pool_base& pool, std::size_t max_workers, std::string thread_name_prefix)
        : pool_(pool), max_workers_(max_workers), thread_name_prefix_(std::move(thread_name_prefix)) {}

    // Who sees this while it pushes calls `wake_one` afterwards.
    [[nodiscard]] bool wake_wanted() const noexcept {
        return wake_wanted_.load(std::memory_order_relaxed);  // a queue's lock orders it, see the class
    }

    // Whether no worker was ever started; true perhaps for a moment longer.
    [[nodiscard]] bool empty() const noexcept {
        return empty_.load(std::memory_order_relaxed);  // a hint: `start_first` looks again under the lock
    }

    // Starts the first worker, if there is none; throws if it can't be.
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

    // The first of the workers whose own queue was ever pushed to, in a list linked by
    // `next_victim_`.
    [[nodiscard]] worker* first_victim() const noexcept {
        return first_victim_.load(
            std::memory_order_acquire);  // pairs with the release of `announce_local_queue`
    }

    // See `pool_base`.
    [[nodiscard]] bool watch_idle(const worker& self, idle_watch& watch) noexcept {
        const std::lock_guard lock(lock_);
        // Before it is initialized, a worker relies on nobody, so that none relies on it in vain.
        if (self.is_searching_) {
            return false;
        }
        watches_.add(watch);
        watched_.store(true);  // before it looks, see `has_claimed`
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

    // What follows is called by the worker itself.

    // First of all: calls the next, if more waits than workers come.
    void begin() noexcept {
        wake_next_after([this] {
            starting_ = false;
            note_wake_wanted();
        });
    }

    // Before it pushes to its own queue: others look into it from now on. It takes the lock for the same
    // reason for which a push takes its queue's.
    void announce_local_queue(worker& self) noexcept {
        if (!self.is_victim_) {
            self.is_victim_ = true;
            const std::lock_guard lock(lock_);
            self.next_victim_ =
                first_victim_.load(std::memory_order_relaxed);  // written under the lock alone
            first_victim_.store(&self,
                                std::memory_order_release);  // pairs with the acquire of `first_victim`
        }
    }

    // When it has found something to do.
    void work_found(worker& self) noexcept {
        if (self.is_searching_ || self.is(worker::activity::nearly_idle)) {
            wake_next_after([&] {
                stop_searching(self);
                // Relaxed: the lock orders it for those who rely on it.
                self.activity_.store(worker::activity::claiming, std::memory_order_relaxed);
            });
        }
    }

    // When it has claimed that. Not before can it be told that nobody is idle: whoever runs its tasks itself
    // then must not find waiting what this worker is about to run.
    void has_claimed(worker& self) noexcept {
        // Sequentially consistent, both: so either this sees that somebody watches, or the watcher, who has
        // said so before it looks at all workers, sees this.
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

    // When it is kept from looking after it had said that it is about to.
    void stays_busy(worker& self) noexcept {
        wake_next_after([&] { stop_searching(self); });
    }

    // Whether it may spin a little before it sleeps: as the only one, if no other thread needs its processor.
    [[nodiscard]] bool may_spin(worker& self) noexcept {
        const std::lock_guard lock(lock_);
        const bool may = !self.is_searching_ && searching_ == 0 && !ending_ && runnable_threads::fit();
        if (may) {
            start_searching(self);
        }
        return may;
    }

    // Sleeps until called; or returns at once, if something waits. The worker is coming then. False if it is
    // to end.
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
            self.is_searching_ = true;  // who called it has counted it
        }
        return !ends;
    }

    // Before it runs the initializer: who sleeps is called for what somebody has pushed who relied on it.
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

    // Ends without having looked, as its initializer failed.
    void leave(worker& self) noexcept {
        wake_next_after([&] {
            --initializing_;
            stop_searching(self);
            runnable_threads::remove(1);
        });
    }

    // The end. The queues take nothing more.

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

    // After `end`: waits until every worker has ended. Several threads may wait at once.
    void join() {
        const std::lock_guard joining(joining_);
        // A worker may be called, and started, as long as others run.
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

    // After `end`, instead of `join` on one of the pool's own workers.
    void orphan() noexcept {
        to_wake watching;
        std::list<started_thread> orphans;
        {
            const std::lock_guard lock(lock_);
            start_no_more();  // nobody would join another
            note_nobody_idle(watching);
            orphans.swap(threads_);
        }
        wake(watching);
        orphaned_threads::instance().adopt(orphans);
    }

    // Instead of all these, in a process that a fork made.
    void keep() noexcept { orphaned_threads::instance().keep(pool_.shared_from_this()); }

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    [[nodiscard]] std::size_t worker_count() const {
        const std::lock_guard lock(lock_);
        return workers_.size();
    }

private:
    // Whom a thread that has the lock has decided to wake, which it does when it has it no more; chosen it
    // has to tell that nobody is idle; and why a worker could not be started, by which nothing is lost:
    // others come to the queues, if later.
    struct to_wake {
        worker* parked = nullptr;
        idle_watch_list watches;
        std::exception_ptr start_failure;
    };

    // Restores the invariant after a change, which it makes under the lock: a worker looks no more, or not
    // for a while, on which others may have relied.
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

    // What follows needs the lock.

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

    // The one that was parked last, whose cache is warmest.
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

    // Neither coming nor about to look, from now on.
    void stop_searching(worker& self) noexcept {
        reset_activity(self);
        if (std::exchange(self.is_searching_, false)) {
            --searching_;
            note_wake_wanted();
        }
    }

    static void reset_activity(worker& self) noexcept {
        // Relaxed: the lock orders it for those who rely on it.
        self.activity_.store(worker::activity::any, std::memory_order_relaxed);
    }

    // Whether one is asleep, and none is coming but those who initialize.
    [[nodiscard]] bool may_wake() const noexcept { return parked_ && searching_ == initializing_; }

    [[nodiscard]] bool may_start() const noexcept { return workers_.size() < start_limit_; }

    // Whether a worker is idle, or can be started: it will look into the queues, or can be made to, or has
    // just taken an item out of one.
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
                sync::thread([started = &started.front(), pool = pool_.shared_from_this(),
                              self = workers_.back().get()]() mutable {
                    pool->work(*self);
                    if (pool->is_inherited()) {
                        orphaned_threads::instance().keep(std::move(pool));
                    }
                    pool.reset();
                    orphaned_threads::instance().end(*started);
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
        empty_.store(false, std::memory_order_relaxed);  // see `empty`
        note_wake_wanted();
    }

    void note_wake_wanted() noexcept {
        const bool wanted = may_wake() || (may_start() && !starting_);
        if (wanted != wake_wanted()) {  // else all who push would have to fetch it anew
            wake_wanted_.store(wanted, std::memory_order_relaxed);  // see `wake_wanted`
        }
    }

    pool_base& pool_;
    const std::size_t max_workers_;
    const std::string thread_name_prefix_;

    sync::atomic<bool> start_failure_logged_{false};

    // Written under the lock.
    sync::atomic<bool> wake_wanted_{true};
    sync::atomic<bool> empty_{true};
    sync::atomic<bool> watched_{false};  // whether `watches_` is not empty
    sync::atomic<worker*> first_victim_{nullptr};

    sync::mutex joining_;  // held by the thread that joins; taken before `lock_`
    alignas(cache_line) mutable spin_lock lock_;
    // Guarded by the lock; the counts share its cache line.
    bool ending_ = false;
    bool starting_ = false;     // a thread was started that has not begun
    bool start_fails_ = false;  // the last attempt to start one has failed
    worker* parked_ = nullptr;  // the last of a list linked by `next_parked_`
    std::size_t parked_count_ = 0;
    std::size_t start_limit_ = max_workers_;  // no worker is started when there are so many
    std::size_t searching_ = 0;
    std::size_t initializing_ = 0;  // those of them that run the initializer
    idle_watch_list watches_;
    std::vector<std::unique_ptr<worker>> workers_;  // all that were ever started
    std::list<started_thread> threads_;             // those of them that nobody has joined
};

}}}  // namespace concurrent::futures::detail
