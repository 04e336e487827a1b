// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::lock_guard, std::unique_lock

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Waits for `ready` until `until`; false if that has passed first.
template <class Ready>
bool wait_until(sync::condition_variable& changed, std::unique_lock<sync::mutex>& lock, const deadline& until,
                Ready ready) {
    if (until.is_never()) {
        changed.wait(lock, ready);
        return true;
    }
    return changed.wait_until(lock, until.when(), ready);
}

// A thread that waits for one future, or a worker that waits for one until no other worker is idle. It lives
// on that thread's stack.
class blocked_thread final : public waiter, public idle_watch {
public:
    // Notified under the mutex: once it is free, the thread may run on, and this be gone.

    void on_done(outcome) noexcept override {
        const std::lock_guard lock(mutex_);
        told_ = true;
        changed_.notify_one();
    }

    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    // Until it was told of either.
    bool wait(const deadline& until) {
        std::unique_lock lock(mutex_);
        return wait_until(changed_, lock, until, [this] { return told_ || alone_; });
    }

    void wait_until_told() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return told_; });
    }

    void wait_until_alone() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return alone_; });
    }

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool told_ = false;
    bool alone_ = false;
};

// Blocks this thread until `state` is done, or `until` has passed, or `me`, which may watch a pool's idle
// workers, was told that there are none. True if it is done.
inline bool block(blocked_thread& me, shared_state_base& state, const deadline& until) {
    if (!state.add_waiter_first(me)) {
        return true;
    }
    me.wait(until);
    if (state.remove_waiter(me)) {
        return false;
    }
    me.wait_until_told();
    return true;
}

// Blocks this thread until `state` is done; false if `until` has passed first. Not inlined: the room for it
// would stand on the stack of each of the tasks that run on top of each other while they wait, and limit how
// many can.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
block_until_done(shared_state_base& state, const deadline& until) {
    blocked_thread me;
    return block(me, state, until);
}

inline void shared_state_base::wait_for_canceller() noexcept {
    trampoline::run_postponed();
    block_until_done(*this, deadline());
}

// Waits a little for `state` to be done; false if it isn't. A worker is counted as runnable already.
inline bool spin_until_done(const shared_state_base& state, const deadline& until) noexcept {
    constexpr int pauses = 1;  // the state is written but once
    const std::size_t more = runnable_threads::counts_this_thread() ? 0 : 1;
    runnable_threads::add(more);
    if (runnable_threads::fit()) {
        spin_until(pauses, [&] { return state.done() || until.passed(); });
    }
    runnable_threads::remove(more);
    return state.done();
}

// As `await`, by a worker of the pool that has the task, where the wait may end before the task does: what
// runs on the spot can't be left when the time is up. So that is for when no other worker can run it.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
await_until(shared_state_base& state, const deadline& until, helper& self) {
    while (state.is_waiting()) {
        blocked_thread me;
        if (!self.watch_idle(me)) {
            if (state.help(self)) {
                return true;
            }
            continue;
        }
        const bool done = spin_until_done(state, until) || block(me, state, until);
        if (!self.unwatch_idle(me)) {
            me.wait_until_alone();
        }
        if (done || until.passed()) {
            return done;
        }
    }
    return spin_until_done(state, until) || block_until_done(state, until);
}

// Of a future that another process would have completed.
inline void throw_if_inherited(const shared_state_base& state) {
    if (state.is_inherited()) {
        throw broken_executor(
            "the future was not done when this process was forked, and what would complete it is not in this "
            "process");
    }
}

[[noreturn]] inline void throw_as_it_waits_for_itself() {
    throw invalid_state_error(
        "a task waits for itself, or for a task that waits for it on the same thread, and so would wait "
        "for ever");
}

// Waits until `state` is done; false if `until` has passed first. A worker that waits for a task in its own
// pool's queue runs it: nobody else might ever be free to.
inline bool await(shared_state_base& state, const deadline& until) {
    if (state.done()) {
        return true;
    }
    if (until.passed()) {
        return false;
    }
    trampoline::run_postponed();
    throw_if_inherited(state);
    if (until.is_never()) {
        switch (state.help()) {
            case shared_state_base::help_result::ran:
                return true;
            case shared_state_base::help_result::waits_for_self:
                throw_as_it_waits_for_itself();
            case shared_state_base::help_result::none:
                break;
        }
    } else if (helper* const self = state.helper_here()) {
        return await_until(state, until, *self);
    }
    return spin_until_done(state, until) || block_until_done(state, until);
}

// The same without a limit, for destructors; but returns at once where `await` throws.
inline void await_if_it_ends(shared_state_base& state) noexcept {
    if (state.is_inherited()) {
        return;
    }
    trampoline::run_postponed();
    if (!state.done() && state.help() == shared_state_base::help_result::none &&
        !spin_until_done(state, deadline())) {
        block_until_done(state, deadline());
    }
}

}}}  // namespace concurrent::futures::detail
