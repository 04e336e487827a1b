// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <cstdint>  // std::uint64_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
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

    [[nodiscard]] std::size_t size() const noexcept {
        // Relaxed: either only a hint, or the caller has called `has_items()`, whose lock makes all earlier
        // pushes visible.
        const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
        const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
        return pushed > popped ? static_cast<std::size_t>(pushed - popped) : 0;
    }

    // A hint. Looks first at what only pops write, so that a pop often leaves the cache line of the pushes
    // alone.
    [[nodiscard]] bool seems_empty() const noexcept {
        return !popping_.load(std::memory_order_relaxed) && size() == 0;
    }

    template <class Admit>
    [[nodiscard]] bool push(work_item& item, Admit admit) noexcept {
        const std::lock_guard lock(push_lock_);
        if (!admit()) {
            return false;
        }
        pushed_list_.append(item);
        add(pushed_, 1);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const std::lock_guard lock(pop_lock_);
        if (popping_list_.empty()) {
            const std::lock_guard also(push_lock_);
            popping_list_ = std::exchange(pushed_list_, work_list());
        }
        work_item* const item = popping_list_.take_first();
        note_popped(item != nullptr);
        return item;
    }

    [[nodiscard]] bool has_items() noexcept {
        const std::lock_guard lock(push_lock_);
        return size() != 0;
    }

    work_list take_all() noexcept {
        const std::lock_guard lock(pop_lock_);
        const std::lock_guard also(push_lock_);
        work_list all = take_both_lists();
        note_popped(all.size());
        return all;
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        const std::lock_guard lock(pop_lock_);
        const std::lock_guard also(push_lock_);
        work_list taken;
        if (purge_schedule::pays(size(), stale)) {
            popping_list_ = take_both_lists();
            taken = take_stale(popping_list_, stale);
            note_popped(taken.size());
        }
        schedule_.done(size());
        return taken;
    }

private:
    // Requires: the lock that guards `count` held.
    static void add(sync::atomic<std::uint64_t>& count, std::size_t more) noexcept {
        count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }

    void note_popped(std::size_t count) noexcept {
        add(popped_, count);
        popping_.store(!popping_list_.empty(), std::memory_order_relaxed);
    }

    work_list take_both_lists() noexcept {
        work_list all = std::exchange(popping_list_, work_list());
        all.append(std::exchange(pushed_list_, work_list()));
        return all;
    }

    // Lock order: `pop_lock_` before `push_lock_`.
    alignas(cache_line) spin_lock push_lock_;
    work_list pushed_list_;
    sync::atomic<std::uint64_t> pushed_{0};  // since the queue was made, like `popped_`
    purge_schedule schedule_;

    alignas(cache_line) spin_lock pop_lock_;
    work_list popping_list_;
    sync::atomic<std::uint64_t> popped_{0};
    sync::atomic<bool> popping_{false};  // whether `popping_list_` has items
};

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
