// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::derived_from
#include <coroutine>    // std::coroutine_handle, std::noop_coroutine, std::suspend_always, std::suspend_never
#include <cstdint>      // std::uintptr_t
#include <type_traits>  // std::is_convertible_v, std::is_void_v, std::remove_cvref_t
#include <utility>      // std::declval, std::exchange, std::forward

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future_awaiter.hpp>
#include <concurrent/futures/task/coroutine_task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns what `co_await` uses to wait for `awaitable`.
template <class Awaitable>
[[nodiscard]] decltype(auto) awaiter_of(Awaitable&& awaitable) {
    if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
        return std::forward<Awaitable>(awaitable).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
        return operator co_await(std::forward<Awaitable>(awaitable));
    } else {
        return std::forward<Awaitable>(awaitable);
    }
}

template <class Awaitable>
using awaiter_for = decltype(awaiter_of(std::declval<Awaitable>()));

template <class Awaitable>
concept awaitable = requires(awaiter_for<Awaitable> awaiter) {
    static_cast<bool>(awaiter.await_ready());
    awaiter.await_resume();
};

template <class Awaitable>
concept own_awaitable = std::derived_from<std::remove_cvref_t<awaiter_for<Awaitable>>, own_awaiter>;

// What an awaiter of which the library doesn't know gets to resume, in the place of a coroutine that an
// executor runs: it queues the coroutine's next turn, and is gone. So the coroutine always goes on as a task.
class relay {
public:
    class promise_type {
    public:
        // If the relay is destroyed, but was never resumed, then `was_dropped` becomes true, and the
        // coroutine goes on nevertheless.
        promise_type(coroutine_task& coroutine, bool& was_dropped) noexcept
            : coroutine_(&coroutine), was_dropped_(was_dropped) {}
        promise_type(const promise_type&) = delete;
        promise_type& operator=(const promise_type&) = delete;
        ~promise_type() {
            if (coroutine_) {
                was_dropped_ = true;
                coroutine_->queue_turn();
            }
        }

        [[nodiscard]] relay get_return_object() noexcept {
            return relay(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
        void unhandled_exception() const noexcept {}
        void return_void() noexcept { std::exchange(coroutine_, nullptr)->queue_turn(); }

    private:
        friend class relay;

        coroutine_task* coroutine_;
        bool& was_dropped_;
    };

    // The promise takes the arguments.
    [[nodiscard]] static relay make(coroutine_task&, bool&) { co_return; }

    [[nodiscard]] std::coroutine_handle<promise_type> frame() const noexcept { return frame_; }

    // Requires: it was not resumed.
    void destroy() const noexcept {
        frame_.promise().coroutine_ = nullptr;
        frame_.destroy();
    }

private:
    explicit relay(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

// Has a coroutine wait by an awaiter of which the library doesn't know, and which doesn't know the library.
// While it has suspended the coroutine, no thread runs that. Without this, the coroutine would seem to be run
// by its last worker all that time. A coroutine that is away goes on as a task of its executor even if the
// awaiter doesn't suspend it.
template <class Awaitable>
class [[nodiscard]] foreign_awaiter {
public:
    foreign_awaiter(Awaitable&& awaited, coroutine_task& coroutine)
        : awaiter_(awaiter_of(std::forward<Awaitable>(awaited))), coroutine_(coroutine) {}
    foreign_awaiter(const foreign_awaiter&) = delete;
    foreign_awaiter& operator=(const foreign_awaiter&) = delete;

    [[nodiscard]] bool await_ready() {
        is_ready_ = static_cast<bool>(awaiter_.await_ready());
        return is_ready_ && !coroutine_.is_away();
    }

    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> frame) {
        if constexpr (Promise::runs_as_tasks) {
            return suspend_task(frame);
        } else {
            return suspend(frame);
        }
    }

    decltype(auto) await_resume() {
        if (std::exchange(is_suspended_, false)) {
            coroutine_.note_resumed();
        }
        if (was_dropped_) {
            throw_error<cancelled_error>("what a coroutine waited for was destroyed, and never resumed it");
        }
        return awaiter_.await_resume();
    }

private:
    // In these functions, the coroutine may go on elsewhere and destroy this object before the awaiter
    // returns, unless that doesn't suspend it.

    // The coroutine goes on, on the thread that resumes it.
    template <class Frame>
    auto suspend(Frame frame) {
        coroutine_task& coroutine = coroutine_;
        is_suspended_ = true;
        coroutine.note_suspended();
        try {
            return awaiter_.await_suspend(frame);
        } catch (...) {
            coroutine.note_resumed();
            throw;
        }
    }

    // It goes on as a task.
    [[nodiscard]] auto suspend_task(std::coroutine_handle<> frame) {
        using suspended = decltype(awaiter_.await_suspend(std::declval<relay&>().frame()));
        constexpr bool transfers = std::is_convertible_v<suspended, std::coroutine_handle<>>;
        coroutine_task& coroutine = coroutine_;
        if (is_ready_) {
            coroutine.go_home();
            if constexpr (transfers) {
                return std::coroutine_handle<>(std::noop_coroutine());
            } else {
                return true;
            }
        }
        const relay resumes = relay::make(coroutine, was_dropped_);
        const std::uintptr_t place = coroutine.wait_for_relay();
        const auto goes_on = [&] {
            resumes.destroy();
            return coroutine.go_on_unless_away(place);
        };
        try {
            if constexpr (std::is_void_v<suspended>) {
                awaiter_.await_suspend(resumes.frame());
            } else if constexpr (transfers) {
                const std::coroutine_handle<> next = awaiter_.await_suspend(resumes.frame());
                if (next == resumes.frame()) {
                    return goes_on() ? frame : std::coroutine_handle<>(std::noop_coroutine());
                }
                return next;
            } else if (!awaiter_.await_suspend(resumes.frame())) {
                return !goes_on();
            }
        } catch (...) {
            resumes.destroy();
            coroutine.go_on(place);
            throw;
        }
        if constexpr (!transfers) {
            return true;
        }
    }

    awaiter_for<Awaitable> awaiter_;  // or a reference to it
    coroutine_task& coroutine_;
    bool is_ready_ = false;
    bool is_suspended_ = false;  // and will be resumed itself
    bool was_dropped_ = false;
};

}}}  // namespace concurrent::futures::detail
