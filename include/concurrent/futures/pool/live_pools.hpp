// SPDX-License-Identifier: MIT

#pragma once

#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/no_destructor.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// All pools of the process. A task that is done may have outlived its pool, and asks
// here before it touches that.
class live_pools {
public:
    // The base of a pool.
    class entry {
    public:
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

    protected:
        entry() noexcept = default;
        ~entry() = default;

    private:
        friend class live_pools;

        entry* next_ = nullptr;
        entry* previous_ = nullptr;
    };

    // One for all shared libraries that share variables.
    [[gnu::visibility("default"), gnu::noinline]] static live_pools& instance() noexcept {
        static no_destructor<live_pools> pools;  // a pool may be destroyed later than other static objects
        return pools.get();
    }

    // A pool is in the list only while all of it exists, as threads that `find` a pool use it at once: the
    // constructor of the most derived class adds it last of all, and the destructor removes it first of all.
    // Both are code of the library that made the pool, so they have the same list.
    void add(entry& added) noexcept;

    void remove(entry& removed) noexcept;

    // Calls `visit(entry)` for each pool, until that returns true, and lets no pool be destroyed meanwhile.
    template <class Visit>
    void find(Visit visit) noexcept {
        const std::lock_guard lock(mutex_);
        for (entry* each = first_; each && !visit(*each); each = each->next_) {
        }
    }

private:
    friend class no_destructor<live_pools>;

    live_pools() noexcept {
        // As for `orphaned_threads`: no other thread may hold the mutex at a fork.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] { instance().mutex_.unlock(); });
    }

    sync::mutex mutex_;
    entry* first_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void live_pools::add(entry& added) noexcept {
    const std::lock_guard lock(mutex_);
    added.next_ = std::exchange(first_, &added);
    if (added.next_) {
        added.next_->previous_ = &added;
    }
}

CONCURRENT_FUTURES_FUNCTION void live_pools::remove(entry& removed) noexcept {
    const std::lock_guard lock(mutex_);
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    if (removed.next_) {
        removed.next_->previous_ = removed.previous_;
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
