// SPDX-License-Identifier: MIT

#pragma once

#include <mutex>  // std::lock_guard, std::unique_lock

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// One thread sleeps here until another wakes it. A wake-up that comes first is kept. The spot must live until
// `unpark` has returned.
class parking_spot {
public:
    [[gnu::noinline]] void park() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_; });
        woken_ = false;
    }

    [[gnu::noinline]] void unpark() {
        {
            const std::lock_guard lock(mutex_);
            woken_ = true;
        }
        changed_.notify_one();
    }

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool woken_ = false;
};

}}}  // namespace concurrent::futures::detail
