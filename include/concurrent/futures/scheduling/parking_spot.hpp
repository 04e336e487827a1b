#pragma once

#include <condition_variable>  // std::condition_variable
#include <mutex>               // std::mutex

namespace concurrent::futures::detail {

// Where one thread sleeps until another wakes it. A wake-up that comes first is kept.
class parking_spot {
public:
    void park() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_; });
        woken_ = false;
    }

    void unpark() {
        {
            const std::lock_guard lock(mutex_);
            woken_ = true;
        }
        changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
};

}  // namespace concurrent::futures::detail
