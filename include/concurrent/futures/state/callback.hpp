// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::current_exception

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `callback` is the one door for code that runs because a future is done: a user's function, a continuation,
// or whatever completes or cancels another future, and so may lead to user code. A class that derives from
// `callback` overrides `call` and owes nothing else. This class and `shared_state_base` see to the rest:
//
//   - The future has a handle until `call` gets it.
//   - All threads that wait for the future are woken before the first call.
//   - A worker that completes the future counts as busy before the first call.
//   - A chain of calls, each of which leads to the next, needs a bounded part of the stack.
//   - The log handler gets what `call` throws.
class callback : public waiter {
public:
    // Lets `call` run once when `future` is done, after the callbacks that were added earlier. If the future
    // is done already, `call` runs on this thread before this returns, unless `trampoline` postpones it. This
    // callback must live until `call`, and may be gone when this returns.
    // Requires: this was not called before.
    void call_when_done(shared_state_base::handle future) noexcept {
        future_ = &future.release();
        if (!future_->add_callback(*this)) {
            call_through_trampoline();
        }
    }

protected:
    callback() = default;
    ~callback() = default;

    // Called once, with a handle on the future, which is done. Nobody uses this callback after that, so
    // `call` may destroy it.
    virtual void call(shared_state_base::handle done) = 0;

    // Calls `fn()`. The log handler gets what that throws. Within `call`, this is for an exception that must
    // be logged before something else happens.
    template <class Fn>
    static void log_what_throws(Fn fn) noexcept {
        try {
            fn();
        } catch (...) {
            log("a done callback threw", std::current_exception());
        }
    }

private:
    void on_done(outcome) noexcept final { call_through_trampoline(); }

    [[nodiscard]] bool is_callback() const noexcept final { return true; }

    void call_through_trampoline() noexcept {
        trampoline::call([this]() noexcept {
            log_what_throws([this] { call(shared_state_base::handle::adopt(*future_)); });
        });
    }

    shared_state_base* future_ = nullptr;  // with a handle, until `call` gets it
};

}}}  // namespace concurrent::futures::detail
