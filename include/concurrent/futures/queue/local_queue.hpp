// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// What one worker has submitted to its own pool. The owner pushes, and takes back the item whose result it
// needs; everybody pops the oldest. Each may have to wait for another for a few instructions; mostly there is
// nobody.
//
// The items are linked both ways, so that one is taken back from wherever it is, and so that pushing can't
// fail. A deque without a lock, such as Chase and Lev's, has room for so many only, or allocates, and leaves
// behind what was taken back from its middle; and as a push must be ordered before the look whether a worker
// is to be called, which this lock does by the way, it saves no atomic read-modify-write.
class local_queue {
public:
    [[nodiscard]] std::size_t size() const noexcept {
        // Relaxed: a hint, or somebody's whom `has_items` has shown all that was pushed before.
        return size_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] bool seems_empty() const noexcept { return size() == 0; }

    template <class Admit>
    [[nodiscard]] bool push(work_item& item, Admit admit) noexcept {
        const std::lock_guard lock(lock_);
        if (!admit()) {
            return false;
        }
        item.next_ = nullptr;
        item.previous_ = std::exchange(newest_, &item);
        (item.previous_ ? item.previous_->next_ : oldest_) = &item;
        item.home_.store(this, std::memory_order_relaxed);  // see `take_back`
        set_size(size() + 1);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const std::lock_guard lock(lock_);
        return take_oldest();
    }

    // By the owner: takes the item out if it is in this queue.
    [[nodiscard]] bool take_back(work_item& item) noexcept {
        // Relaxed: that it is here is known for sure under the lock only, but that it is not, at once, as the
        // owner alone could have pushed it.
        if (item.home_.load(std::memory_order_relaxed) != this) {
            return false;
        }
        const std::lock_guard lock(lock_);
        const bool here = item.home_.load(std::memory_order_relaxed) == this;
        if (here) {
            unlink(item);
        }
        return here;
    }

    [[nodiscard]] bool has_items() noexcept {
        const std::lock_guard lock(lock_);
        return oldest_ != nullptr;
    }

    work_list take_all() noexcept {
        const std::lock_guard lock(lock_);
        work_list items;
        while (work_item* const item = take_oldest()) {
            items.append(*item);
        }
        return items;
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        const std::lock_guard lock(lock_);
        work_list taken;
        if (purge_schedule::pays(size(), stale)) {
            for (work_item* each = oldest_; each;) {
                work_item& item = *std::exchange(each, each->next_);
                if (!item.still_waits()) {
                    stale.fetch_sub(1, std::memory_order_relaxed);  // see `take_stale`
                    unlink(item);
                    taken.append(item);
                }
            }
        }
        schedule_.done(size());
        return taken;
    }

private:
    work_item* take_oldest() noexcept {
        work_item* const item = oldest_;
        if (item) {
            unlink(*item);
        }
        return item;
    }

    void unlink(work_item& item) noexcept {
        (item.previous_ ? item.previous_->next_ : oldest_) = item.next_;
        (item.next_ ? item.next_->previous_ : newest_) = item.previous_;
        item.home_.store(nullptr, std::memory_order_relaxed);  // see `take_back`
        set_size(size() - 1);
    }

    // By the lock's holder.
    void set_size(std::size_t size) noexcept { size_.store(size, std::memory_order_relaxed); }

    alignas(cache_line) spin_lock lock_;
    work_item* oldest_ = nullptr;
    work_item* newest_ = nullptr;
    sync::atomic<std::size_t> size_{0};
    purge_schedule schedule_;
};

}}}  // namespace concurrent::futures::detail
