// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::unique_lock, std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A worker shares the permit to run with its spares. One of them has it and runs, and the others wait for it
// or sleep. They get it in the order in which they ask.
class permit {
public:
    // The caller has the permit.
    permit() = default;
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;

    // Called before a spare is started for `left`. Returns false if one is about to begin an equal errand.
    [[nodiscard, gnu::cold]] bool add_spare(errand& left) noexcept;
    // A spare has the permit, and is about to run `left`; or it could not be started.
    [[gnu::cold]] void remove_errand(errand& left) noexcept;
    // It has ended, or could not be started.
    [[gnu::cold]] void remove_spare() noexcept;
    [[nodiscard, gnu::cold]] bool has_spares() noexcept;

    // Returns false if it would have to wait.
    [[nodiscard, gnu::cold]] bool try_acquire() noexcept;

    [[gnu::cold]] void acquire() noexcept;

    [[gnu::cold]] void release() noexcept;

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    // Guarded by the mutex.
    errand* first_left_ = nullptr;  // of those that no spare has begun
    std::size_t spares_ = 0;
    std::size_t asked_ = 1;     // how often it was asked for
    std::size_t released_ = 0;  // how often it was given back
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool permit::add_spare(errand& left) noexcept {
    const std::lock_guard lock(mutex_);
    for (const errand* each = first_left_; each; each = each->next_) {
        if (each->what_for_ == left.what_for_) {
            return false;
        }
    }
    left.next_ = std::exchange(first_left_, &left);
    ++spares_;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void permit::remove_errand(errand& left) noexcept {
    const std::lock_guard lock(mutex_);
    errand** link = &first_left_;
    while (*link != &left) {
        link = &(*link)->next_;
    }
    *link = left.next_;
}

CONCURRENT_FUTURES_FUNCTION void permit::remove_spare() noexcept {
    const std::lock_guard lock(mutex_);
    --spares_;
}

CONCURRENT_FUTURES_FUNCTION bool permit::has_spares() noexcept {
    const std::lock_guard lock(mutex_);
    return spares_ != 0;
}

CONCURRENT_FUTURES_FUNCTION bool permit::try_acquire() noexcept {
    const std::lock_guard lock(mutex_);
    if (asked_ != released_) {
        return false;
    }
    ++asked_;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void permit::acquire() noexcept {
    std::unique_lock lock(mutex_);
    const std::size_t turn = asked_++;
    changed_.wait(lock, [&] { return released_ == turn; });
}

CONCURRENT_FUTURES_FUNCTION void permit::release() noexcept {
    const std::lock_guard lock(mutex_);
    ++released_;
    changed_.notify_all();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
