// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// An `outcome` says how a future became done.
enum class outcome { value, exception, cancelled };

// A `waiter` is told once that a future is done. It is linked into the future's list until it is removed or
// told, and must live that long. Nobody uses a waiter after it was told. The future's state may be gone
// before the waiter is told.
//
// Nothing else can derive from this class than the two kinds of waiters. A `thread_waiter` wakes a thread. A
// `callback` does everything else.
class waiter {
public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

protected:
    ~waiter() = default;

private:
    friend class callback;
    friend class thread_waiter;
    friend class waiter_list;

    waiter() = default;

    // Called on the thread that completes or cancels the future.
    virtual void on_done(outcome how) noexcept = 0;

    // Called under the lock of the state if the future, which is not done, depends on something else now, or
    // can be run. Notifies the thread, if that helps what it waits for.
    virtual void on_change() noexcept {}

    // Called under the lock of the state, just before the future becomes done, and so before `on_done`. Once
    // the lock is free, the state may be gone.
    virtual void on_ending() noexcept {}

    [[nodiscard]] virtual bool is_callback() const noexcept = 0;

    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
};

// A `thread_waiter` is how a thread waits. Its `on_done` notifies that thread and does nothing else: it runs
// no user code, and completes and cancels no future.
class thread_waiter : public waiter {
protected:
    thread_waiter() = default;
    ~thread_waiter() = default;

private:
    [[nodiscard]] bool is_callback() const noexcept final { return false; }
};

// `waiter_list` holds the waiters of one future, guarded by the state's lock. It takes one word: `previous_`
// of the first waiter is the last waiter.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    waiter_list& operator=(waiter_list&&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Returns whether there is a `callback`. Callbacks come last.
    [[nodiscard]] bool has_callback() const noexcept { return first_ && first_->previous_->is_callback(); }

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

    // Tells the waiting threads that the future has changed.
    void tell_change() noexcept {
        for_each_thread([](waiter& each) { each.on_change(); });
    }

    // Tells the waiting threads that the future is about to be done.
    void tell_ending() noexcept {
        for_each_thread([](waiter& each) { each.on_ending(); });
    }

    // Tells all waiters in their order. A waiter may be gone as soon as it was told.
    void tell(outcome how) noexcept {
        for (waiter* each = std::exchange(first_, nullptr); each != nullptr;) {
            std::exchange(each, each->next_)->on_done(how);
        }
    }

private:
    template <class Visit>
    void for_each_thread(Visit visit) noexcept {
        for (waiter* each = first_; each && !each->is_callback(); each = each->next_) {
            visit(*each);
        }
    }

    waiter* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
