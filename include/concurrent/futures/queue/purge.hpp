// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t, std::ptrdiff_t

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Decides when to purge a queue: when its size has doubled since the last purge and at least half of it may
// be stale. So its size stays within a small multiple of what waits, and each push pays for a constant part
// of the purge.
class purge_schedule {
public:
    // Relaxed, like all loads and stores here: they decide about cost and order nothing. `stale` is the
    // number of stale items in all queues. It is read first: it is mostly 0, and others write the queue's
    // size.
    template <class Queue>
    [[nodiscard]] bool due(const Queue& queue, const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(least / 2) &&
               queue.size() >= at_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] static bool pays(std::size_t size, const sync::atomic<std::ptrdiff_t>& stale) noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(size / 2);
    }

    void done(std::size_t size_left) noexcept {
        at_.store(size_left > least / 2 ? 2 * size_left : least, std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t least = 64;

    sync::atomic<std::size_t> at_{least};
};

// Takes the stale items out of `items` and subtracts them from `stale`. The queue's size must go down only
// afterwards, so that never too few items seem to wait.
work_list take_stale(work_list& items, sync::atomic<std::ptrdiff_t>& stale) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list take_stale(work_list& items,
                                                 sync::atomic<std::ptrdiff_t>& stale) noexcept {
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

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
