// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>  // std::any_of
#include <list>       // std::list
#include <memory>     // std::shared_ptr
#include <mutex>      // std::lock_guard
#include <utility>    // std::move

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A thread of a pool.
struct started_thread {
    sync::thread thread = {};
    bool has_worked = false;  // guarded by the mutex of `orphaned_threads`
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
    [[gnu::visibility("default"), gnu::noinline]] static orphaned_threads& instance() {
        // Never destroyed: code that still runs at the end of the process may leave threads here.
        static orphaned_threads& orphans = *new orphaned_threads;
        static const at_end_of_process end(orphans);
        static_cast<void>(end);
        return orphans;
    }

    // Takes over the threads of a pool. A destructor calls this, so it neither allocates nor waits.
    [[gnu::cold, gnu::noinline]] void adopt(std::list<started_thread>& threads) noexcept {
        const std::lock_guard lock(mutex_);
        threads_.splice(threads_.end(), threads);
    }

    // The last step of each thread of a pool, whether orphaned or not.
    [[gnu::cold, gnu::noinline]] void end(started_thread& self) noexcept {
        std::list<started_thread> ending;
        {
            const std::lock_guard lock(mutex_);
            const bool is_orphan = std::any_of(threads_.begin(), threads_.end(),
                                               [&](const started_thread& each) { return &each == &self; });
            for (auto next = threads_.begin(); is_orphan && next != threads_.end();) {
                const auto each = next++;
                if (each->has_worked) {
                    ending.splice(ending.end(), threads_, each);
                }
            }
            self.has_worked = true;
        }
        join(ending);
    }

    // Keeps a pool for ever whose threads are in another process: they can be neither joined nor destroyed.
    // Ends the process if there is no memory left.
    [[gnu::cold, gnu::noinline]] void keep(std::shared_ptr<const void> inherited) noexcept {
        std::list<std::shared_ptr<const void>> more;
        more.push_back(std::move(inherited));
        const std::lock_guard lock(mutex_);
        kept_pools_.splice(kept_pools_.end(), more);
    }

    // Joins all threads at the end of the process, including those that others leave here meanwhile. A task
    // that calls `exit` ends the process while it runs. Other threads may wait for this task, so they are not
    // joined.
    [[gnu::cold, gnu::noinline]] void join_all() noexcept {
        const bool in_task = pool_thread::current().pool != 0;
        for (;;) {
            std::list<started_thread> threads;
            {
                const std::lock_guard lock(mutex_);
                if (in_task) {
                    for (started_thread& each : threads_) {
                        each.thread.detach();
                    }
                    abandon_all();
                }
                threads.swap(threads_);
            }
            if (threads.empty()) {
                return;
            }
            join(threads);
        }
    }

private:
    struct at_end_of_process {
        explicit at_end_of_process(orphaned_threads& its_orphans) noexcept : orphans(its_orphans) {}
        at_end_of_process(const at_end_of_process&) = delete;
        at_end_of_process& operator=(const at_end_of_process&) = delete;
        ~at_end_of_process() { orphans.join_all(); }

        orphaned_threads& orphans;
    };

    orphaned_threads() {
        // The child of a fork has only the forking thread, so no other thread may hold the mutex at a fork.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] {
                    instance().abandon_all();
                    instance().mutex_.unlock();
                });
    }

    [[gnu::cold, gnu::noinline]] static void join(std::list<started_thread>& threads) noexcept {
        for (started_thread& each : threads) {
            each.thread.join();
        }
    }

    // Requires: `mutex_` held. Nobody will join these threads.
    void abandon_all() noexcept { abandoned_.splice(abandoned_.end(), threads_); }

    sync::mutex mutex_;
    std::list<started_thread> threads_;
    std::list<started_thread> abandoned_;
    std::list<std::shared_ptr<const void>> kept_pools_;
};

}}}  // namespace concurrent::futures::detail
