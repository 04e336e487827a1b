// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <functional>   // std::hash, std::invoke
#include <memory>       // std::addressof
#include <type_traits>  // std::is_void_v, std::is_reference_v
#include <utility>      // std::exchange, std::move, std::forward

#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future_base.hpp>
#include <concurrent/futures/fwd.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `future_access` lets the rest of the library reach the state of a handle.
struct future_access {
    // Takes over one handle.
    template <class T>
    static Future<T> adopt(shared_state<T>& state) noexcept {
        return Future<T>(std::addressof(state));
    }
    // The same. Requires: the handle was released from a `Future<T>`.
    template <class T>
    static Future<T> adopt(shared_state_base::handle handle) noexcept {
        return adopt_as<Future<T>>(std::move(handle));
    }
    // The same for a `Handle` of any type. Requires: it can be a handle on that state.
    template <class Handle>
    static Handle adopt_as(shared_state_base::handle handle) noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): see above
        return Handle(static_cast<typename Handle::state_type*>(std::addressof(handle.release())));
    }
    // Requires: `future.valid()`.
    template <class Handle>
    static shared_state_base::handle release(Handle future) noexcept {
        return shared_state_base::handle::adopt(*std::exchange(future.state_, nullptr));
    }
    // Returns `future`. Somebody else tells of its failure, so the log handler won't.
    template <class Handle>
    [[nodiscard]] static Handle disregard(Handle future) noexcept {
        if (future.valid()) {
            future.state_->mark_exception_as_looked_at();
        }
        return future;
    }
    // Throws if the handle has no state.
    template <class State>
    static State& state(const future_base<State>& future) {
        return future.checked();
    }
    // Returns null if the handle has no state.
    template <class State>
    static const shared_state_base* address(const future_base<State>& future) noexcept {
        return future.state_;
    }
};

template <class T, class Handle>
class future_awaiter;

// A `done_callback` calls a user's function with a `Handle` on the future. It owns itself.
template <class Handle, class Fn>
class done_callback final : public callback {
public:
    template <class OtherFn>
    done_callback(shared_state_base::handle future, OtherFn&& fn)
        : fn_(std::forward<OtherFn>(fn)), future_(std::move(future)) {}

private:
    void call_back(outcome) override {
        // Log before `fn_` is gone, as the exception may refer to what `fn_` captured.
        log_what_throws([&] {
            // Make the future here: GCC 12, optimizing, destroys a parameter twice if `fn_` is sure to throw
            // after moving from it.
            std::invoke(fn_, future_access::adopt_as<Handle>(std::move(future_)));
        });
        delete this;
    }

    Fn fn_;
    shared_state_base::handle future_;
};

// Has `fn` called with a `Handle` on the future once it is done.
template <class Handle, class Fn>
void add_callback(shared_state_base& state, Fn&& fn) {
    shared_state_base::handle kept(state);  // copying or moving `fn` may destroy the caller's handle
    // It destroys itself, and has the handle.
    auto* const added = new done_callback<Handle, std::decay_t<Fn>>(std::move(kept), std::forward<Fn>(fn));
    added->call_when_done(state);
}

}  // namespace detail

/// A `Future` is a handle on the result of a task that may not have run yet. It is copyable, like
/// `std::shared_future`, and cancellable. All copies share one state, and futures that share a state are
/// equal. An executor's `submit` returns a future; `Promise` and `package` make others.
///
/// `T` is what the task returns: any object type (even one that can't be moved or default-constructed), a
/// reference, or void. A default-constructed or moved-from future is not `valid()`; every other call on it
/// throws `invalid_state_error`.
///
/// Thread-safety: several threads may use different handles at once, even on the same state. Several threads
/// may use one handle at once if all calls are const.
///
/// The log handler (`set_log_handler`) gets an exception if the last handle goes before `result()`,
/// `exception()` or `get()` of any handle has returned or thrown the exception.
///
/// \code
/// futures::Future<std::string> future = executor.submit([] { return std::string("hello"); });
/// auto copy = future;
/// assert(copy == future && &copy.result() == &future.result());
/// \endcode
template <class T>
class Future : public future_base<detail::shared_state<T>> {
    using base = future_base<detail::shared_state<T>>;

public:
    /// `value_type` is what the task returns.
    using value_type = T;

    /// Makes a handle that is not `valid()`.
    Future() noexcept = default;
    /// Makes another handle on the same state.
    Future(const Future& other) noexcept = default;
    /// Takes over the handle `other`, which is not `valid()` any more.
    Future(Future&& other) noexcept = default;
    /// Replaces this handle by a copy of `other`, or takes over an rvalue `other`.
    Future& operator=(Future other) noexcept {
        swap(other);
        return *this;
    }
    ~Future() = default;

