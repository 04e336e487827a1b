// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint32_t, std::uint64_t, std::uintptr_t
#include <exception>  // std::exception_ptr
#include <utility>    // std::exchange

#include <concurrent/futures/queue/queued_task.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class local_queue;
class worker;

// An item that waits in a pool's queue to be run. The queue keeps the item's memory until one of `execute`,
// `cancel_waiting`, `fail_waiting` and `release` is called; exactly one of these is called, once, on an item
// that was taken out, unless its own worker took it back to run it.
//
// An item in a queue is stale if it no longer waits: it was cancelled, or a worker that needed its result has
// run it. The queue learns of that only when the item's turn comes or it is purged, as finding an item would
// take a search.
class work_item : public queued_task {
public:
    work_item(const work_item&) = delete;
    work_item& operator=(const work_item&) = delete;

    // Requires: the calling thread is `self`'s. Runs the item; returns false if it was stale.
    virtual bool execute(worker& self) noexcept = 0;

    // Cancels the item if it still waits.
    virtual void cancel_waiting() noexcept = 0;

    // Makes the item fail with `reason` if it still waits.
    virtual void fail_waiting(std::exception_ptr reason) noexcept = 0;

    // Requires: the item is stale. Frees its memory, unless a handle is left.
    virtual void release() noexcept = 0;

    [[nodiscard]] virtual bool still_waits() noexcept = 0;

    // A hint: whether the task that submitted the item may wait for it. It doesn't if nobody has a handle;
    // nor if it only made ready to run what began elsewhere, which may wait for anything.
    [[nodiscard]] virtual bool submitter_may_wait() noexcept = 0;

    // Requires: the item is not queued yet.
    void set_priority(int priority) noexcept { priority_ = priority; }

    // Whether it is known that the pool which has the item, if any, was made by the shared library whose code
    // made the item.
    [[nodiscard]] bool has_owner_of_own_library() const noexcept { return (owner_ & of_any_library) == 0; }

protected:
    work_item() = default;
    ~work_item() = default;

    // Others know of the item before it is pushed: one may claim it while it is being pushed, and run it.
    // Requires: no queue has the item.
    void set_known_early() noexcept {
        place_.store(known_early, std::memory_order_relaxed);  // relaxed: what makes it known comes later
    }

    // Which pool has the item, as far as derived classes know. Stored here, where it takes no extra room. The
    // `number` has 31 bits.
    void set_owner(std::uint32_t number, bool is_of_own_library) noexcept {
        owner_ = number;
        if (!is_of_own_library) [[unlikely]] {
            owner_ |= of_any_library;
        }
    }
    [[nodiscard]] std::uint32_t owner_number() const noexcept { return owner_ & ~of_any_library; }

private:
    // The links belong to the queue that holds the item, and are guarded as the queue is.
    friend class lifo_order;
    friend class priority_order;
    friend class local_queue;
    friend class work_list;

    static constexpr std::uintptr_t known_early = 4;
    static constexpr std::uint32_t of_any_library = std::uint32_t{1} << 31;

    std::uint32_t owner_ = of_any_library;  // first, to fill a gap
    work_item* next_ = nullptr;
    union {
        work_item* child_ = nullptr;  // in a `priority_order`
        work_item* previous_;         // in a local queue
    };
    // The address of the local queue that holds the item; or, with the lowest bit set, of the local queue of
    // the worker that runs it, and with the next bit as well if that is one of another pool; or 0. With the
    // bit `known_early` if others know of the item before it is pushed, unless it runs.
    sync::atomic<std::uintptr_t> place_{0};
    // The item's number in the queue that holds it; or, while it runs, of the last item that its worker had
    // pushed to its local queue before.
    // Relaxed, like all uses: in a queue, its lock orders; while the item runs, `place_` does.
    sync::atomic<std::uint64_t> sequence_{0};

    [[nodiscard]] std::uint64_t sequence() const noexcept {
        return sequence_.load(std::memory_order_relaxed);
    }
    void set_sequence(std::uint64_t sequence) noexcept {
        sequence_.store(sequence, std::memory_order_relaxed);
    }
};

// Items in the order in which they were appended.
class work_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void append(work_item& item) noexcept {
        item.next_ = nullptr;
        *(first_ ? &last_->next_ : &first_) = &item;
        last_ = &item;
        ++size_;
    }

    void append(work_list items) noexcept {
        if (!items.empty()) {
            *(first_ ? &last_->next_ : &first_) = items.first_;
            last_ = items.last_;
            size_ += items.size_;
        }
    }

    work_item* take_first() noexcept {
        work_item* const item = first_;
        if (item) {
            first_ = std::exchange(item->next_, nullptr);
            --size_;
        }
        return item;
    }

private:
    work_item* first_ = nullptr;
    work_item* last_ = nullptr;  // valid if the list is not empty
    std::size_t size_ = 0;
};

}}}  // namespace concurrent::futures::detail
