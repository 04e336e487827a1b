// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/sync/synchronization.hpp>

// Stands in the place of the library's own header, where that was shown to do what a mutex and a count do, as
// in `spin_lock.hpp`.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class counting_lock {
public:
    [[nodiscard]] std::size_t lock() {
        mutex_.lock();
        return count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t lock_adding_one() {
        mutex_.lock();
        return count_.fetch_add(1) + 1;
    }
    void unlock(std::size_t count) noexcept {
        count_.store(count, std::memory_order_release);
        mutex_.unlock();
    }
    void set_count(std::size_t count) noexcept { count_.store(count, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return count_.load(order);
    }

private:
    sync::mutex mutex_;
    sync::atomic<std::size_t> count_{0};
};

}}}  // namespace concurrent::futures::detail