    /// Exchanges two handles.
    void swap(Future& other) noexcept { base::swap(other); }
    /// Exchanges two handles.
    friend void swap(Future& a, Future& b) noexcept { a.swap(b); }

    /// Waits until the future is done, at most for `limit`, and returns its value. An object comes as a
    /// `const T&` that is valid as long as there is a handle on the state. A reference comes as `T`. Void
    /// returns nothing.
    ///
    /// On a worker of the pool in which the task is queued, this runs the task on the spot. With a `limit`,
    /// it does so only if no other worker is idle and none can be started; then it takes as long as the task
    /// takes. With a zero or negative `limit` it never does.
    ///
    /// \throws whatever the task threw, which may be a `timeout_error` of its own: then `done()` is true
    /// \throws cancelled_error if the future was cancelled
    /// \throws timeout_error if `limit` passed first
    /// \throws invalid_state_error if a pool's task waits, without a limit, for itself or for one below it on
    /// the same thread
    /// \throws broken_executor in the child of a fork, if the future is the parent's and was not done
    ///
    /// \code
    /// auto future = executor.submit([] { return 42; });
    /// assert(future.result() == 42 && future.result(std::chrono::seconds(5)) == 42);
    /// \endcode
    decltype(auto) result(const timeout& limit = {}) const& {
        detail::shared_state<T>& state = checked();
        wait_for_result(state, limit);
        if constexpr (std::is_void_v<T> || std::is_reference_v<T>) {
            return state.result().get();
        } else {
            return static_cast<const T&>(state.result().get());
        }
    }

