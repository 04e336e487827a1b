// SPDX-License-Identifier: MIT

#pragma once

#include <coroutine>    // std::coroutine_handle
#include <memory>       // std::addressof
#include <type_traits>  // std::is_reference_v
#include <utility>      // std::forward

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A coroutine of a type that is not ours, while it waits. It lives in the coroutine's frame.
class foreign_coroutine final : private callback {
public:
    foreign_coroutine() = default;
    foreign_coroutine(const foreign_coroutine&) = delete;
    foreign_coroutine& operator=(const foreign_coroutine&) = delete;
    // Requires: no thread completes the future while another destroys the coroutine that waits for it.
    ~foreign_coroutine() {
        if (awaited_) {
            static_cast<void>(take_back_from(*awaited_));
        }
    }

    // Returns false if `awaited` is done.
    [[nodiscard]] bool wait_for(shared_state_base& awaited, std::coroutine_handle<> frame) noexcept {
        awaited_ = std::addressof(awaited);
        frame_ = frame;
        if (call_when_done_later(awaited)) {
            return true;  // by now the coroutine may run elsewhere
        }
        awaited_ = nullptr;
        return false;
    }

private:
    void call_back(outcome) override {
        awaited_ = nullptr;
        frame_.resume();
    }

    shared_state_base* awaited_ = nullptr;
    std::coroutine_handle<> frame_;
};

// The promise of a coroutine that waits in a way of its own.
template <class Promise>
concept waits_by_itself =
    requires(Promise& promise, shared_state_base& awaited) { promise.wait_for_state(awaited); };

// The awaiters of this library. They tell a coroutine that waits by itself when it is suspended.
class own_awaiter {
protected:
    own_awaiter() = default;
    ~own_awaiter() = default;
};

// How a coroutine waits for a future. `Handle` is the future, or a reference to it.
template <class T, class Handle>
class [[nodiscard]] future_awaiter : public own_awaiter {
public:
    explicit future_awaiter(Handle&& future) noexcept : future_(std::forward<Handle>(future)) {}

    [[nodiscard]] bool await_ready() const {
        const shared_state_base& awaited = future_access::state(future_);
        if (awaited.done()) {
            return true;
        }
        throw_if_inherited(awaited);
        return false;
    }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        shared_state_base& awaited = future_access::state(future_);
        if constexpr (waits_by_itself<Promise>) {
            return frame.promise().wait_for_state(awaited);
        } else {
            return foreign_.wait_for(awaited, frame);
        }
    }

    decltype(auto) await_resume() { return std::forward<Handle>(future_).result(); }

private:
    Handle future_;
    foreign_coroutine foreign_;
};

}}}  // namespace concurrent::futures::detail
