// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>  // std::max
#include <cstddef>    // std::size_t, std::ptrdiff_t

#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// When a queue is looked through for items that no longer wait: when it has doubled since the last time, if
// then most of it may be such. So its length stays within a small multiple of what waits, and each item that
// is pushed pays for a constant part of the looking.
class purge_schedule {
public:
    // Relaxed, all: a matter of cost, which orders nothing. `dead` is how many items in all queues no longer
    // wait. It is looked at first: mostly there are none, and the queue's size is what others write.
    template <class Queue>
    [[nodiscard]] bool due(const Queue& queue, const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(least / 2) &&
               queue.size() >= at_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] static bool pays(std::size_t size, const sync::atomic<std::ptrdiff_t>& stale) noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(size / 2);
    }

    void done(std::size_t size_left) noexcept {
        at_.store((std::max)(least, 2 * size_left), std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t least = 64;

    sync::atomic<std::size_t> at_{least};
};

// Takes the items that no longer wait out of `items`, and from the count of the `dead`: before the queue's
// size shows it, so that nobody counts too few that wait.
inline work_list take_stale(work_list& items, sync::atomic<std::ptrdiff_t>& stale) noexcept {
    work_list taken;
    work_list kept;
    while (work_item* const item = items.take_first()) {
        (item->still_waits() ? kept : taken).append(*item);
    }
    items = kept;
    stale.fetch_sub(static_cast<std::ptrdiff_t>(taken.size()),
                    std::memory_order_relaxed);  // see `note_stale_item`
    return taken;
}

}}}  // namespace concurrent::futures::detail
