// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// An `outcome` says how a future became done.
enum class outcome { value, exception, cancelled };

// A `waiter` is told once that a future is done. It is linked into the future's list from `add_waiter_first`
// or `add_waiter_last` until it is removed or told, and must live that long. Nobody uses a waiter after it
// was told, so it may destroy itself. The future's state may be gone before the waiter is told.
class waiter {
public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    // Called on the thread that completes or cancels the future.
    virtual void on_done(outcome how) noexcept = 0;

    // Returns whether `on_done` runs user code.
    [[nodiscard]] virtual bool calls_back() const noexcept { return false; }

protected:
    waiter() = default;
    ~waiter() = default;

private:
    friend class waiter_list;

    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
};

// `waiter_list` holds the waiters of one future, guarded by the state's lock. It takes one word: `previous_`
// of the first waiter is the last waiter.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    waiter_list& operator=(waiter_list&&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Returns whether a waiter runs user code. Such waiters come last.
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

    // Forgets the waiters of another process.
    void forget_all() noexcept { first_ = nullptr; }

    // Tells all waiters in their order. A waiter may be gone as soon as it was told.
    void tell(outcome how) noexcept {
        for (waiter* each = std::exchange(first_, nullptr); each != nullptr;) {
            std::exchange(each, each->next_)->on_done(how);
        }
    }

private:
    waiter* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
