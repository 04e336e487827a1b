// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The lock of a queue, in one word with the number of the queue's items. `lock_adding_one` counts the new
// item by the very operation that takes the lock. So whatever the pushing thread reads afterwards, it reads
// after the item was counted, and needs no further read-modify-write or fence for that; see pool/sleep.hpp.
//
// It spins, and is for sections of a few instructions. Unlocking is a plain store. `counting_guard` locks it.
class counting_lock {
public:
    counting_lock() = default;
    counting_lock(const counting_lock&) = delete;
    counting_lock& operator=(const counting_lock&) = delete;

    // Returns the number of items. Acquire: pairs with the release of `unlock`.
    [[nodiscard, gnu::always_inline]] std::size_t lock() noexcept {
        return lock_adding(0, std::memory_order_acquire);
    }

    // Adds one to the number of items, and returns the sum. Sequentially consistent: the caller then reads
    // which workers sleep. A worker that goes to sleep first announces that, and then reads `count()`. At
    // least one of the two threads sees what the other did.
    [[nodiscard, gnu::always_inline]] std::size_t lock_adding_one() noexcept {
        return lock_adding(one, std::memory_order_seq_cst);
    }

    // Requires: this thread has locked. Release: pairs with the acquire of `lock`; and a thread that finds
    // the new count in `count()` also finds what was stored before.
    void unlock(std::size_t count) noexcept { word_.store(count * one, std::memory_order_release); }

    // Changes the number of items. Relaxed: see `biased_lock`. Requires: no thread has locked, nor can it
    // lock meanwhile.
    void set_count(std::size_t count) noexcept { word_.store(count * one, std::memory_order_relaxed); }

    // The number of items, with those that are about to be added. Any thread may ask, without the lock.
    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return word_.load(order) / one;
    }

private:
    static constexpr std::size_t locked = 1;
    static constexpr std::size_t one = 2;

    [[gnu::always_inline]] std::size_t lock_adding(std::size_t added, std::memory_order order) noexcept {
        // Relaxed: the compare-exchange orders. The loads only read, so the holder keeps the cache line.
        std::size_t before = word_.load(std::memory_order_relaxed);
        for (;;) {
            if ((before & locked) != 0) {
                before = wait();
            } else if (word_.compare_exchange_weak(before, (before + added) | locked, order,
                                                   std::memory_order_relaxed)) {
                return (before + added) / one;
            }
        }
    }

    // Waits until no thread has locked, and returns the word.
    [[nodiscard, gnu::noinline]] std::size_t wait() const noexcept {
        for (back_off delay;;) {
            delay.pause();
            const std::size_t now = word_.load(std::memory_order_relaxed);
            if ((now & locked) == 0) {
                return now;
            }
        }
    }

    sync::atomic<std::size_t> word_{0};
};

}}}  // namespace concurrent::futures::detail
