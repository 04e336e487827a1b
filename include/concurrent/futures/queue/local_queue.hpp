// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>           // std::size_t, std::ptrdiff_t
#include <cstdint>           // std::uint64_t, std::uintptr_t
#include <initializer_list>  // std::initializer_list
#include <utility>           // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/queue/purge.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/biased_lock.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The items that one worker, the owner, has submitted to its own pool. The owner pushes, and takes back the
// item whose result it needs. Any thread pops the oldest item. (One queue of a pool has no owner: there, any
// thread pushes a branch, and takes back what it has pushed.) A thread rarely has to wait for the lock, and
// then for a few instructions. The lock is biased to the owner as long as no other thread comes.
//
// The items are linked both ways: so the owner can take one back from anywhere, and a push cannot fail. A
// deque without a lock, such as Chase and Lev's, has a fixed capacity or allocates, and cannot give back an
// item from its middle.
class local_queue {
public:
    // Without an owner.
    local_queue() noexcept : lock_(false) {}
    // For a worker; `waits` is its pool's list.
    explicit local_queue(blocked_wait_list& waits) noexcept : lock_(true), waits_(&waits) {}

    [[nodiscard]] std::size_t size() const noexcept { return lock_.count(); }

    // Relaxed: a hint.
    [[nodiscard]] bool seems_empty() const noexcept { return lock_.count(std::memory_order_relaxed) == 0; }

    // For other threads than the owner: `size()` then misses no item whose push has not seen what the caller
    // did before.
    void order_pushes() noexcept { lock_.end_bias(); }

    // The owner has nothing to do.
    void give_up_bias() noexcept { lock_.give_up_bias(); }

    template <class Admit>
    [[nodiscard, gnu::always_inline]] bool push(work_item& item, Admit admit) noexcept {
        owner_guard lock(lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
        item.next_ = nullptr;
        item.previous_ = std::exchange(newest_, &item);
        (item.previous_ ? item.previous_->next_ : oldest_) = &item;
        note_pushed(item);
        item.set_sequence(++pushed_);
        return true;
    }

    work_item* pop() noexcept { return pop_by<others_guard>(); }

    // The same, for the owner.
    work_item* pop_own() noexcept { return pop_by<owner_guard>(); }

    // Takes `item` out if a local queue has it. `own` is that of the calling thread, or null. Requires: the
    // pool of the queue exists. This misses no item but one that others know before it is pushed.
    [[nodiscard, gnu::always_inline]] static bool take_back(work_item& item,
                                                            const local_queue* own) noexcept {
        // Acquire: pairs with the release of `note_known_pushed`, so that this thread can use the queue. If
        // others know of the item only since it was pushed, then what told them orders this, too.
        const std::uintptr_t place = item.place_.load(std::memory_order_acquire);
        local_queue* const queue = (place & running) == 0 ? queue_at(place) : nullptr;
        if (!queue) {
            return false;
        }
        return queue == own ? queue->take_out<owner_guard>(item) : queue->take_out_of_others(item);
    }

    // The owner begins to run `item`. `numbers` says whether the pool's items may be numbered anew; where
    // local queues are not used, a stale item may still be in a queue that is ordered by its number.
    // Requires: the calling thread is the owner, and its pool has the item.
    void note_running(work_item& item, bool numbers) noexcept {
        if (numbers) {
            item.set_sequence(pushed_++);  // a gap parts what is pushed from now on from what was before
        }
        // Release: pairs with the acquire of `queue_of_runner`.
        item.place_.store(address() | running, std::memory_order_release);
    }

    // The same, for an item that another pool has, or none.
    void note_running_elsewhere(work_item& item) const noexcept {
        item.place_.store(address() | running | elsewhere, std::memory_order_release);  // as above
    }

    // A coroutine: its worker no longer runs it, and it will go on later. Returns what `note_going_on` needs
    // if it goes on at once, on this thread.
    static std::uintptr_t note_suspended(work_item& item) noexcept {
        const std::uintptr_t place = item.place_.load(std::memory_order_relaxed);
        item.set_known_early();  // relaxed: the lock of its state orders it
        return place;
    }
    static void note_going_on(work_item& item, std::uintptr_t place) noexcept {
        item.place_.store(place, std::memory_order_release);  // as in `note_running`
    }

    // Returns the local queue of the worker that runs `item`, null if none has begun to. If `anywhere`, the
    // worker may be one of another pool than that which has the item: it may be gone by now, unless the
    // caller keeps the item from being done and from being suspended.
    [[nodiscard]] static local_queue* queue_of_runner(const work_item& item, bool anywhere = false) noexcept {
        // Acquire: pairs with the release of `note_running`.
        const std::uintptr_t place = item.place_.load(std::memory_order_acquire);
        const bool found = (place & running) != 0 && (anywhere || (place & elsewhere) == 0);
        return found ? queue_at(place) : nullptr;
    }

    // Calls `visit(wait, removals)` for the wait of the owner, if it sleeps in a task: see
    // `blocked_wait_list`. Requires: the queue is a worker's.
    template <class Visit>
    void for_wait_of_owner(Visit&& visit) noexcept {
        waits_->for_wait_of(this, visit);
    }

    // Takes out an item that the owner has pushed since it began to run `awaited`, and for which that may
    // wait. Returns null if there seems to be none. Requires: `queue_of_runner(awaited)` returned this queue,
    // and `still_runs()` returns whether the owner still runs `awaited`.
    template <class StillRuns>
    [[nodiscard]] work_item* take_pushed_since(const work_item& awaited, StillRuns still_runs) noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        counting_guard lock(lock_);
        // Under the lock: what the owner pushes after `awaited` was done comes later.
        if (!oldest_ || !still_runs()) {
            return nullptr;
        }
        for (work_item* const item : {best_to_help_with(), oldest_, newest_}) {
            if (item->sequence() > awaited.sequence() && item->submitter_may_wait()) {
                unlink(*item, lock);
                return item;
            }
        }
        return nullptr;
    }

