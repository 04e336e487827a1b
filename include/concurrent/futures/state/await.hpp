// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::lock_guard, std::unique_lock

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/helping_wait.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns true as soon as `ready()` is true, false if `until` passes first.
template <class Ready>
bool wait_until(sync::condition_variable& changed, std::unique_lock<sync::mutex>& lock, const deadline& until,
                Ready ready) {
    if (until.is_never()) {
        changed.wait(lock, ready);
        return true;
    }
    return changed.wait_until(lock, until.when(), ready);
}

// Spins briefly until `ready()`, if each thread has a processor to itself. A worker is already counted as
// runnable.
template <class Ready>
bool spin_briefly(Ready ready) noexcept {
    constexpr int pauses = 1;  // the state changes only once, so frequent looks disturb nobody
    const std::size_t more = runnable_threads::counts_this_thread() ? 0 : 1;
    runnable_threads::add(more);
    const bool is_ready = runnable_threads::fit() ? spin_until(pauses, ready) : ready();
    runnable_threads::remove(more);
    return is_ready;
}

// Spins until `done()`, or until there may be something that this thread can help with, which `may_help()`
// tells. Returns false if neither happens soon.
template <class Done, class MayHelp>
bool spin_until_done_or_may_help(Done done, MayHelp may_help) noexcept {
    constexpr unsigned now_and_then = 16;  // the worker that runs the task writes its queue often
    unsigned looks = 0;
    return spin_briefly([&] { return done() || (++looks % now_and_then == 0 && may_help()); });
}

inline void throw_if_inherited(const shared_state_base& state) {
    if (state.is_inherited()) {
        throw_error<broken_executor>(
            "the future was not done when this process was forked, and what would complete it is not in this "
            "process");
    }
}

// Waits until `state` is done; returns false if `until` passes first. A worker runs a task that is queued in
// its own pool, as no other worker might ever be free to run it.
bool await(shared_state_base& state, const deadline& until);

// Does the same, without a limit. Requires: `state` was not done a moment ago.
void await(shared_state_base& state);

[[noreturn, gnu::cold]] void throw_as_it_waits_for_itself();

// Waits without a limit, for destructors. Returns at once where `await` would throw.
void await_if_it_ends(shared_state_base& state) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

// A `blocked_thread` waits for one future; on a worker, it may also wait until no other worker is idle. It
// lives on the waiting thread's stack.
class blocked_thread final : public thread_waiter, public idle_watch {
public:
    // Notify under the mutex: once the mutex is free, the waiting thread may go on and destroy this object.

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

