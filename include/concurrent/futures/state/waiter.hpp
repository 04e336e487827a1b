// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How a future became done.
enum class outcome { value, exception, cancelled };

// Who is told, once, that a future is done. It is linked into the future's list of waiters from `add_waiter`
// until it was removed or told, and must live so long; being told is the last that is done with it, and is
// done with the future's state, which may be gone by then.
class waiter {
public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    // Called on the thread that completed or cancelled the future.
    virtual void on_done(outcome how) noexcept = 0;

    // Whether that runs a user's code.
    [[nodiscard]] virtual bool calls_back() const noexcept { return false; }

protected:
    waiter() = default;
    ~waiter() = default;

private:
    friend class waiter_list;

    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
};

// The waiters of one future, guarded by its state's lock. One word: the first one's `previous_` is the last.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    waiter_list& operator=(waiter_list&&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Whether one of them runs a user's code. Those are added last.
    [[nodiscard]] bool call_back() const noexcept { return first_ && first_->previous_->calls_back(); }

    void add_first(waiter& added) noexcept {
        added.next_ = first_;
        added.previous_ = first_ ? std::exchange(first_->previous_, &added) : &added;
        first_ = &added;
    }

    void add_last(waiter& added) noexcept {
        if (!first_) {
            add_first(added);
            return;
        }
        added.next_ = nullptr;
        added.previous_ = std::exchange(first_->previous_, &added);
        added.previous_->next_ = &added;
    }

    void remove(waiter& removed) noexcept {
        (removed.next_ ? removed.next_ : first_)->previous_ = removed.previous_;
        (first_ == &removed ? first_ : removed.previous_->next_) = removed.next_;
    }

    // Of those that are not in this process.
    void forget_all() noexcept { first_ = nullptr; }

    // Tells all, from the first to the last. A waiter may be gone as soon as it was told.
    void tell(outcome how) noexcept {
        for (waiter* each = std::exchange(first_, nullptr); each != nullptr;) {
            std::exchange(each, each->next_)->on_done(how);
        }
    }

private:
    waiter* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
