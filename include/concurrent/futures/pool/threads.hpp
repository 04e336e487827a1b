// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdio>     // std::snprintf
#include <exception>  // std::exception_ptr
#include <list>       // std::list
#include <memory>     // std::unique_ptr
#include <mutex>      // std::lock_guard
#include <string>     // std::string
#include <utility>    // std::move
#include <vector>     // std::vector

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/pool/orphaned_threads.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/sleep.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `threads` starts and joins the threads of one pool. `sleep` decides when the next thread is started. No
// push waits until a thread has started, except the first push to a pool: it must know whether there is a
// thread at all.
class threads {
public:
    threads(pool_base& pool, sleep& sleep, std::size_t max_workers, std::string thread_name_prefix)
        : pool_(pool),
          sleep_(sleep),
          max_workers_(max_workers),
          thread_name_prefix_(std::move(thread_name_prefix)) {}

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    // The number of threads started so far. Sequentially consistent, so that a task finds its own thread
    // counted.
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

    // True until the first thread was started: `count` already includes one that may still fail to start. A
    // push that finds false can rely on a thread.
    [[nodiscard]] bool none() const noexcept { return none_.load(); }

    // Starts the first thread, if there is none. Throws if it cannot be started.
    [[gnu::noinline]] void start_first() {
        const std::lock_guard lock(mutex_);
        if (workers_.empty() && sleep_.start_first()) {
            try {
                start();
            } catch (...) {
                sleep_.start_has_failed();
                throw;
            }
        }
    }

    // Requires: `sleep_` has asked for it. A thread that cannot be started loses no items: other workers run
    // them, if later.
    [[gnu::noinline]] void start_another() noexcept {
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

    // Requires: the pool is closed. Waits until every thread has ended. Several threads may call this at
    // once.
    [[gnu::noinline]] void join() {
        const std::lock_guard joining(joining_);
        // Workers that still run may start others.
        for (;;) {
            std::list<started_thread> started;
            {
                const std::lock_guard lock(mutex_);
                started.swap(threads_);
                if (started.empty()) {
                    start_no_more();
                    return;
                }
            }
            for (started_thread& each : started) {
                each.thread.join();
            }
        }
    }

    // Requires: the pool is closed. Replaces `join` on one of the pool's own threads.
    [[gnu::cold, gnu::noinline]] void orphan() noexcept {
        std::list<started_thread> orphans;
        {
            const std::lock_guard lock(mutex_);
            start_no_more();
            orphans.swap(threads_);
        }
        orphaned_threads::instance().adopt(orphans);
    }

    // Replaces all of these in the child of a fork.
    [[gnu::cold, gnu::noinline]] void keep() noexcept {
        orphaned_threads::instance().keep(pool_.shared_from_this());
    }

private:
    // Requires, for what follows: `mutex_` held.

    void start_no_more() noexcept {
        starts_no_more_ = true;
        sleep_.start_no_more();
    }

    // By snprintf: each unit that includes this would else compile the parts of std::string that concatenate.
    [[nodiscard, gnu::noinline]] std::string name_of_worker(std::size_t number) const {
        char end[24];
        const int size = std::snprintf(end, sizeof end, "_%zu", number);
        std::string name;
        name.reserve(thread_name_prefix_.size() + static_cast<std::size_t>(size));
        name.append(thread_name_prefix_);
        name.append(end, static_cast<std::size_t>(size));
        return name;
    }

    // Requires: `sleep_` has asked for it.
    [[gnu::noinline]] void start() {
        std::list<started_thread> started(1);
        workers_.push_back(std::make_unique<worker>(pool_, name_of_worker(workers_.size())));
        const bool is_last =
            workers_.size() == max_workers_ || workers_.size() == worker_counts::most_workers;
        if (is_last) {
            sleep_.note_full(true);
        }
        count_.store(workers_.size());
        runnable_threads::add(1);
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
            runnable_threads::remove(1);
            workers_.pop_back();
            count_.store(workers_.size());
            if (is_last) {
                sleep_.note_full(false);
            }
            throw;
        }
        threads_.splice(threads_.end(), started);
        none_.store(false);
    }

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
    std::vector<std::unique_ptr<worker>> workers_;  // all that were ever started
    std::list<started_thread> threads_;             // those that nobody has joined
};

}}}  // namespace concurrent::futures::detail
