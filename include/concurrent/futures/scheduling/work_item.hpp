#pragma once

#include <cstdint>    // std::uint64_t
#include <exception>  // std::exception_ptr

namespace concurrent::futures::detail {

class worker;

// What waits in a pool's queue to be run. The queue owns one reference on each item that it holds; each of
// `execute`, `cancel_waiting`, `fail_waiting` and `drop` gives that reference up, so exactly one of them is
// called once on an item that was taken out.
//
// An item in a queue may be no longer waiting: somebody cancelled it, or a worker that needed its result has
// run it. The queue isn't told, for then it would have to be searched; it finds out when the item's turn
// comes.
class work_item {
public:
    work_item(const work_item&) = delete;
    work_item& operator=(const work_item&) = delete;

    // Runs the item on `self`'s thread, which is the calling one; false if it was no longer waiting.
    virtual bool execute(worker& self) noexcept = 0;

    // Cancels the item if it is still waiting.
    virtual void cancel_waiting() noexcept = 0;

    // Makes the item fail with `reason` if it is still waiting.
    virtual void fail_waiting(const std::exception_ptr& reason) noexcept = 0;

    // Gives up an item that is no longer waiting.
    virtual void drop() noexcept = 0;

    [[nodiscard]] virtual bool is_waiting() const noexcept = 0;

    // Called before the item is queued, if at all.
    void set_priority(int priority) noexcept { priority_ = priority; }

protected:
    work_item() = default;
    ~work_item() = default;

private:
    // The links belong to the queue that holds the item and are guarded as that queue is.
    friend class fifo_queue;
    friend class lifo_queue;
    friend class priority_queue;
    friend class work_list;

    work_item* next_ = nullptr;
    work_item* child_ = nullptr;
    std::uint64_t sequence_ = 0;
    int priority_ = 0;
};

// Items in the order in which they were appended.
class work_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void append(work_item& item) noexcept {
        item.next_ = nullptr;
        *(last_ ? &last_->next_ : &first_) = &item;
        last_ = &item;
    }

    work_item* take_first() noexcept {
        work_item* const item = first_;
        if (item) {
            first_ = item->next_;
            if (!first_) {
                last_ = nullptr;
            }
            item->next_ = nullptr;
        }
        return item;
    }

private:
    work_item* first_ = nullptr;
    work_item* last_ = nullptr;
};

}  // namespace concurrent::futures::detail