    [[gnu::cold]] work_list take_all() noexcept;

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept;

private:
    using others_guard = counting_guard<biased_lock>;

    // Bits of `work_item::place_`.
    static constexpr std::uintptr_t running = 1;
    static constexpr std::uintptr_t elsewhere = 2;
    static constexpr std::uintptr_t known_early = work_item::known_early;

    [[nodiscard]] static local_queue* queue_at(std::uintptr_t place) noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for both, so that it changes at once
        return reinterpret_cast<local_queue*>(place & ~(running | elsewhere | known_early));
    }

    // Under the lock.
    [[gnu::always_inline]] void note_pushed(work_item& item) const noexcept {
        if (item.place_.load(std::memory_order_relaxed) == 0) [[likely]] {
            // Relaxed: what publishes the item comes later.
            item.place_.store(address(), std::memory_order_relaxed);
        } else {
            note_known_pushed(item);
        }
    }
    [[gnu::always_inline]] void note_taken_out(work_item& item) const noexcept {
        // Relaxed, as all of this: `take_back` looks once more under the lock.
        if (item.place_.load(std::memory_order_relaxed) == address()) [[likely]] {
            item.place_.store(0, std::memory_order_relaxed);
        } else {
            note_known_taken_out(item);
        }
    }

    // The same if others know of the item before it is pushed. One may have claimed it, and run it while it
    // is in this queue. Then the item's place is with that worker.
    void note_known_pushed(work_item& item) const noexcept;
    void note_known_taken_out(work_item& item) const noexcept;

    template <class Guard>
    [[nodiscard, gnu::always_inline]] bool take_out(work_item& item) noexcept {
        Guard lock(lock_);
        const std::uintptr_t place = item.place_.load(std::memory_order_relaxed);
        const bool here = (place & ~known_early) == address();
        if (here) {
            behind_last_taken_ = item.next_;
            unlink(item, lock);
        }
        return here;
    }

    [[nodiscard]] bool take_out_of_others(work_item& item) noexcept;

    template <class Guard>
    work_item* pop_by() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        Guard lock(lock_);
        return take_oldest(lock);
    }

    // The oldest item is mostly the one with the most work. But where the owner takes results in the order in
    // which it has submitted, it will soon wait for the oldest itself, and so for its helper. As much work,
    // and awaited last, is the last of those that one task has submitted one after the other, with the
    // oldest. No walk is longer than the owner should have to wait for the lock. Requires: there is an item.
    [[nodiscard]] work_item* best_to_help_with() const noexcept {
        constexpr int longest_walk = 16;
        work_item* best = oldest_;
        if (!behind_last_taken_) {  // it takes the newest first
            return best;
        }
        for (int step = 0; step != longest_walk; ++step) {
            work_item* const next = best->next_;
            if (!next || next->sequence() != best->sequence() + 1) {
                break;
            }
            best = next;
        }
        return best;
    }

    template <class Guard>
    work_item* take_oldest(Guard& lock) noexcept {
        work_item* const item = oldest_;
        if (item) {
            unlink(*item, lock);
        }
        return item;
    }

    // Requires: `item` in this queue.
    template <class Guard>
    [[gnu::always_inline]] void unlink(work_item& item, Guard& lock) noexcept {
        (item.previous_ ? item.previous_->next_ : oldest_) = item.next_;
        (item.next_ ? item.next_->previous_ : newest_) = item.previous_;
        note_taken_out(item);
        lock.set_count(lock.count() - 1);
    }

    [[nodiscard]] std::uintptr_t address() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }

    alignas(cache_line) biased_lock lock_;
    work_item* oldest_ = nullptr;
    work_item* newest_ = nullptr;
    // The number of the last item, or of the gap after that item. Only the owner uses this number; where
    // several threads push, the lock guards it.
    std::uint64_t pushed_ = 0;
    // The item that followed the last item taken back; null if nothing followed. It may be gone by now.
    const work_item* behind_last_taken_ = nullptr;
    purge_schedule schedule_;
    blocked_wait_list* const waits_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list local_queue::take_all() noexcept {
    counting_guard lock(lock_);
    work_list items;
    while (work_item* const item = take_oldest(lock)) {
        items.append(*item);
    }
    return items;
}

CONCURRENT_FUTURES_FUNCTION work_list local_queue::purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
    owner_guard lock(lock_);
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

CONCURRENT_FUTURES_FUNCTION bool local_queue::take_out_of_others(work_item& item) noexcept {
    return take_out<others_guard>(item);
}

CONCURRENT_FUTURES_FUNCTION void local_queue::note_known_pushed(work_item& item) const noexcept {
    std::uintptr_t before = known_early;
    // Release: pairs with the acquire of `take_back`. If this fails, the item runs.
    item.place_.compare_exchange_strong(before, address() | known_early, std::memory_order_release);
}

CONCURRENT_FUTURES_FUNCTION void local_queue::note_known_taken_out(work_item& item) const noexcept {
    std::uintptr_t before = address() | known_early;
    item.place_.compare_exchange_strong(before, known_early, std::memory_order_relaxed);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
