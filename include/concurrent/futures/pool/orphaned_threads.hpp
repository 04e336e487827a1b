// SPDX-License-Identifier: MIT

#pragma once

#include <memory>   // std::unique_ptr
#include <mutex>    // std::lock_guard
#include <utility>  // std::move, std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/no_destructor.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/shared_pool.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/parking_spot.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A thread of a pool.
struct started_thread {
    shared_pool<pool_base> pool;  // until the thread has worked
    worker* self;
    sync::thread thread = {};
    bool has_worked = false;         // guarded by the mutex of `orphaned_threads`
    started_thread* next = nullptr;  // in a `thread_list`

    // Of a spare.
    std::unique_ptr<errand> left = {};
    parking_spot has_errand = {};  // or has to end
    started_thread* next_idle = nullptr;
};

// Threads that somebody has to join. Every unit that makes a pool compiles this, and a `std::list` takes
// more.
class thread_list {
public:
    thread_list() = default;
    thread_list(thread_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    thread_list& operator=(thread_list&&) = delete;
    // Requires: nothing is left to join.
    ~thread_list() = default;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Takes over `added`, which was made by `new`.
    void add(started_thread& added) noexcept { added.next = std::exchange(first_, &added); }

    void add_all(thread_list& added) noexcept;

    // Returns the threads that have worked, if `self` is in the list, and removes them.
    [[nodiscard]] thread_list take_worked(const started_thread& self) noexcept;

    void detach_all() noexcept {
        for (started_thread* each = first_; each; each = each->next) {
            each->thread.detach();
        }
    }

    void join_all() noexcept;

private:
    started_thread* take_first() noexcept {
        started_thread* const first = first_;
        if (first) {
            first_ = first->next;
        }
        return first;
    }

    started_thread* first_ = nullptr;
};

// The threads of pools whose executor was destroyed by one of its own tasks. That task's thread cannot join
// itself, so another must: the next orphaned thread that has no more work, or the end of the process, which
// therefore waits until everything submitted has run.
//
// A join may take long, as a thread runs the destructors of its thread_local objects before it ends. Only the
// end of the process waits for a joining thread. No two threads wait for each other: each joins only those
// that set `has_worked` before it did.
class orphaned_threads {
public:
    // One for all shared libraries.
    [[gnu::visibility("default"), gnu::noinline]] static orphaned_threads& instance() noexcept {
        // Never destroyed: code that still runs at the end of the process may leave threads here.
        static no_destructor<orphaned_threads> orphans;
        static const at_end_of_process end(orphans.get());
        static_cast<void>(end);
        return orphans.get();
    }

    // Takes over the threads of a pool. A destructor calls this, so it neither allocates nor waits.
    [[gnu::cold]] void adopt(thread_list& threads) noexcept;

    // The last step of each thread of a pool, whether orphaned or not.
    [[gnu::cold]] void end(started_thread& self) noexcept;

    // Keeps a pool for ever whose threads are in another process: they can be neither joined nor destroyed.
    // Ends the process if there is no memory left.
    [[gnu::cold]] void keep(shared_pool<pool_base> inherited) noexcept;

    // Joins all threads at the end of the process, including those that others leave here meanwhile. A task
    // that calls `exit` ends the process while it runs. Other threads may wait for this task, so they are not
    // joined.
    [[gnu::cold]] void join_all() noexcept;

private:
    struct at_end_of_process {
        explicit at_end_of_process(orphaned_threads& its_orphans) noexcept : orphans(its_orphans) {}
        at_end_of_process(const at_end_of_process&) = delete;
        at_end_of_process& operator=(const at_end_of_process&) = delete;
        ~at_end_of_process() { orphans.join_all(); }

        orphaned_threads& orphans;
    };

    friend class no_destructor<orphaned_threads>;

    orphaned_threads() noexcept {
        // The child of a fork has only the forking thread, so no other thread may hold the mutex at a fork.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] {
                    instance().abandon_all();
                    instance().mutex_.unlock();
                });
    }

    // Requires: `mutex_` held. Nobody will join these threads.
    void abandon_all() noexcept { abandoned_.add_all(threads_); }

    struct kept_pool {
        shared_pool<pool_base> pool;
        kept_pool* next;
    };

    sync::mutex mutex_;
    thread_list threads_;
    thread_list abandoned_;
    kept_pool* kept_pools_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void thread_list::add_all(thread_list& added) noexcept {
    while (started_thread* const each = added.take_first()) {
        add(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION thread_list thread_list::take_worked(const started_thread& self) noexcept {
    thread_list taken;
    started_thread* each = first_;
    while (each && each != &self) {
        each = each->next;
    }
    if (each) {
        thread_list all(std::move(*this));
        while (started_thread* const next = all.take_first()) {
            (next->has_worked ? taken : *this).add(*next);
        }
    }
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void thread_list::join_all() noexcept {
    while (started_thread* const each = take_first()) {
        each->thread.join();
        delete each;
    }
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::adopt(thread_list& threads) noexcept {
    const std::lock_guard lock(mutex_);
    threads_.add_all(threads);
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::end(started_thread& self) noexcept {
    mutex_.lock();
    thread_list ending = threads_.take_worked(self);
    self.has_worked = true;
    mutex_.unlock();
    ending.join_all();
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::keep(shared_pool<pool_base> inherited) noexcept {
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): as said above
    auto* const more = new kept_pool{std::move(inherited), nullptr};
    const std::lock_guard lock(mutex_);
    more->next = std::exchange(kept_pools_, more);
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::join_all() noexcept {
    const bool in_task = pool_thread::current().pool != 0;
    for (;;) {
        mutex_.lock();
        if (in_task) {
            threads_.detach_all();
            abandon_all();
        }
        thread_list threads(std::move(threads_));
        mutex_.unlock();
        if (threads.empty()) {
            return;
        }
        threads.join_all();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
