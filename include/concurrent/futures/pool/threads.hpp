// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdio>     // std::snprintf
#include <exception>  // std::exception_ptr
#include <memory>     // std::unique_ptr
#include <mutex>      // std::lock_guard
#include <string>     // std::string
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/orphaned_threads.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/shared_pool.hpp>
#include <concurrent/futures/pool/sleep.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/permit.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Is told once when no thread of a closed pool runs, see `threads::watch_end`.
class end_watch {
public:
    end_watch(const end_watch&) = delete;
    end_watch& operator=(const end_watch&) = delete;

    // The watch may be gone when this returns.
    virtual void on_end() noexcept = 0;

protected:
    end_watch() = default;
    ~end_watch() = default;

private:
    friend class threads;

    end_watch* next_ = nullptr;
};

// `threads` starts and joins the threads of one pool. `sleep` decides when the next thread is started. No
// push waits until a thread has started, except the first push to a pool: it must know whether there is a
// thread at all.
class threads {
public:
    threads(pool_base& pool, sleep& sleep, std::size_t max_workers, std::string&& thread_name_prefix)
        : pool_(pool),
          sleep_(sleep),
          max_workers_(max_workers),
          thread_name_prefix_(std::move(thread_name_prefix)) {}
    threads(const threads&) = delete;
    threads& operator=(const threads&) = delete;
    ~threads();

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    // The number of threads started so far. Sequentially consistent, so that a task finds its own thread
    // counted.
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

    // True until the first thread was started: `count` already includes one that may still fail to start. A
    // push that finds false can rely on a thread.
    [[nodiscard]] bool none() const noexcept { return none_.load(); }

    // Starts the first thread, if there is none. Throws if it cannot be started.
    [[gnu::cold]] void start_first();

    // Requires: `sleep_` has asked for it. A thread that cannot be started loses no items: other workers run
    // them, if later.
    [[gnu::cold]] void start_another() noexcept;

    // See `pool_base::start_spare`.
    [[nodiscard, gnu::cold]] bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept;

    // From now on, a spare that has run its errand ends.
    void end_spares() noexcept;

    // Requires: the pool is closed, and `end_spares` was called. Waits until every thread has ended. Several
    // threads may call this at once.
    void join();

    // Requires: the pool is closed. Tells `watch` when no thread runs. Returns false if none does now.
    [[nodiscard]] bool watch_end(end_watch& watch) noexcept;

    // Requires: the pool is closed. Replaces `join` on a thread for which the pool may wait.
    [[gnu::cold]] void orphan() noexcept;

    // Replaces all of these in the child of a fork.
    [[gnu::cold]] void keep() noexcept;

private:
    // Returns the threads that nobody has joined. If there are none, starts none any more.
    [[nodiscard]] thread_list take_started() noexcept;

    // Requires, for what follows: `mutex_` held.

    void start_no_more() noexcept {
        starts_no_more_ = true;
        sleep_.start_no_more();
    }

    [[nodiscard, gnu::cold]] std::string name_of_worker(std::size_t number) const;

    // Requires: `sleep_` has asked for it.
    [[gnu::cold]] void start();

    // Makes a worker with this number, and starts its thread.
    [[nodiscard, gnu::cold]] started_thread& start_thread(std::size_t number, bool is_spare);

    [[gnu::cold]] void start_spare_locked(worker& blocked, std::unique_ptr<errand> left);

    [[nodiscard]] started_thread& take_idle_spare() noexcept {
        return *std::exchange(idle_spares_, idle_spares_->next_idle);
    }

    [[nodiscard, gnu::cold]] started_thread& start_spare_thread();

    // What the thread of a spare does.
    [[gnu::cold]] void run_spare(started_thread& started) noexcept;

    // Returns false if the spare is to end.
    [[nodiscard, gnu::cold]] bool add_idle_spare(started_thread& idle) noexcept;

    // What a thread does.
    void run(started_thread& started) noexcept {
        pool_.work(*started.self);
        note_end();
        end(started);
    }

    void note_end() noexcept;

    static void end(started_thread& started) noexcept;

    void remove_last_worker() noexcept;

    pool_base& pool_;
    sleep& sleep_;
    const std::size_t max_workers_;
    const std::string thread_name_prefix_;
    sync::atomic<std::size_t> count_{0};
    sync::atomic<bool> none_{true};
    sync::atomic<bool> failure_logged_{false};

