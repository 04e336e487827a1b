// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The wait of a worker that sleeps, as its pool sees it.
class blocked_wait {
public:
    blocked_wait(const blocked_wait&) = delete;
    blocked_wait& operator=(const blocked_wait&) = delete;

    // Has the worker look again whether there is something that it can run. If `tells_all`, it then has all
    // others look again, as if it had just begun to sleep.
    virtual void look_again(bool tells_all) noexcept = 0;

protected:
    blocked_wait() = default;
    ~blocked_wait() = default;

private:
    friend class blocked_wait_list;

    blocked_wait* next_ = nullptr;
    blocked_wait* previous_ = nullptr;
    const void* worker_ = nullptr;
};

// The waits of the workers of one pool that sleep in a task. A worker has one at most; so has a spare.
class blocked_wait_list {
public:
    void add_spare() noexcept {
        const std::lock_guard lock(lock_);
        ++spares_;
    }

    // If all of the `workers` sleep that are left, and all spares, it is as if they had just begun to.
    void remove_spare(std::size_t workers) noexcept;

    void add(blocked_wait& added, const void* worker) noexcept;

    void remove(blocked_wait& removed) noexcept;

    // Has all workers look again that sleep.
    void have_all_look_again() noexcept {
        const std::lock_guard lock(lock_);
        look_again(false);
    }

    // Calls `visit(wait, removals)` for the wait of `worker`, if it sleeps. `removals` is how many waits have
    // been removed from the list: if that has changed, the others may have another place than before. The
    // wait doesn't end meanwhile; nor do those below.
    template <class Visit>
    void for_wait_of(const void* worker, Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        visit_all([&](blocked_wait& each, std::size_t removals) {
            if (each.worker_ == worker) {
                visit(each, removals);
            }
        });
    }

    // Does that for each wait, if all of the `workers` sleep, and all spares.
    template <class Visit>
    void for_all(std::size_t workers, Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        if (all_sleep(workers)) {
            visit_all(visit);
        }
    }

    // Does that for each wait.
    template <class Visit>
    void for_each(Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        visit_all(visit);
    }

private:
    // Requires, here and below: the lock is held.
    [[nodiscard]] bool all_sleep(std::size_t workers) const noexcept { return size_ == workers + spares_; }

    void look_again(bool tells_all) noexcept {
        visit_all([&](blocked_wait& each, std::size_t) { each.look_again(tells_all); });
    }

    template <class Visit>
    void visit_all(Visit&& visit) noexcept {
        for (blocked_wait* each = first_; each; each = each->next_) {
            visit(*each, removals_);
        }
    }

    spin_lock lock_;
    blocked_wait* first_ = nullptr;
    std::size_t size_ = 0;
    std::size_t spares_ = 0;
    std::size_t removals_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::remove_spare(std::size_t workers) noexcept {
    const std::lock_guard lock(lock_);
    --spares_;
    if (all_sleep(workers)) {
        look_again(true);
    }
}

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::add(blocked_wait& added, const void* worker) noexcept {
    const std::lock_guard lock(lock_);
    added.worker_ = worker;
    added.previous_ = nullptr;
    added.next_ = std::exchange(first_, &added);
    if (added.next_) {
        added.next_->previous_ = &added;
    }
    ++size_;
}

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::remove(blocked_wait& removed) noexcept {
    const std::lock_guard lock(lock_);
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    if (removed.next_) {
        removed.next_->previous_ = removed.previous_;
    }
    --size_;
    ++removals_;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
