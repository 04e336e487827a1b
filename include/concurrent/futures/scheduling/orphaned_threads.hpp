#pragma once

#include <algorithm>  // std::all_of
#include <list>       // std::list
#include <memory>     // std::shared_ptr
#include <mutex>      // std::lock_guard
#include <vector>     // std::vector

#include <concurrent/futures/scheduling/platform.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>
#include <concurrent/futures/scheduling/worker.hpp>

namespace concurrent::futures::inline v0_1::detail {

// A thread of a pool.
struct started_thread {
    sync::thread thread;
    std::shared_ptr<const sync::thread_end> end;
};

// The threads of a pool that were left to themselves.
struct thread_family {
    std::shared_ptr<const void> kept_pool = {};  // null, but of an `inherited` one
    std::vector<started_thread> threads;

    [[nodiscard]] bool is_over() const {
        return std::all_of(threads.begin(), threads.end(),
                           [](const started_thread& each) { return each.end->passed(); });
    }
};

// The threads of pools whose executor was destroyed by one of its own tasks. That task's thread can't wait
// for itself to end, so somebody else must: whoever leaves the next threads here, if it is over by then, or
// the end of the process, which so doesn't come before everything submitted has run.
class orphaned_threads {
public:
    // One for all shared libraries.
    [[gnu::visibility("default")]] static orphaned_threads& instance() {
        // Never destroyed: what still runs at the end of the process may leave threads here.
        static orphaned_threads& orphans = *new orphaned_threads;
        static const at_end_of_process end(orphans);
        static_cast<void>(end);
        return orphans;
    }

    // Takes over the list's families, without an allocation, as a destructor calls this. Waits for no thread:
    // one may be kept for ever by the destructor of a thread_local object.
    void adopt(std::list<thread_family>& families) noexcept {
        std::list<thread_family> over;
        {
            const std::lock_guard lock(mutex_);
            for (auto each = families_.begin(); each != families_.end();) {
                const auto family = each++;
                if (family->is_over()) {
                    over.splice(over.end(), families_, family);
                }
            }
            families_.splice(families_.end(), families);
        }
        for (thread_family& each : over) {
            join(each);
        }
    }

    // Takes over families whose threads are another process's, for ever: they can be neither joined nor
    // destroyed.
    void keep(std::list<thread_family>& inherited) noexcept {
        const std::lock_guard lock(mutex_);
        inherited_.splice(inherited_.end(), inherited);
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
        // Of all threads that might hold the mutex, the child of a fork has only the one that forks.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] {
                    instance().inherited_.splice(instance().inherited_.end(), instance().families_);
                    instance().mutex_.unlock();
                });
    }

    static void join(thread_family& family) noexcept {
        for (started_thread& each : family.threads) {
            each.thread.join();
        }
    }

    // Those too that the ones it waits for leave here meanwhile. A task that calls `exit` ends the process:
    // it is in the middle of that, so others may wait for it, and nobody waits for them.
    void join_all() noexcept {
        const bool in_task = pool_thread::current().pool != 0;
        for (;;) {
            std::list<thread_family> next;
            {
                const std::lock_guard lock(mutex_);
                if (families_.empty()) {
                    return;
                }
                next.splice(next.end(), families_, families_.begin());
            }
            if (in_task) {
                for (started_thread& each : next.front().threads) {
                    each.thread.detach();
                }
            } else {
                join(next.front());
            }
        }
    }

    sync::mutex mutex_;
    std::list<thread_family> families_;
    std::list<thread_family> inherited_;
};

}  // namespace concurrent::futures::detail
