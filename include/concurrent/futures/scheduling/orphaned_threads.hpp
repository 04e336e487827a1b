#pragma once

#include <memory>   // std::weak_ptr
#include <mutex>    // std::mutex
#include <thread>   // std::thread
#include <utility>  // std::move
#include <vector>   // std::vector

namespace concurrent::futures::detail {

// The threads of pools whose executor was destroyed by one of its own tasks. That task's thread can't wait
// for itself to end, so somebody else must: whoever leaves the next threads here, or the end of the process,
// which so doesn't come before everything submitted has run.
class orphaned_threads {
public:
    static orphaned_threads& instance() {
        static orphaned_threads orphans;
        return orphans;
    }

    // `pool` lives as long as one of its `threads` does any work.
    void adopt(std::weak_ptr<const void> pool, std::vector<std::thread> threads) {
        const std::lock_guard lock(mutex_);
        std::erase_if(families_, [](family& ended) { return ended.pool.expired() && ended.join(); });
        families_.push_back({std::move(pool), std::move(threads)});
    }

    ~orphaned_threads() {
        for (family& each : families_) {
            each.join();
        }
    }

private:
    struct family {
        std::weak_ptr<const void> pool;
        std::vector<std::thread> threads;

        bool join() {
            for (std::thread& thread : threads) {
                // A task may end the process by `exit`: then its own thread destroys this.
                if (thread.get_id() == std::this_thread::get_id()) {
                    thread.detach();
                } else {
                    thread.join();
                }
            }
            return true;
        }
    };

    orphaned_threads() = default;

    std::mutex mutex_;
    std::vector<family> families_;
};

}  // namespace concurrent::futures::detail
