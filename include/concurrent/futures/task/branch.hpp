// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uintptr_t
#include <exception>    // std::exception_ptr, std::current_exception
#include <functional>   // std::invoke
#include <type_traits>  // std::invoke_result_t, std::is_void_v
#include <utility>      // std::forward
#include <variant>      // std::monostate

#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call of `Fn`, and what it has returned or thrown. It refers to the callable. Only one thread at a time
// uses it.
template <class Fn>
class call_result {
    using kept = kept_result_t<std::invoke_result_t<Fn>>;

public:
    using type = std::conditional_t<std::is_void_v<kept>, std::monostate, kept>;

    explicit call_result(std::remove_reference_t<Fn>& fn) noexcept : fn_(static_cast<Fn&&>(fn)) {}
    call_result(const call_result&) = delete;
    call_result& operator=(const call_result&) = delete;
    ~call_result() {
        if (has_result_) {
            result_.destroy();
        }
    }

    void call() noexcept {
        try {
            result_.emplace_from([this]() -> kept { return std::invoke(static_cast<Fn&&>(fn_)); });
            has_result_ = !std::is_void_v<kept>;
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    void rethrow_failure() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    // Requires: it has been called, and has not thrown.
    [[nodiscard]] type take() {
        if constexpr (std::is_void_v<kept>) {
            return {};
        } else {
            return static_cast<type&&>(result_.get());
        }
    }

private:
    Fn&& fn_;
    bool has_result_ = false;
    result_storage<kept> result_;
    std::exception_ptr failure_;
};

// A `branch` is a call that its caller lets others make, if they come in time. The branch lives on the
// caller's stack: the caller pushes it, does something else, and then joins it. To join is to take it back
// and make the call, or to wait for the thread that has taken it. There is no handle, so nobody can cancel a
// branch, and it is never stale.
//
// Once a thread has settled a branch that it took, the branch may be gone.
class branch : public work_item {
public:
    // The pool calls these.

    bool execute(worker& self) noexcept final {
        self.note_busy();
        {
            const worker::running mark(self, *this);
            call();
        }
        self.note_nearly_idle();
        // In the child of a fork, nobody waits, and the waiting thread's mutex may be locked for ever.
        if (!self.pool().is_inherited()) {
            settle(done);
        }
        return true;
    }

    // If its pool is closed or broken, the caller runs the branch: it has begun to run the other branches.
    [[gnu::cold]] void cancel_waiting() noexcept final { give_back(); }
    [[gnu::cold]] void fail_waiting(std::exception_ptr) noexcept final { give_back(); }
    void release() noexcept final {}
    [[nodiscard]] bool still_waits() noexcept final { return true; }
    [[nodiscard]] bool has_handle() noexcept final { return true; }

    // The caller calls these.

    // Pushes the branch, or throws and leaves everything as it was.
    template <class Pool>
    void start(Pool& pool, const typename Pool::branch_place& place) {
        pool_ = &pool;
        state_.store(pending, std::memory_order_relaxed);  // relaxed: the queue's lock orders it
        try {
            pool.push_branch(place, *this);
        } catch (...) {
            state_.store(given_back, std::memory_order_relaxed);  // relaxed: nobody else has seen it
            throw;
        }
    }

    // Returns once the call was made, here or elsewhere. Requires: `place` is where `start` was told to push,
    // if it was called.
    template <class Place>
    void join(const Place& place) noexcept {
        if (place.queue.take_back_pushed(*this) || await(place.self) == given_back) {
            call();
        }
    }

protected:
    branch() = default;
    ~branch() = default;

    virtual void call() noexcept = 0;

private:
    // The states. Each other value is the address of the `blocked_thread` that waits.
    static constexpr std::uintptr_t pending = 0;     // queued, or taken by a thread that will settle it
    static constexpr std::uintptr_t done = 1;        // another thread has made the call
    static constexpr std::uintptr_t given_back = 2;  // the caller has to make the call

    [[gnu::cold]] void give_back() noexcept {
        pool_->note_stale_item();  // the thread that empties the queues lowers that number again
        settle(given_back);
    }

    void settle(std::uintptr_t how) noexcept {
        // Release: publishes the result to the acquire of `state` and of `block`. Acquire: pairs with the
        // release of `block`, which publishes the blocked thread.
        const std::uintptr_t before = state_.exchange(how, std::memory_order_acq_rel);
        if (before != pending) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for both, so that it changes at once
            reinterpret_cast<blocked_thread*>(before)->on_done(outcome::value);
        }
    }

    // Acquire: pairs with the release of `settle`.
    [[nodiscard]] std::uintptr_t state() const noexcept { return state_.load(std::memory_order_acquire); }

    // Waits until the branch is settled, and helps meanwhile with what descends from it, as
    // `queued_state::help` does. `self` is the calling thread's worker, or null.
    [[nodiscard, gnu::noinline]] std::uintptr_t await(worker* self) noexcept {
        trampoline::run_postponed();
        const auto settled = [this] { return state() != pending; };
        while (!settled()) {
            if (self && self->run_descendant(
                            *this, [this] { return state() == pending; }, [] {})) {
                continue;
            }
            if (!spin_until_done_or_may_help(
                    settled, [&] { return self && worker::seems_to_have_descendants(*this); })) {
                block();
            }
        }
        return state();
    }

    // Sleeps until the branch is settled. Not inlined, see `block_until_done`.
    [[gnu::noinline]] void block() noexcept {
        blocked_thread me;
        std::uintptr_t before = pending;
        // Release: publishes `me` to the acquire of `settle`. Acquire, if it is settled: see `state`.
        if (state_.compare_exchange_strong(before, reinterpret_cast<std::uintptr_t>(&me),
                                           std::memory_order_acq_rel)) {
            me.wait_until_told();
        }
    }

    pool_base* pool_ = nullptr;
    sync::atomic<std::uintptr_t> state_{given_back};  // until it is pushed
};

// A branch that calls `Fn`.
template <class Fn>
class branch_of final : public branch, public call_result<Fn> {
public:
    explicit branch_of(std::remove_reference_t<Fn>& fn) noexcept : call_result<Fn>(fn) {}

private:
    void call() noexcept override { call_result<Fn>::call(); }
};

// How branches are run by a pool.
template <class Pool>
class pool_branching {
public:
    template <class Fn>
    using branch_for = branch_of<Fn>;

    explicit pool_branching(Pool& pool) noexcept : pool_(pool), place_(pool.place_for_branches()) {}

    void throw_if_refusing() const { pool_.throw_if_refusing(); }

    // Throws what a submit would throw; then the branch is not queued.
    void start(branch& started) const { started.start(pool_, place_); }

    // Returns once the call of `joined` was made, here if it was not started or nobody else has begun it.
    // Throws only in the child of a fork, where nobody else can be running it.
    void join(branch& joined) const {
        pool_.throw_if_inherited();
        joined.join(place_);
    }

    [[nodiscard]] std::size_t max_workers() const noexcept { return pool_.max_workers(); }

    // Returns how many threads may run branches while this one does something else.
    [[nodiscard]] std::size_t max_others() const noexcept { return max_workers() - (place_.self ? 1 : 0); }

private:
    Pool& pool_;
    typename Pool::branch_place place_;
};

}}}  // namespace concurrent::futures::detail
