// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <utility>  // std::declval

#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes an order of items, `push(item)`, `pop()` and `take_all()`, safe for several threads by a lock.
//
// `Order::restores` says whether pushing what `take_all()` returned, in that order, restores the queue. Else
// the queue is never purged: an item that was cancelled stays in it until its turn comes.
template <class Order, class Lock = counting_lock>
class locked_queue {
public:
    // Whether workers may keep their own submits in local queues. The order spans all items, so they may not.
    static constexpr bool allows_local_queues = false;

    [[nodiscard]] std::size_t size() const noexcept { return lock_.count(); }
    [[nodiscard]] std::size_t settled_size() const noexcept { return size(); }

    // Relaxed: a hint.
    [[nodiscard]] bool seems_empty() const noexcept { return lock_.count(std::memory_order_relaxed) == 0; }

    // If the order's `push` throws, the queue is as it was.
    template <class Admit>
    [[nodiscard]] bool push(work_item& item,
                            Admit admit) noexcept(noexcept(std::declval<Order&>().push(item))) {
        counting_guard lock(lock_, adding_one);
        bool pushed = false;
        const uncounted_unless uncounted(lock, pushed);
        if (admit()) {
            order_.push(item);
            pushed = true;
        }
        return pushed;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        counting_guard lock(lock_);
        work_item* const item = order_.pop();
        lock.set_count(lock.count() - (item != nullptr));
        return item;
    }

    [[gnu::cold]] work_list take_all() noexcept {
        counting_guard lock(lock_);
        lock.set_count(0);
        return order_.take_all();
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return Order::restores && schedule_.due(*this, stale);
    }

    // Requires: `purge_is_due`.
    [[gnu::noinline]] work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        counting_guard lock(lock_);
        work_list taken;
        if (purge_schedule::pays(lock.count(), stale)) {
            work_list items = order_.take_all();
            taken = take_stale(items, stale);
            lock.set_count(items.size());
            while (work_item* const item = items.take_first()) {
                order_.push(*item);
            }
        }
        schedule_.done(lock.count());
        return taken;
    }

private:
    // A push has counted its item. If the item was refused, or the order threw, it does not count any more.
    class uncounted_unless {
    public:
        uncounted_unless(counting_guard<Lock>& lock, const bool& pushed) noexcept
            : lock_(lock), pushed_(pushed) {}
        uncounted_unless(const uncounted_unless&) = delete;
        uncounted_unless& operator=(const uncounted_unless&) = delete;
        ~uncounted_unless() {
            if (!pushed_) {
                lock_.set_count(lock_.count() - 1);
            }
        }

    private:
        counting_guard<Lock>& lock_;
        const bool& pushed_;
    };

    Lock lock_;
    Order order_;
    purge_schedule schedule_;
};

}}}  // namespace concurrent::futures::detail