    /// Does the same, but gives up this handle unless `limit` has passed, and returns the value itself. The
    /// value is moved out if this was the last handle, or if `T` can't be copied (see `is_copyable`); else it
    /// is copied.
    ///
    /// \code
    /// auto owner = executor.submit([] { return std::make_unique<int>(42); }).result();
    /// assert(*owner == 42);
    /// \endcode
    T result(const timeout& limit = {}) &&
            requires std::is_void_v<T> || std::is_reference_v<T> || std::is_move_constructible_v<T>
    {
        detail::shared_state<T>& state = checked();
        detail::await_or_throw(state, limit);
        const Future last = std::move(*this);
        detail::throw_if_failed(state);
        if constexpr (std::is_void_v<T> || std::is_reference_v<T>) {
            return state.result().get();
        } else if constexpr (is_copyable<T>) {
            if (!state.has_one_handle()) {
                // If this doesn't compile, T only seems to be copyable: see `is_copyable`.
                return static_cast<const T&>(state.result().get());
            }
            return std::move(state.result().get());
        } else {
            return std::move(state.result().get());
        }
    }
    T result(const timeout& limit = {}) &&
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && !std::is_move_constructible_v<T>) =
        delete;  // the value can't leave its handles: keep one, and call result() on that

    /// Returns `result()`, under the name that `std::future` has for it.
    ///
    /// \code
    /// assert(executor.submit([] { return 42; }).get() == 42);
    /// \endcode
    decltype(auto) get() const& { return result(); }
    /// Returns `result()` of an rvalue.
    T get() &&
            requires requires(Future future) { std::move(future).result(); }
    {
        return std::move(*this).result();
    }

    /// Calls `fn(Future<T>)` once the future is done, on the thread that completes or cancels it, after the
    /// callbacks that were added earlier. If the future is already done, calls `fn` at once, on this thread.
    /// The log handler gets an exception from `fn`. `fn` may still run when `result()` has returned on
    /// another thread.
    ///
    /// If a callback completes another future, the callbacks of that future are called before the first one
    /// goes on. Calls that are more than 32 deep are postponed until the outermost has returned, so a chain
    /// of any length needs a bounded part of the stack.
    ///
    /// \throws whatever copying or moving `fn` throws, and `std::bad_alloc`; then `fn` is not called
    ///
    /// \code
    /// std::promise<int> seen;
    /// executor.submit([] { return 42; }).add_done_callback([&seen](const futures::Future<int>& future) {
    ///     seen.set_value(future.result());
    /// });
    /// assert(seen.get_future().get() == 42);
    /// \endcode
    template <class Fn>
    void add_done_callback(Fn&& fn) const {
        static_assert(std::is_invocable_v<std::decay_t<Fn>&, Future<T>>,
                      "add_done_callback(fn): fn can't be called with a Future of this type");
        detail::add_callback<Future>(checked(), std::forward<Fn>(fn));
    }

    /// Returns the future of `fn(value)`, which runs as soon as this future has a value: as a task of the
    /// executor that ran this future. If no executor ran it, as that of a `Promise` or a `package`, `fn` runs
    /// as a done callback does. An executor of your own that ran it, as a continuation or a coroutine, must
    /// still exist; a destroyed `thread_pool_executor` fails the new future.
    ///
    /// - `fn` gets the value as a `const T&`, or what the reference is that the task returned, or nothing if
    ///   that is void. Called on an rvalue, this gives up the handle, and `fn` gets a `T&&` if it was the
    ///   last (or if `T` can't be copied).
    /// - A failure or cancellation passes by `fn`, and arrives as it is. But a `fn` that can't be called with
    ///   the value may take the `Future<T>` itself, which is done: then it sees failures too.
    /// - If `fn` returns a `Future<U>`, the result is a `Future<U>`, not a future of one.
    /// - If the first parameter of `fn` is a `std::stop_token`, it gets one, as in `submit`.
    ///
    /// Cancelling the new future, or requesting a stop of it, also cancels what it waits for, as far as
    /// nobody else has a handle on that. A task may wait for it even on a pool of one worker: see `result`.
    /// If the executor was shut down before `fn` could be queued, the new future fails with
    /// `executor_shutdown`. So it does if a coroutine took an executor of your own by value: take it by
    /// reference, or name an executor, as in `then(executor, fn)`.
    ///
    /// \throws invalid_state_error if this future is not `valid()`
    /// \throws broken_executor in the child of a fork, if this future is the parent's and was not done
    /// \throws std::bad_alloc, and what copying or moving `fn` throws
    ///
    /// \code
    /// auto text = executor.submit([] { return std::string("four"); });
    /// auto size = text.then([](const std::string& value) { return value.size(); });
    /// assert(size.result() == 4);
    /// \endcode
    template <class Fn>
    auto then(Fn&& fn) const&;
    /// Does the same, and gives up this handle.
    template <class Fn>
    auto then(Fn&& fn) &&;

    /// Does the same, and runs `fn` as a task of `executor`, of any kind. Unless it is a
    /// `thread_pool_executor`, it must exist until both futures are done, also if the new one was cancelled.
    /// What its `submit` throws, the new future fails with.
    ///
    /// \code
    /// futures::thread_pool_executor writers(1);
    /// auto written = executor.submit([] { return 6; }).then(writers, [](int x) { return 7 * x; });
    /// assert(written.result() == 42);
    /// \endcode
    template <class Executor, class Fn>
    auto then(Executor& executor, Fn&& fn) const&;
    /// Does the same, and gives up this handle.
    template <class Executor, class Fn>
    auto then(Executor& executor, Fn&& fn) &&;

    /// Lets a coroutine of any type wait for this future without a thread: `co_await future` gives what
    /// `result()` would, once the future is done. A coroutine that itself returns a `Future` goes on as a
    /// task of its executor. Any other goes on where this future is completed, as a done callback does. An
    /// await allocates nothing.
    ///
    /// \throws invalid_state_error if this future is not `valid()`, or is the waiting coroutine's own
    /// \throws broken_executor in the child of a fork, if this future is the parent's and was not done
    ///
    /// \code
    /// auto doubled = [](futures::thread_pool_executor<>& pool) -> futures::Future<int> {
    ///     co_return 2 * co_await pool.submit([] { return 21; });
    /// };
    /// assert(doubled(executor).result() == 42);
    /// \endcode
    auto operator co_await() const& noexcept { return detail::future_awaiter<T, const Future&>(*this); }
    /// Does the same, and gives up this handle.
    auto operator co_await() && noexcept { return detail::future_awaiter<T, Future>(std::move(*this)); }

    /// Returns whether both are handles on the same state, or neither has a state.
    friend bool operator==(const Future& a, const Future& b) noexcept { return a.state_ == b.state_; }

private:
    friend struct detail::future_access;

    using base::base;
    using base::checked;
    using base::state_;

    static void wait_for_result(detail::shared_state<T>& state, const timeout& limit) {
        detail::await_or_throw(state, limit);
        detail::throw_if_failed(state);
    }
};

}}  // namespace concurrent::futures

/// Equal futures have the same hash.
///
/// \code
/// std::unordered_map<futures::Future<int>, std::string> names;
/// names.emplace(executor.submit([] { return 42; }), "the answer");
/// assert(names.begin()->first.result() == 42);
/// \endcode
template <class T>
struct std::hash<concurrent::futures::Future<T>> {
    /// Returns the hash of the state that `future` is a handle on.
    std::size_t operator()(const concurrent::futures::Future<T>& future) const noexcept {
        namespace detail = concurrent::futures::detail;
        return std::hash<const detail::shared_state_base*>()(detail::future_access::address(future));
    }
};
