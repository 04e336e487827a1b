// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::declval

#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes an order of items, `push(item)`, `pop()` and `take_all()`, safe for several threads by a lock.
//
// `Order::restores` says whether pushing what `take_all()` returned, in that order, restores the queue. Else
// the queue is never purged: an item that was cancelled stays in it until its turn comes.
template <class Order, class Lock = spin_lock>
class locked_queue {
public:
    // Whether workers may keep their own submits in local queues. The order spans all items, so they may not.
    static constexpr bool allows_local_queues = false;

    [[nodiscard]] std::size_t size() const noexcept {
        // Relaxed: either only a hint, or the caller has called `has_items()`, whose lock makes all earlier
        // pushes visible.
        return size_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] bool seems_empty() const noexcept { return size() == 0; }

    // If the order's `push` throws, the queue is as it was.
    template <class Admit>
    [[nodiscard]] bool push(work_item& item,
                            Admit admit) noexcept(noexcept(std::declval<Order&>().push(item))) {
        const std::lock_guard lock(lock_);
        if (!admit()) {
            return false;
        }
        order_.push(item);
        set_size(size() + 1);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const std::lock_guard lock(lock_);
        work_item* const item = order_.pop();
        set_size(size() - (item != nullptr));
        return item;
    }

    [[nodiscard]] bool has_items() noexcept {
        const std::lock_guard lock(lock_);
        return size() != 0;
    }

    work_list take_all() noexcept {
        const std::lock_guard lock(lock_);
        set_size(0);
        return order_.take_all();
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return Order::restores && schedule_.due(*this, stale);
    }

    // Requires: `purge_is_due`.
    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        const std::lock_guard lock(lock_);
        work_list taken;
        if (purge_schedule::pays(size(), stale)) {
            work_list items = order_.take_all();
            taken = take_stale(items, stale);
            set_size(items.size());
            while (work_item* const item = items.take_first()) {
                order_.push(*item);
            }
        }
        schedule_.done(size());
        return taken;
    }

private:
    // Requires: `lock_` held.
    void set_size(std::size_t size) noexcept { size_.store(size, std::memory_order_relaxed); }

    Lock lock_;
    Order order_;
    sync::atomic<std::size_t> size_{0};
    purge_schedule schedule_;
};

}}}  // namespace concurrent::futures::detail
