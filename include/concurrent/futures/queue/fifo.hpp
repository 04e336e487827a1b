// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// First in, first out. Pushing and popping threads have a list and a lock each. A pop takes the lock of the
// pushes only when its own list is empty, to take over all that was pushed. (The idea of two locks is Michael
// and Scott's, "Simple, fast, and practical non-blocking and blocking concurrent queue algorithms", PODC
// 1996.)
class fifo_queue {
public:
    // Whether workers may keep their own submits in local queues. With several workers nobody can tell the
    // order in which tasks start.
    static constexpr bool allows_local_queues = true;

    // A pop that takes the pushed items over counts them in `popping_` before it takes them from the other
    // count. So both are never missed by a thread that reads the counts in this order.
    [[nodiscard, gnu::always_inline]] std::size_t size() const noexcept {
        const std::size_t pushed = push_lock_.count();
        return pushed + popping_.load();
    }

    // Waits until no item is on the way from one count to the other.
    [[nodiscard]] std::size_t settled_size() const noexcept {
        const std::lock_guard lock(pop_lock_);
        return size();
    }

    // Relaxed: a hint. Looks first at what only pops write, so that a pop often leaves the cache line of the
    // pushes alone.
    [[nodiscard]] bool seems_empty() const noexcept {
        return popping_.load(std::memory_order_relaxed) == 0 &&
               push_lock_.count(std::memory_order_relaxed) == 0;
    }

    template <class Admit>
    [[nodiscard, gnu::always_inline]] bool push(work_item& item, Admit admit) noexcept {
        counting_guard lock(push_lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
        pushed_list_.append(item);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const spin_guard lock(pop_lock_);
        if (popping_list_.empty()) {
            take_over_pushed();
        }
        work_item* const item = popping_list_.take_first();
        note_popping();
        return item;
    }

    [[gnu::cold]] work_list take_all() noexcept;

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept;

private:
    // Requires: `pop_lock_` held.
    void take_over_pushed() noexcept;

    // Requires: `pop_lock_` held. Release: a thread that reads the new number in `size` also sees that a
    // purge has taken its items from the number of stale ones.
    void note_popping() noexcept { popping_.store(popping_list_.size(), std::memory_order_release); }

    // Lock order: `pop_lock_` before `push_lock_`.
    alignas(cache_line) counting_lock push_lock_;
    work_list pushed_list_;
    purge_schedule schedule_;

    alignas(cache_line) mutable spin_lock pop_lock_;
    work_list popping_list_;
    sync::atomic<std::size_t> popping_{0};  // the number of items in `popping_list_`
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list fifo_queue::take_all() noexcept {
    const std::lock_guard lock(pop_lock_);
    take_over_pushed();
    work_list all = std::exchange(popping_list_, work_list());
    note_popping();
    return all;
}

CONCURRENT_FUTURES_FUNCTION work_list fifo_queue::purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
    const std::lock_guard lock(pop_lock_);
    work_list taken;
    if (purge_schedule::pays(size(), stale)) {
        take_over_pushed();
        taken = take_stale(popping_list_, stale);
        note_popping();
    }
    schedule_.done(size());
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void fifo_queue::take_over_pushed() noexcept {
    counting_guard also(push_lock_);
    popping_list_.append(std::exchange(pushed_list_, work_list()));
    note_popping();
    also.set_count(0);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Queue of a pool whose waiting tasks start in the order in which they were submitted. (Tasks that the
/// pool's own tasks submit start in the order in which each worker submitted them; idle workers help with
/// them.)
///
/// \code
/// futures::thread_pool_executor<futures::fifo> executor_in_order(1);  // or thread_pool_executor<>
/// assert(executor_in_order.submit([] { return 42; }).result() == 42);
/// \endcode
struct fifo {
    /// How it is done; not for users.
    using queue = detail::fifo_queue;
};

}}  // namespace concurrent::futures
