// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::derived_from
#include <coroutine>    // std::coroutine_handle, std::suspend_always, std::suspend_never
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
// by its last worker all that time.
template <class Awaitable>
class [[nodiscard]] foreign_awaiter {
public:
    explicit foreign_awaiter(Awaitable&& awaited) : awaiter_(awaiter_of(std::forward<Awaitable>(awaited))) {}
    foreign_awaiter(const foreign_awaiter&) = delete;
    foreign_awaiter& operator=(const foreign_awaiter&) = delete;

    [[nodiscard]] bool await_ready() { return static_cast<bool>(awaiter_.await_ready()); }

    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> frame) {
        if constexpr (Promise::runs_as_tasks) {
            return suspend_task(frame.promise().state(), frame);
        } else {
            return suspend(frame.promise().state(), frame);
        }
    }

    decltype(auto) await_resume() {
        if (coroutine_task* const resumed = std::exchange(suspended_, nullptr)) {
            resumed->note_resumed();
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
    auto suspend(coroutine_task& coroutine, Frame frame) {
        suspended_ = &coroutine;
        coroutine.note_suspended();
        try {
            return awaiter_.await_suspend(frame);
        } catch (...) {
            coroutine.note_resumed();
            throw;
        }
    }

    // It goes on as a task.
    [[nodiscard]] auto suspend_task(coroutine_task& coroutine, std::coroutine_handle<> frame) {
        using suspended = decltype(awaiter_.await_suspend(std::declval<relay&>().frame()));
        const relay resumes = relay::make(coroutine, was_dropped_);
        const std::uintptr_t place = coroutine.wait_for_relay();
        const auto go_on = [&] {
            resumes.destroy();
            coroutine.go_on(place);
        };
        try {
            if constexpr (std::is_void_v<suspended>) {
                awaiter_.await_suspend(resumes.frame());
            } else if constexpr (std::is_convertible_v<suspended, std::coroutine_handle<>>) {
                const std::coroutine_handle<> next = awaiter_.await_suspend(resumes.frame());
                if (next == resumes.frame()) {
                    go_on();
                    return frame;
                }
                return next;
            } else if (!awaiter_.await_suspend(resumes.frame())) {
                go_on();
                return false;
            }
        } catch (...) {
            go_on();
            throw;
        }
        if constexpr (!std::is_convertible_v<suspended, std::coroutine_handle<>>) {
            return true;
        }
    }

    awaiter_for<Awaitable> awaiter_;  // or a reference to it
    coroutine_task* suspended_ = nullptr;
    bool was_dropped_ = false;
};

}}}  // namespace concurrent::futures::detail
