#pragma once

#include <cstddef>  // std::size_t
#include <utility>  // std::exchange

#include <concurrent/futures/scheduling/work_item.hpp>

namespace concurrent::futures {

namespace detail {

// As every queue: intrusive, so that to queue an item allocates nothing and can't fail; and not thread-safe,
// as the pool's mutex guards it.
class fifo_queue {
public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(work_item& item) noexcept {
        items_.append(item);
        ++size_;
    }

    work_item* pop() noexcept {
        work_item* const item = items_.take_first();
        size_ -= item != nullptr;
        return item;
    }

    // Takes out every item, in an order in which pushing them again restores the queue.
    work_list take_all() noexcept {
        size_ = 0;
        return std::exchange(items_, work_list());
    }

private:
    work_list items_;
    std::size_t size_ = 0;
};

}  // namespace detail

/// Queue of a pool whose waiting tasks start in the order in which they were submitted.
struct fifo {
    using queue = detail::fifo_queue;
};

}  // namespace concurrent::futures
