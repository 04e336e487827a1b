// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A worker that waits for tasks of its own pool, but might have to stop waiting before they are done. It
// leaves them to the other workers as long as one of those is idle or can be started, and is told, once, when
// that is over: then it is for this worker to run them. It is linked into the pool's list from
// `pool_base::watch_idle` until it was told or removed, and must live so long.
class idle_watch {
public:
    idle_watch(const idle_watch&) = delete;
    idle_watch& operator=(const idle_watch&) = delete;

    // Called on the thread of whatever took the last idle worker away. This may be gone when it returns.
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

// Guarded as its owner is, except for what was taken out by `take_all`.
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

    // False if it is not in the list any more: it was told, or is about to be.
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

    // Takes all out, for `notify_all`.
    idle_watch_list take_all() noexcept {
        for (idle_watch* each = first_; each; each = each->next_) {
            each->linked_ = false;
        }
        idle_watch_list taken;
        taken.first_ = std::exchange(first_, nullptr);
        return taken;
    }

    // Of a list that `take_all` returned, without its owner's lock.
    void notify_all() noexcept {
        for (idle_watch* each = std::exchange(first_, nullptr); each;) {
            std::exchange(each, each->next_)->on_nobody_idle();
        }
    }

private:
    idle_watch* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
