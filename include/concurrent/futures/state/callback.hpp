// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::current_exception

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `callback` is the only way for code to run because a future is done: a user's function, a continuation,
// or whatever completes or cancels another future, and so may lead to user code. A class that derives from
// `callback` overrides `call_back` and owes nothing else. This class and `shared_state_base` see to the rest:
//
//   - All threads that wait for the future are woken before the first call.
//   - A worker that completes the future counts as busy before the first call.
//   - A chain of calls, each of which leads to the next, needs a bounded part of the stack.
//   - The log handler gets what `call_back` throws.
class callback : public waiter {
public:
    // Lets `call_back` run once when `future` is done, after the callbacks that were added earlier. If the
    // future is done already, `call_back` runs on this thread before this returns, unless `trampoline`
    // postpones it. This callback must live until `call_back`, and may be gone when this returns. Requires:
    // this was not called before, or `call_back` has run since. The caller has a handle on `future`.
    void call_when_done(shared_state_base& future) noexcept {
        if (!future.add_callback(*this)) {
            call_through_trampoline(future.how_done());
        }
    }

    // Does the same, but where the future is done already, returns false and calls nothing.
    [[nodiscard]] bool call_when_done_later(shared_state_base& future) noexcept {
        return future.add_callback(*this);
    }

protected:
    callback() = default;
    ~callback() = default;

    // Called once the future is done, as `how` says. Nobody uses this callback after that, so `call_back` may
    // destroy it. If the future is to live that long, something must have a handle on it, such as the
    // derived class.
    virtual void call_back(outcome how) = 0;

    // Takes this callback back. Returns false if `call_back` runs, has run or will run. Requires: `future` is
    // what it was added to, with a handle.
    [[nodiscard]] bool take_back_from(shared_state_base& future) noexcept {
        return future.remove_callback(*this);
    }

    // Calls `fn()`. The log handler gets what that throws. Within `call_back`, this is for an exception that
    // must be logged before something else happens.
    template <class Fn>
    static void log_what_throws(Fn fn) noexcept {
        try {
            fn();
        } catch (...) {
            log("a done callback threw", std::current_exception());
        }
    }

private:
    void on_done(outcome how) noexcept final { call_through_trampoline(how); }

    [[nodiscard]] bool is_callback() const noexcept final { return true; }

    void call_through_trampoline(outcome how) noexcept {
        trampoline::call([this, how]() noexcept { log_what_throws([this, how] { call_back(how); }); });
    }
};

}}}  // namespace concurrent::futures::detail
