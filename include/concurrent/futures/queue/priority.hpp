// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>  // std::uint64_t
#include <utility>  // std::exchange, std::swap

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/queue/locked_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap: a new form of self-adjusting
// heap", Algorithmica 1, 1986): push in constant, pop in amortised logarithmic time, two links an item.
// `child_` is an item's first child, `next_` its next sibling.
class priority_order {
public:
    static constexpr bool restores = true;  // see `locked_queue`

    // An item that `take_all` returned keeps its place among those of its priority.
    void push(work_item& item) noexcept;

    work_item* pop() noexcept;

    // Takes out every item, in any order: pushing them again restores the queue.
    work_list take_all() noexcept;

private:
    static bool runs_before(const work_item& a, const work_item& b) noexcept {
        return a.priority() != b.priority() ? a.priority() > b.priority() : a.sequence() < b.sequence();
    }

    static work_item* merge(work_item* a, work_item* b) noexcept {
        if (runs_before(*b, *a)) {
            std::swap(a, b);
        }
        b->next_ = std::exchange(a->child_, b);
        return a;
    }

    // Pairs from left to right, then merges the pairs from right to left.
    static work_item* merge_siblings(work_item* first) noexcept;

    work_item* root_ = nullptr;
    std::uint64_t pushed_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void priority_order::push(work_item& item) noexcept {
    if (item.sequence() == 0) {
        item.set_sequence(++pushed_);
    }
    item.next_ = nullptr;
    item.child_ = nullptr;
    root_ = root_ ? merge(root_, &item) : &item;
}

CONCURRENT_FUTURES_FUNCTION work_item* priority_order::pop() noexcept {
    work_item* const item = root_;
    if (item) {
        root_ = merge_siblings(std::exchange(item->child_, nullptr));
    }
    return item;
}

CONCURRENT_FUTURES_FUNCTION work_list priority_order::take_all() noexcept {
    work_list items;
    // The items still to visit form a chain of siblings; the children of each go to its front. Each list
    // of children is walked once, so this is linear.
    work_item* chain = std::exchange(root_, nullptr);
    while (chain) {
        work_item* const item = chain;
        chain = item->next_;
        if (work_item* const first = std::exchange(item->child_, nullptr)) {
            work_item* last = first;
            while (last->next_) {
                last = last->next_;
            }
            last->next_ = chain;
            chain = first;
        }
        items.append(*item);
    }
    return items;
}

CONCURRENT_FUTURES_FUNCTION work_item* priority_order::merge_siblings(work_item* first) noexcept {
    work_item* pairs = nullptr;
    while (first) {
        work_item* const a = first;
        work_item* const b = std::exchange(a->next_, nullptr);
        first = b ? std::exchange(b->next_, nullptr) : nullptr;
        work_item* const pair = b ? merge(a, b) : a;
        pair->next_ = std::exchange(pairs, pair);
    }
    work_item* merged = nullptr;
    while (pairs) {
        work_item* const pair = std::exchange(pairs, pairs->next_);
        pair->next_ = nullptr;
        merged = merged ? merge(merged, pair) : pair;
    }
    return merged;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Queue of a pool whose waiting task with the greatest `submit_options::priority` starts first; those of the
/// same priority start in the order in which they were submitted.
///
/// \code
/// futures::thread_pool_executor<futures::priority> urgent_first(1);
/// assert(urgent_first.submit({.priority = 10}, [] { return 42; }).result() == 42);
/// \endcode
struct priority {
    /// How it is done; not for users.
    using queue = detail::locked_queue<detail::priority_order>;
};

}}  // namespace concurrent::futures