    // Returns when one of these has been called, or `until` has passed.
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

// Blocks this thread until `state` is done, `until` has passed, or `me` was told that no other worker is
// idle. Returns whether `state` is done.
[[gnu::noinline]] inline bool block(blocked_thread& me, shared_state_base& state, const deadline& until) {
    if (!state.add_waiter(me)) {
        return true;
    }
    me.wait(until);
    if (state.remove_waiter(me)) {
        return false;
    }
    me.wait_until_told();
    return true;
}

// Blocks this thread until `state` is done; returns false if `until` passes first. Not inlined: tasks that
// wait run other tasks on top of themselves, and a greater stack frame would limit how many.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
block_until_done(shared_state_base& state, const deadline& until) {
    blocked_thread me;
    return block(me, state, until);
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::wait_for_canceller() noexcept {
    trampoline::run_postponed();
    block_until_done(*this, deadline());
}

inline bool spin_until_done(const shared_state_base& state, const deadline& until) noexcept {
    spin_briefly([&] { return state.done() || until.passed(); });
    return state.done();
}

// A `helping_thread` is a worker that waits for a future which this worker can't run, but may depend on what
// it can. It lives on the worker's stack.
class helping_thread final : public idle_watch {
public:
    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    // Waits until `state` is done, and runs what it depends on meanwhile. Returns `none` if `until` passes
    // first. If the wait has an end, then another worker runs that, as long as one can.
    [[nodiscard]] shared_state_base::help_result wait(shared_state_base& state, const deadline& until,
                                                      helper& me) {
        dependency_walk walk(mutex_, changed_);
        helping_wait wait(walk, me);
        walk.add_root(state, true);
        while (!state.done()) {
            if (until.passed()) {
                return shared_state_base::help_result::none;
            }
            trampoline::run_postponed();
            throw_if_inherited(state);  // what this thread has run may have forked
            helper* watching = nullptr;
            const helping_wait::step step = wait.go_on(until.is_never(), *this, watching);
            if (step == helping_wait::step::waits_for_self) {
                return shared_state_base::help_result::waits_for_self;
            }
            if (step != helping_wait::step::look_again) {
                sleep(state, walk, until);
            }
            if (watching) {
                stop_watching(*watching);
            }
        }
        return shared_state_base::help_result::helped;
    }

private:
    void sleep(const shared_state_base& state, const dependency_walk& walk, const deadline& until) {
        // The walk may have heard that `state` is done, and then that is no news any more.
        const auto ready = [&] { return state.done() || walk.has_news(); };
        if (!spin_briefly([&] { return ready() || until.passed(); })) {
            std::unique_lock lock(mutex_);
            wait_until(changed_, lock, until, [&] { return ready() || alone_; });
        }
    }

    void stop_watching(helper& self) {
        const bool removed = self.unwatch_idle(*this);
        std::unique_lock lock(mutex_);
        if (!removed) {
            changed_.wait(lock, [this] { return alone_; });
        }
        alone_ = false;
    }

    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool alone_ = false;  // guarded by the mutex: no other worker can run what is found
};

// Not inlined, see `block_until_done`.
[[gnu::noinline]] inline shared_state_base::help_result help_others_until_done(shared_state_base& state,
                                                                               const deadline& until,
                                                                               helper& self) {
    helping_thread me;
    return me.wait(state, until, self);
}

// How many futures may lie between a future and a task, if a wait is to find the task without a walk.
inline constexpr int short_way = 4;

// Returns what `state` waits for, if that is one future that isn't done.
[[nodiscard]] inline shared_state_base::weak_handle only_dependency(shared_state_base& state) noexcept {
    shared_state_base::weak_handle first;
    if (state.is_unqueued()) {
        dependency_place place;
        first = state.dependency(place);
        ++place.index;
        if (first && state.dependency(place)) {
            first = shared_state_base::weak_handle();
        }
    }
    return first;
}

// Runs the tasks that `state` waits for, as far as this thread can and they are near: the usual continuation
// and the usual `gather` need no walk. Looks at each once. Returns whether it ran any.
[[nodiscard, gnu::noinline]] inline bool help_what_is_near(shared_state_base& state) noexcept {
    bool has_helped = false;
    for (dependency_place place; state.is_unqueued(); ++place.index) {
        shared_state_base::weak_handle next = state.dependency(place);
        if (!next) {
            break;
        }
        for (int passed = 0; passed != short_way && next && next.state().is_unqueued(); ++passed) {
            next = only_dependency(next.state());
        }
        helper* const self = next && next.state().is_waiting() ? next.state().helper_here() : nullptr;
        if (self && next.state().help(*self, &next)) {
            has_helped = true;
        }
    }
    return has_helped;
}

// Does what `help_until_done` does, after `state.help()` has returned `helped`.
[[gnu::noinline]] inline bool go_on_helping_until_done(shared_state_base& state,
                                                       shared_state_base::help_result helped) {
    for (int looks = 0;;) {
        if (helped == shared_state_base::help_result::waits_for_self) {
            return false;
        }
        if (helped != shared_state_base::help_result::helped) {
            const bool waits_for_others = helped == shared_state_base::help_result::waits_for_others;
            const bool has_helped = waits_for_others && looks++ < short_way && help_what_is_near(state);
            if (!has_helped &&
                (waits_for_others || !spin_until_done_or_may_help([&] { return state.done(); },
                                                                  [&] { return state.may_help(); }))) {
                if (helper* const self = state.helper_of_others()) {
                    return help_others_until_done(state, deadline(), *self) !=
                           shared_state_base::help_result::waits_for_self;
                }
                block_until_done(state, deadline());
            }
        }
        if (state.done()) {
            return true;
        }
        throw_if_inherited(state);  // what this thread has run may have forked
        helped = state.help(nullptr);
    }
}

// Waits until `state` is done, and helps meanwhile. Returns false if it would wait for this very thread.
// Throws `broken_executor` in the child of a fork, if `state` was not done there. Mostly this thread runs the
// task, and need not go on: the less of the stack that takes, the more tasks can run on top of each other.
[[nodiscard]] inline bool help_until_done(shared_state_base& state) {
    throw_if_inherited(state);
    const shared_state_base::help_result helped = state.help(nullptr);
    return (helped == shared_state_base::help_result::helped && state.done()) ||
           go_on_helping_until_done(state, helped);
}

// Waits like `await`, where the wait may end before the task does. A task that runs on the spot can't be left
// when the time is up, so run it here only if no other worker can.
// Requires: `self` is the calling thread's worker, and its pool has the task.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
await_until(shared_state_base& state, const deadline& until, helper& self) {
    while (state.is_waiting()) {
        blocked_thread me;
        if (!self.watch_idle(me)) {
            if (state.help(self, nullptr)) {
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
    return spin_until_done(state, until) ||
           help_others_until_done(state, until, self) == shared_state_base::help_result::helped;
}

CONCURRENT_FUTURES_FUNCTION void throw_as_it_waits_for_itself() {
    throw_error<invalid_state_error>(
        "a task waits for itself, or for a task that waits for it on the same thread, and so would wait "
        "for ever");
}

CONCURRENT_FUTURES_FUNCTION void await(shared_state_base& state) {
    trampoline::run_postponed();
    if (!help_until_done(state)) {
        throw_as_it_waits_for_itself();
    }
}

CONCURRENT_FUTURES_FUNCTION bool await(shared_state_base& state, const deadline& until) {
    if (state.done()) {
        return true;
    }
    if (until.passed()) {
        return false;
    }
    if (until.is_never()) {
        await(state);
        return true;
    }
    trampoline::run_postponed();
    throw_if_inherited(state);
    if (!state.runs_in_turns()) {
        if (helper* const self = state.helper_here()) {
            return await_until(state, until, *self);
        }
    }
    if (helper* const self = state.helper_of_others()) {
        return help_others_until_done(state, until, *self) == shared_state_base::help_result::helped;
    }
    return spin_until_done(state, until) || block_until_done(state, until);
}

CONCURRENT_FUTURES_FUNCTION void await_if_it_ends(shared_state_base& state) noexcept {
    if (state.is_inherited()) {
        return;
    }
    trampoline::run_postponed();
    while (!state.done()) {
        try {
            static_cast<void>(help_until_done(state));
            return;
        } catch (...) {
            if (state.is_inherited()) {
                return;
            }
            // There is no memory to find out how this worker can help. Others may free some.
            sync::this_thread::yield();
        }
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
