// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/sync/asymmetric_fence.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `counting_lock` of which one thread, the owner, is likely to be the only user for long. After many uses
// that no other thread has come between, it is biased: the owner locks and unlocks it by plain loads and
// stores. Another thread first revokes the bias, for which it waits until the owner has noticed, or fences
// the whole process if the owner is long about something else (Kawachiya, Koseki and Onodera, "Lock
// reservation: Java locks can mostly do without atomic operations", OOPSLA 2002).
//
// The owner locks it by an `owner_guard`, others by a `counting_guard`; the owner may do that, too.
//
// While the lock is biased, the owner counts a new item without a fence. So a thread that reads the count,
// and relies on the order that `counting_lock::lock_adding_one` promises, must call `end_bias` first. Then
// the count has each item that the owner has added before. When the owner adds another item later, it sees
// what the thread did before it called `end_bias`.
class biased_lock {
public:
    // Without an owner, several threads may use an `owner_guard`, and the lock is never biased.
    explicit biased_lock(bool has_owner) noexcept
        : may_be_biased_(has_owner && asymmetric_fence::is_possible()) {}
    biased_lock(const biased_lock&) = delete;
    biased_lock& operator=(const biased_lock&) = delete;

    // See `counting_lock`.
    [[nodiscard]] std::size_t lock() noexcept {
        if (may_be_biased_) {
            revoke();
        }
        const std::size_t count = shared_.lock();
        turns_ = 0;
        return count;
    }
    void unlock(std::size_t count) noexcept {
        // Read first: without an owner, this lock may be destroyed as soon as `shared_` is free.
        const bool has_revoked = may_be_biased_;
        shared_.unlock(count);
        if (has_revoked) {
            bias_.store(bias::none, std::memory_order_release);  // pairs with `revoke` and `set_bias`
        }
    }
    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return shared_.count(order);
    }

    // For the owner, which has not locked: others need not revoke the bias until it has set one anew.
    void give_up_bias() noexcept;

    // For other threads. Sequentially consistent: if there is no bias, and the owner sets one later, it sees
    // what the caller has done before.
    void end_bias() noexcept {
        if (may_be_biased_ && bias_.load() != bias::none) {
            unlock(lock());
        }
    }

private:
    friend class owner_guard;

    enum class bias : unsigned char {
        none,     // all lock `shared_`
        owner,    // the owner doesn't
        revoking  // another thread is about to lock, or has locked
    };

    enum class owner_state : unsigned char {
        outside,
        inside,  // it has locked, or looks once more whether the lock is biased
        aware    // it knows that the lock is not biased
    };

    // The owner calls these. Returns true if the lock is biased, and now locked.
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        if (!asymmetric_fence::is_possible()) {
            return false;
        }
        // Relaxed: what this thread finds behind `bias::owner`, it has left there itself, or has acquired
        // when it set the bias.
        if (bias_.load(std::memory_order_relaxed) == bias::owner) {
            owner_.store(owner_state::inside, std::memory_order_relaxed);
            // Pairs with the `heavy` of `wait_for_owner`: that sees the store, or this load sees its bias.
            asymmetric_fence::light();
            if (bias_.load(std::memory_order_relaxed) == bias::owner) [[likely]] {
                return true;
            }
            owner_.store(owner_state::aware, std::memory_order_release);  // pairs with `wait_for_owner`
        } else if (owner_.load(std::memory_order_relaxed) == owner_state::outside) {
            owner_.store(owner_state::aware, std::memory_order_release);  // as above
        }
        return false;
    }
    void leave() noexcept {
        owner_.store(owner_state::outside, std::memory_order_release);  // pairs with `wait_for_owner`
    }

    void unlock_shared(std::size_t count) noexcept {
        const bool biases = may_be_biased_ && ++turns_ % asymmetric_fence::worth == 0;
        shared_.unlock(count);
        if (biases) {
            set_bias();
        }
    }

    [[gnu::cold]] void set_bias() noexcept;

    // Only this thread is let in, beside the owner, which is not inside, and locks `shared_` from now on.
    void revoke() noexcept {
        bias before = bias_.load(std::memory_order_relaxed);  // relaxed: the compare-exchange orders
        for (back_off delay;;) {
            if (before == bias::revoking) {
                delay.pause();
                before = bias_.load(std::memory_order_relaxed);  // as above
                // Acquire: pairs with the release of `unlock`, and with `set_bias`.
            } else if (bias_.compare_exchange_weak(before, bias::revoking, std::memory_order_acquire,
                                                   std::memory_order_relaxed)) {
                break;
            }
        }
        if (before == bias::owner) {
            wait_for_owner();
        }
    }

    void wait_for_owner() noexcept;

    counting_lock shared_;
    sync::atomic<bias> bias_{bias::none};
    sync::atomic<owner_state> owner_{owner_state::aware};  // written by the owner alone
    const bool may_be_biased_;
    unsigned turns_ = 0;  // of the owner since another thread has locked; guarded by `shared_`
};

