// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <utility>  // std::exchange

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The items that one worker, the owner, has submitted to its own pool. The owner pushes, and takes back the
// item whose result it needs. Any thread pops the oldest item. A thread rarely has to wait for the lock, and
// then for a few instructions.
//
// The items are linked both ways: so the owner can take one back from anywhere, and a push cannot fail. A
// deque without a lock, such as Chase and Lev's, has a fixed capacity or allocates, and cannot give back an
// item from its middle. It would not save an atomic read-modify-write either: a push needs an order before
// it reads whether to wake a worker, and the lock provides this order anyway.
class local_queue {
public:
    [[nodiscard]] std::size_t size() const noexcept { return lock_.count(); }

    // Relaxed: a hint.
    [[nodiscard]] bool seems_empty() const noexcept { return lock_.count(std::memory_order_relaxed) == 0; }

    template <class Admit>
    [[nodiscard]] bool push(work_item& item, Admit admit) noexcept {
        counting_guard lock(lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
        item.next_ = nullptr;
        item.previous_ = std::exchange(newest_, &item);
        (item.previous_ ? item.previous_->next_ : oldest_) = &item;
        item.home_.store(this, std::memory_order_relaxed);  // relaxed: see `take_back`
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        counting_guard lock(lock_);
        return take_oldest(lock);
    }

    // Requires: the calling thread is the owner. Takes `item` out if it is in this queue.
    [[nodiscard]] bool take_back(work_item& item) noexcept {
        // Relaxed. Only the owner could have pushed the item here, so the owner knows at once if it is not
        // here. That it is here is certain only under the lock.
        if (item.home_.load(std::memory_order_relaxed) != this) {
            return false;
        }
        counting_guard lock(lock_);
        const bool here = item.home_.load(std::memory_order_relaxed) == this;
        if (here) {
            unlink(item, lock);
        }
        return here;
    }

    work_list take_all() noexcept {
        counting_guard lock(lock_);
        work_list items;
        while (work_item* const item = take_oldest(lock)) {
            items.append(*item);
        }
        return items;
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        counting_guard lock(lock_);
        work_list taken;
        if (purge_schedule::pays(lock.count(), stale)) {
            for (work_item* each = oldest_; each;) {
                work_item& item = *std::exchange(each, each->next_);
                if (!item.still_waits()) {
                    stale.fetch_sub(1, std::memory_order_relaxed);  // see `take_stale`
                    unlink(item, lock);
                    taken.append(item);
                }
            }
        }
        schedule_.done(lock.count());
        return taken;
    }

private:
    using guard = counting_guard<counting_lock>;

    work_item* take_oldest(guard& lock) noexcept {
        work_item* const item = oldest_;
        if (item) {
            unlink(*item, lock);
        }
        return item;
    }

    // Requires: `item` in this queue.
    void unlink(work_item& item, guard& lock) noexcept {
        (item.previous_ ? item.previous_->next_ : oldest_) = item.next_;
        (item.next_ ? item.next_->previous_ : newest_) = item.previous_;
        item.home_.store(nullptr, std::memory_order_relaxed);  // relaxed: see `take_back`
        lock.set_count(lock.count() - 1);
    }

    alignas(cache_line) counting_lock lock_;
    work_item* oldest_ = nullptr;
    work_item* newest_ = nullptr;
    purge_schedule schedule_;
};

}}}  // namespace concurrent::futures::detail
