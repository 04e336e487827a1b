#pragma once

#include <list>    // std::list
#include <memory>  // std::weak_ptr, std::shared_ptr
#include <mutex>   // std::lock_guard
#include <vector>  // std::vector

#include <concurrent/futures/scheduling/platform.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>

namespace concurrent::futures::inline v0_1::detail {

// The threads of a pool that were left to themselves.
struct thread_family {
    std::weak_ptr<const void> alive;             // as long as a thread may still destroy the pool or do more
    std::shared_ptr<const void> kept_pool = {};  // null, but of an `inherited` one
    std::vector<sync::thread> threads;

    void join() noexcept {
        for (sync::thread& thread : threads) {
            // A task may end the process by `exit`: then its own thread comes here.
            if (thread.get_id() == sync::this_thread::get_id()) {
                thread.detach();
            } else {
                thread.join();
            }
        }
    }
};

// The threads of pools whose executor was destroyed by one of its own tasks. That task's thread can't wait
// for itself to end, so somebody else must: whoever leaves the next threads here, or the end of the process,
// which so doesn't come before everything submitted has run.
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

    // Takes over the list's families, without an allocation, as a destructor calls this.
    void adopt(std::list<thread_family>& families) noexcept {
        const std::lock_guard lock(mutex_);
        families_.remove_if([](thread_family& each) {
            const bool ended = each.alive.expired();
            if (ended) {
                each.join();
            }
            return ended;
        });
        families_.splice(families_.end(), families);
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

    // Those too that the ones it waits for leave here meanwhile.
    void join_all() noexcept {
        for (;;) {
            std::list<thread_family> next;
            {
                const std::lock_guard lock(mutex_);
                if (families_.empty()) {
                    return;
                }
                next.splice(next.end(), families_, families_.begin());
            }
            next.front().join();
        }
    }

    sync::mutex mutex_;
    std::list<thread_family> families_;
    std::list<thread_family> inherited_;
};

}  // namespace concurrent::futures::detail
