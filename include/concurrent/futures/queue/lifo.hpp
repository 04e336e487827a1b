// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

#include <concurrent/futures/queue/locked_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class lifo_order {
public:
    static constexpr bool restores = true;  // see `locked_queue`

    void push(work_item& item) noexcept { item.next_ = std::exchange(newest_, &item); }

    work_item* pop() noexcept {
        work_item* const item = newest_;
        if (item) {
            newest_ = std::exchange(item->next_, nullptr);
        }
        return item;
    }

    // Takes out every item, in an order in which pushing them again restores the queue.
    work_list take_all() noexcept {
        work_item* oldest = nullptr;
        while (work_item* const item = pop()) {
            item->next_ = std::exchange(oldest, item);
        }
        work_list items;
        while (oldest) {
            work_item* const next = oldest->next_;
            items.append(*oldest);
            oldest = next;
        }
        return items;
    }

private:
    work_item* newest_ = nullptr;
};

}  // namespace detail

/// Queue of a pool that starts the task submitted last first.
///
/// \code
/// futures::thread_pool_executor<futures::lifo> newest_first(1);
/// assert(newest_first.submit([] { return 42; }).result() == 42);
/// \endcode
struct lifo {
    /// How it is done; not for users.
    using queue = detail::locked_queue<detail::lifo_order>;
};

}}  // namespace concurrent::futures