    sync::mutex joining_;  // held while joining; taken before `mutex_`
    sync::mutex mutex_;    // held while a thread is started
    // Guarded by `mutex_`.
    bool starts_no_more_ = false;
    worker* last_worker_ = nullptr;  // of all that were ever started, spares included
    std::size_t spares_ = 0;         // that were ever started
    bool spares_end_ = false;        // once they have run their errands
    started_thread* idle_spares_ = nullptr;
    thread_list threads_;  // those that nobody has joined
    std::size_t running_ = 0;
    end_watch* end_watches_ = nullptr;  // the first in a list
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION threads::~threads() {
    while (last_worker_) {
        remove_last_worker();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::start_first() {
    const std::lock_guard lock(mutex_);
    if (!last_worker_ && sleep_.start_first()) {
        try {
            start();
        } catch (...) {
            sleep_.start_has_failed();
            throw;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::start_another() noexcept {
    std::exception_ptr failure;
    {
        const std::lock_guard lock(mutex_);
        if (!starts_no_more_) {  // else nobody would join it
            try {
                start();
                return;
            } catch (...) {
                failure = std::current_exception();
            }
        }
    }
    sleep_.start_has_failed();
    if (failure && !failure_logged_.exchange(true)) {
        log("could not start another worker thread; the others do its work", failure);
    }
}

CONCURRENT_FUTURES_FUNCTION bool threads::start_spare(worker& blocked,
                                                      std::unique_ptr<errand> left) noexcept {
    const std::lock_guard lock(mutex_);
    if (starts_no_more_) {
        return false;
    }
    try {
        start_spare_locked(blocked, std::move(left));
        return true;
    } catch (...) {
        return false;
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::end_spares() noexcept {
    const std::lock_guard lock(mutex_);
    spares_end_ = true;
    while (idle_spares_) {
        take_idle_spare().has_errand.unpark();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::join() {
    const std::lock_guard joining(joining_);
    // Workers that still run may start others.
    for (;;) {
        thread_list started = take_started();
        if (started.empty()) {
            return;
        }
        started.join_all();
    }
}

CONCURRENT_FUTURES_FUNCTION bool threads::watch_end(end_watch& watch) noexcept {
    const std::lock_guard lock(mutex_);
    if (running_ == 0) {
        return false;
    }
    watch.next_ = std::exchange(end_watches_, &watch);
    return true;
}

CONCURRENT_FUTURES_FUNCTION void threads::orphan() noexcept {
    mutex_.lock();
    start_no_more();
    thread_list orphans(std::move(threads_));
    mutex_.unlock();
    orphaned_threads::instance().adopt(orphans);
}

CONCURRENT_FUTURES_FUNCTION void threads::keep() noexcept {
    orphaned_threads::instance().keep(shared_pool(pool_));
}

CONCURRENT_FUTURES_FUNCTION thread_list threads::take_started() noexcept {
    const std::lock_guard lock(mutex_);
    if (threads_.empty()) {
        start_no_more();
    }
    return std::move(threads_);
}

CONCURRENT_FUTURES_FUNCTION std::string threads::name_of_worker(std::size_t number) const {
    char suffix[24];
    std::snprintf(suffix, sizeof suffix, "_%zu", number);
    std::string name = thread_name_prefix_;
    name += suffix;
    return name;
}

CONCURRENT_FUTURES_FUNCTION void threads::start() {
    const std::size_t before = count();
    const bool is_last = before + 1 == max_workers_ || before + 1 == worker_counts::most_workers;
    if (is_last) {
        sleep_.note_full(true);
    }
    count_.store(before + 1);
    runnable_threads::add(1);
    try {
        static_cast<void>(start_thread(before, false));
    } catch (...) {
        runnable_threads::remove(1);
        count_.store(before);
        if (is_last) {
            sleep_.note_full(false);
        }
        throw;
    }
    none_.store(false);
}

CONCURRENT_FUTURES_FUNCTION started_thread& threads::start_thread(std::size_t number, bool is_spare) {
    last_worker_ = new worker(pool_, name_of_worker(number), last_worker_, is_spare);
    std::unique_ptr<started_thread> started;
    try {
        started.reset(new started_thread{.pool = shared_pool(pool_), .self = last_worker_});
        started->thread = sync::thread([this, is_spare, record = started.get()] {
            if (is_spare) {
                run_spare(*record);
            } else {
                run(*record);
            }
        });
    } catch (...) {
        started.reset();
        remove_last_worker();
        throw;
    }
    threads_.add(*started);
    ++running_;
    return *started.release();
}

CONCURRENT_FUTURES_FUNCTION void threads::start_spare_locked(worker& blocked, std::unique_ptr<errand> left) {
    permit& shared = blocked.share_permit();
    if (!shared.add_spare(*left)) {
        return;
    }
    pool_.note_spare_started();
    runnable_threads::add(1);
    errand* const added = left.get();
    try {
        started_thread& spare = idle_spares_ ? take_idle_spare() : start_spare_thread();
        spare.self->set_permit(shared);
        spare.left = std::move(left);
        spare.has_errand.unpark();
    } catch (...) {
        runnable_threads::remove(1);
        pool_.note_spare_ended();
        shared.remove_errand(*added);
        shared.remove_spare();
        throw;
    }
}

CONCURRENT_FUTURES_FUNCTION started_thread& threads::start_spare_thread() {
    started_thread& spare = start_thread(max_workers_ + spares_, true);
    ++spares_;
    return spare;
}

CONCURRENT_FUTURES_FUNCTION void threads::run_spare(started_thread& started) noexcept {
    worker& self = *started.self;
    pool_.begin_thread(self);
    show_thread_name(self.name());
    started.has_errand.park();
    while (started.left) {
        pool_.run_errand(self, *started.left);
        started.left.reset();
        if (pool_.is_inherited() || !add_idle_spare(started)) {
            break;
        }
        started.has_errand.park();
    }
    pool_.end_thread();
    note_end();
    end(started);
}

CONCURRENT_FUTURES_FUNCTION bool threads::add_idle_spare(started_thread& idle) noexcept {
    const std::lock_guard lock(mutex_);
    if (!spares_end_) {
        idle.next_idle = std::exchange(idle_spares_, &idle);
    }
    return !spares_end_;
}

CONCURRENT_FUTURES_FUNCTION void threads::note_end() noexcept {
    if (pool_.is_inherited()) {
        return;
    }
    end_watch* told = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) {
            told = std::exchange(end_watches_, nullptr);
        }
    }
    while (told) {
        std::exchange(told, told->next_)->on_end();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::end(started_thread& started) noexcept {
    if (started.pool->is_inherited()) {
        orphaned_threads::instance().keep(std::move(started.pool));
    }
    started.pool.reset();
    orphaned_threads::instance().end(started);
}

CONCURRENT_FUTURES_FUNCTION void threads::remove_last_worker() noexcept {
    worker* const removed = last_worker_;
    last_worker_ = removed->previous_worker();
    delete removed;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
