// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A mutex for sections of a few instructions. It takes one byte, and unlocking is a plain store. `std::mutex`
// unlocks by an atomic read-modify-write, and puts a thread that finds it locked to sleep, which takes a
// hundred times as long as such a section.
class spin_lock {
public:
    spin_lock() = default;
    spin_lock(const spin_lock&) = delete;
    spin_lock& operator=(const spin_lock&) = delete;

    [[gnu::always_inline]] void lock() noexcept {
        // Acquire: pairs with the release of `unlock`.
        while (locked_.exchange(true, std::memory_order_acquire)) {
            wait();
        }
    }

    // Acquire: pairs with the release of `unlock`.
    [[nodiscard]] bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }

    // Release: pairs with the acquire of `lock` and `try_lock`.
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
    [[gnu::noinline]] void wait() const noexcept {
        back_off delay;
        // Relaxed: the exchange orders. The load only reads, so the holder keeps the cache line.
        while (locked_.load(std::memory_order_relaxed)) {
            delay.pause();
        }
    }

    sync::atomic<bool> locked_{false};
};

// A `std::lock_guard` for where a few instructions count: compilers leave that one as a call at times.
class spin_guard {
public:
    [[gnu::always_inline]] explicit spin_guard(spin_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    spin_guard(const spin_guard&) = delete;
    spin_guard& operator=(const spin_guard&) = delete;
    [[gnu::always_inline]] ~spin_guard() { lock_.unlock(); }

private:
    spin_lock& lock_;
};

}}}  // namespace concurrent::futures::detail
