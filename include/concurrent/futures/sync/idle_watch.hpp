// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The watch of a worker that waits for tasks of its own pool, but may have to stop waiting before they are
// done. The worker leaves the tasks to other workers as long as one of those is idle or can be started. When
// that is no longer so, the watch is notified, once, and the worker has to run the tasks itself. The watch is
// in the pool's list from `pool_base::watch_idle` until it was notified or removed, and must live so long.
class idle_watch {
public:
    idle_watch(const idle_watch&) = delete;
    idle_watch& operator=(const idle_watch&) = delete;

    // Called by the thread that made the last idle worker busy. The watch may be gone when this returns.
    virtual void on_nobody_idle() noexcept = 0;

protected:
    idle_watch() = default;
    ~idle_watch() = default;

private:
    friend class idle_watch_list;

    idle_watch* next_ = nullptr;
    idle_watch* previous_ = nullptr;
    bool linked_ = false;
};

// The owner of the list guards it. A list that `take_all` returned needs no guard.
class idle_watch_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void add(idle_watch& added) noexcept {
        added.linked_ = true;
        added.previous_ = nullptr;
        added.next_ = std::exchange(first_, &added);
        if (added.next_) {
            added.next_->previous_ = &added;
        }
    }

    // Returns false if `removed` is not in the list any more: it was notified or is about to be.
    [[nodiscard]] bool remove(idle_watch& removed) noexcept {
        if (!removed.linked_) {
            return false;
        }
        removed.linked_ = false;
        (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
        if (removed.next_) {
            removed.next_->previous_ = removed.previous_;
        }
        return true;
    }

    // Takes all watches out, for `notify_all`.
    idle_watch_list take_all() noexcept {
        for (idle_watch* each = first_; each; each = each->next_) {
            each->linked_ = false;
        }
        idle_watch_list taken;
        taken.first_ = std::exchange(first_, nullptr);
        return taken;
    }

    // Requires: `take_all` returned this list; its owner's lock not held.
    void notify_all() noexcept {
        for (idle_watch* each = std::exchange(first_, nullptr); each;) {
            std::exchange(each, each->next_)->on_nobody_idle();
        }
    }

private:
    idle_watch* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
