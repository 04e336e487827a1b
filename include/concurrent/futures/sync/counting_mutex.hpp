// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Does what a `counting_lock` does, by a mutex: for sections that may take long.
class counting_mutex {
public:
    [[nodiscard]] std::size_t lock() {
        mutex_.lock();
        return count_.load(std::memory_order_relaxed);  // relaxed: the mutex orders
    }

    // The sum is sequentially consistent, as in `counting_lock`.
    [[nodiscard]] std::size_t lock_adding_one() {
        mutex_.lock();
        return count_.fetch_add(1) + 1;
    }

    // Release: see `counting_lock`.
    void unlock(std::size_t count) noexcept {
        count_.store(count, std::memory_order_release);
        mutex_.unlock();
    }

    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return count_.load(order);
    }

private:
    sync::mutex mutex_;
    sync::atomic<std::size_t> count_{0};
};

}}}  // namespace concurrent::futures::detail