// Does what a `counting_guard` does, for the owner of the lock.
class owner_guard {
public:
    [[gnu::always_inline]] explicit owner_guard(biased_lock& lock) noexcept
        : lock_(lock),
          inside_(lock.enter()),
          count_(inside_ ? lock.shared_.count(std::memory_order_relaxed) : lock.shared_.lock()) {}
    [[gnu::always_inline]] owner_guard(biased_lock& lock, adding_one_t) noexcept
        : lock_(lock),
          inside_(lock.enter()),
          count_(inside_ ? lock.shared_.count(std::memory_order_relaxed) + 1
                         : lock.shared_.lock_adding_one()) {
        if (inside_) {
            lock.shared_.set_count(count_);
        }
    }
    owner_guard(const owner_guard&) = delete;
    owner_guard& operator=(const owner_guard&) = delete;
    [[gnu::always_inline]] ~owner_guard() {
        if (inside_) {
            lock_.leave();
        } else {
            lock_.unlock_shared(count_);
        }
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    // Others see the new number when this guard unlocks, or before.
    [[gnu::always_inline]] void set_count(std::size_t count) noexcept {
        count_ = count;
        if (inside_) {
            lock_.shared_.set_count(count);
        }
    }

private:
    biased_lock& lock_;
    const bool inside_;
    std::size_t count_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void biased_lock::set_bias() noexcept {
    if (!asymmetric_fence::is_available()) {
        return;
    }
    // Relaxed: the compare-exchange publishes this store to the thread that revokes the bias.
    owner_.store(owner_state::outside, std::memory_order_relaxed);
    bias before = bias::none;
    // Sequentially consistent: see `end_bias`. If this fails, another thread locks.
    bias_.compare_exchange_strong(before, bias::owner);
}

CONCURRENT_FUTURES_FUNCTION void biased_lock::give_up_bias() noexcept {
    if (!enter()) {
        return;
    }
    turns_ = 0;
    leave();
    bias before = bias::owner;
    // Release: pairs with the acquire of `revoke`. If this fails, another thread revokes the bias.
    bias_.compare_exchange_strong(before, bias::none, std::memory_order_release);
    owner_.store(owner_state::aware, std::memory_order_release);  // pairs with `wait_for_owner`
}

CONCURRENT_FUTURES_FUNCTION void biased_lock::wait_for_owner() noexcept {
    // Acquire, in both loops: pairs with the release of the owner.
    for (int pauses = asymmetric_fence::patience;; --pauses) {
        if (owner_.load(std::memory_order_acquire) == owner_state::aware) {
            return;
        }
        if (pauses == 0) {
            break;
        }
        sync::spin_pause();
    }
    asymmetric_fence::heavy();
    for (back_off delay; owner_.load(std::memory_order_acquire) == owner_state::inside;) {
        delay.pause();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
