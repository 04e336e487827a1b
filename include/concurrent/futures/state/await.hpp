#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::lock_guard, std::unique_lock

#include <concurrent/futures/scheduling/spin_wait.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>
#include <concurrent/futures/scheduling/worker.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures::inline v0_1::detail {

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

// A thread that waits for one future. It lives on that thread's stack.
class blocked_thread final : public waiter {
public:
    void on_done(outcome) noexcept override {
        // Notified under the mutex: once it is free, the thread may run on, and this be gone.
        const std::lock_guard lock(mutex_);
        told_ = true;
        changed_.notify_one();
    }

    bool wait(const deadline& until) {
        std::unique_lock lock(mutex_);
        return wait_until(changed_, lock, until, [this] { return told_; });
    }

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool told_ = false;
};

// Blocks this thread until `state` is done; false if `until` has passed first. Not inlined: the room for it
// would stand on the stack of each of the tasks that run on top of each other while they wait, and limit how
// many can.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
block_until_done(shared_state_base& state, const deadline& until) {
    blocked_thread me;
    if (!state.add_waiter_first(me) || me.wait(until)) {
        return true;
    }
    if (state.remove_waiter(me)) {
        return false;
    }
    me.wait(deadline());  // it was done just then, and this is about to be told
    return true;
}

// Waits a little for `state` to be done; false if it isn't. A worker is counted as runnable already.
inline bool spin_until_done(const shared_state_base& state, const deadline& until, bool is_worker) noexcept {
    constexpr int pauses = 1;  // the state is written but once
    const std::size_t more = is_worker ? 0 : 1;
    runnable_threads::add(more);
    if (runnable_threads::fit()) {
        spin_until(pauses, [&] { return state.done() || until.passed(); });
    }
    runnable_threads::remove(more);
    return state.done();
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
    worker* const self = worker::current();
    if (self && state.run_here(*self)) {
        return true;
    }
    return spin_until_done(state, until, self != nullptr) || block_until_done(state, until);
}

}  // namespace concurrent::futures::detail
