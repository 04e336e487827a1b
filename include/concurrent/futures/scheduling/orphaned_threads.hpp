#pragma once

#include <list>    // std::list
#include <memory>  // std::weak_ptr
#include <mutex>   // std::lock_guard
#include <vector>  // std::vector

#include <concurrent/futures/scheduling/synchronization.hpp>

namespace concurrent::futures::detail {

// The threads of a pool that were left to themselves.
struct thread_family {
    std::weak_ptr<const void> pool;  // lives as long as one of the threads does any work
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
        static orphaned_threads orphans;
        return orphans;
    }

    // Takes over the list's families, without an allocation, as a destructor calls this.
    void adopt(std::list<thread_family>& families) noexcept {
        const std::lock_guard lock(mutex_);
        families_.remove_if([](thread_family& each) {
            const bool ended = each.pool.expired();
            if (ended) {
                each.join();
            }
            return ended;
        });
        families_.splice(families_.end(), families);
    }

    ~orphaned_threads() {
        for (thread_family& each : families_) {
            each.join();
        }
    }

private:
    orphaned_threads() = default;

    sync::mutex mutex_;
    std::list<thread_family> families_;
};

}  // namespace concurrent::futures::detail
