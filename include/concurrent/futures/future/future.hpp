// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>       // std::chrono
#include <cstddef>      // std::size_t
#include <exception>    // std::exception_ptr, std::rethrow_exception
#include <functional>   // std::hash, std::invoke
#include <future>       // std::future_status
#include <memory>       // std::addressof
#include <type_traits>  // std::is_void_v, std::is_reference_v
#include <utility>      // std::exchange, std::move, std::forward

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/fwd.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/callback.hpp>
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
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): see above
        return adopt(static_cast<shared_state<T>&>(handle.release()));
    }
    // Requires: `future.valid()`.
    template <class T>
    static shared_state_base::handle release(Future<T> future) noexcept {
        return shared_state_base::handle::adopt(*std::exchange(future.state_, nullptr));
    }
    // Requires: `future.valid()`.
    template <class T>
    static shared_state<T>& state(const Future<T>& future) {
        return future.checked();
    }
};

// Waits until `state` is done. Not inlined: it is the same for results of all types.
[[gnu::noinline]] inline void await_pending(shared_state_base& state, const timeout& limit) {
    if (!await(state, limit.start())) {
        throw_error<timeout_error>("the future was not done within the timeout");
    }
}

// Waits until `state` is done. Throws if `limit` passes first.
inline void await_or_throw(shared_state_base& state, const timeout& limit) {
    if (!state.done()) {
        await_pending(state, limit);
    }
}

// Requires: `state` is done, and has no value.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_failure(shared_state_base& state) {
    if (state.state() == future_state::cancelled) {
        throw_error<cancelled_error>("the future was cancelled");
    }
    state.mark_exception_as_looked_at();
    std::rethrow_exception(state.exception());
}

// Requires: `state` is done.
inline void throw_if_failed(shared_state_base& state) {
    if (state.state() == future_state::cancelled || state.exception()) {
        throw_failure(state);
    }
}

// A `done_callback` calls a user's function. It owns itself.
template <class T, class Fn>
class done_callback final : public callback {
public:
    template <class OtherFn>
    // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): it can't be copied
    explicit done_callback(OtherFn&& fn) : fn_(std::forward<OtherFn>(fn)) {}

private:
    void call(shared_state_base::handle done) override {
        // Log before `fn_` is gone, as the exception may refer to what `fn_` captured.
        log_what_throws([&] {
            // Make the future here: GCC 12, optimizing, destroys a parameter twice if `fn_` is sure to throw
            // after moving from it.
            std::invoke(fn_, future_access::adopt<T>(std::move(done)));
        });
        delete this;
    }

    Fn fn_;
};

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
class Future {
public:
    /// `value_type` is what the task returns.
    using value_type = T;

    /// Makes a handle that is not `valid()`.
    Future() noexcept = default;
    /// Makes another handle on the same state.
    Future(const Future& other) noexcept : state_(other.state_) {
        if (state_) {
            state_->add_handle();
        }
    }
    /// Takes over the handle `other`, which is not `valid()` any more.
    Future(Future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    /// Replaces this handle by a copy of `other`, or takes over an rvalue `other`.
    Future& operator=(Future other) noexcept {
        swap(other);
        return *this;
    }
    ~Future() {
        if (state_) {
            state_->remove_handle();
        }
    }

    /// Exchanges two handles.
    void swap(Future& other) noexcept { std::swap(state_, other.state_); }
    /// Exchanges two handles.
    friend void swap(Future& a, Future& b) noexcept { a.swap(b); }

    /// Returns whether this handle has a state.
    ///
    /// \code
    /// assert(!futures::Future<int>().valid());
    /// \endcode
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

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
    /// \throws invalid_state_error if a task waits, without a limit, for itself or for a task below it on the
    /// same thread
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

    /// Waits until the future is done, at most for `limit`, and returns what the task threw, or null if the
    /// task returned.
    ///
    /// \throws cancelled_error if the future was cancelled
    /// \throws timeout_error if `limit` passed first
    ///
    /// \code
    /// auto future = executor.submit([] { throw std::runtime_error("bad luck"); });
    /// assert(future.exception() != nullptr);
    /// \endcode
    std::exception_ptr exception(const timeout& limit = {}) const {
        detail::shared_state<T>& state = checked();
        detail::await_or_throw(state, limit);
        if (state.state() == future_state::cancelled) {
            detail::throw_failure(state);
        }
        if (state.exception()) {
            state.mark_exception_as_looked_at();
        }
        return state.exception();
    }

    /// Cancels the task if it has not started. The task will never run. This thread first destroys what the
    /// task captured. Then the future becomes cancelled, the threads that wait for it are woken, and its done
    /// callbacks are called. If another thread is cancelling the same task, this call waits for that thread.
    /// Returns true if this call or an earlier one cancelled the future, false if the task runs or has run.
    ///
    /// The destructor of a captured object may cancel other tasks, and its own. Such a call returns true at
    /// once if the task is already being cancelled.
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// futures::Future<int> future = promise.get_future();
    /// assert(future.cancel() && future.cancelled());
    /// \endcode
    bool cancel() const {
        const Future kept(state_handle());  // a callback may destroy this handle
        return kept.state_->cancel();
    }

    /// Cancels the task if it has not started. If it runs, requests a stop of the `std::stop_token` that its
    /// callable took. Returns whether this call did either.
    ///
    /// \code
    /// #if defined(__cpp_lib_jthread)
    /// auto future = executor.submit([](std::stop_token stop) {
    ///     while (!stop.stop_requested()) {
    ///     }
    /// });
    /// future.request_stop();  // cancels it, or ends its loop
    /// #endif
    /// \endcode
    bool request_stop() const {
        const Future kept(state_handle());
        if (kept.state() == future_state::pending && kept.state_->cancel()) {
            return true;
        }
        return kept.state_->signal_stop();
    }

    /// Returns how far the future has got. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(future.state() == futures::future_state::finished);
    /// \endcode
    [[nodiscard]] future_state state() const { return checked().state(); }
    /// Returns whether the future was cancelled.
    [[nodiscard]] bool cancelled() const { return state() == future_state::cancelled; }
    /// Returns whether the task runs now.
    [[nodiscard]] bool running() const { return state() == future_state::running; }
    /// Returns whether the future was cancelled or has finished.
    [[nodiscard]] bool done() const { return checked().done(); }

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
        Future kept(state_handle());  // copying or moving `fn` may destroy this handle
        // It destroys itself.
        auto* const added = new detail::done_callback<T, std::decay_t<Fn>>(std::forward<Fn>(fn));
        added->call_when_done(detail::future_access::release(std::move(kept)));
    }

    /// Waits until the future is done. See `result` for what a worker does meanwhile.
    void wait() const { detail::await(checked(), detail::deadline()); }

    /// Waits until the future is done or `limit` has passed.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// assert(future.wait_for(std::chrono::hours(1)) == std::future_status::ready);
    /// \endcode
    std::future_status wait_for(const timeout& limit) const { return wait_until_deadline(limit.start()); }

    /// Waits until the future is done or `when` has come, on any clock, even one that is set meanwhile.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// const auto when = std::chrono::system_clock::now() + std::chrono::hours(1);
    /// assert(future.wait_until(when) == std::future_status::ready);
    /// \endcode
    template <class Clock, class Duration>
    std::future_status wait_until(const std::chrono::time_point<Clock, Duration>& when) const {
        for (;;) {
            // Use the clock as it is now, and look again in case it was set back meanwhile.
            const std::chrono::nanoseconds left = remaining(when);
            if (wait_for(left) == std::future_status::ready) {
                return std::future_status::ready;
            }
            if (left <= std::chrono::nanoseconds::zero()) {
                return std::future_status::timeout;
            }
        }
    }

    /// Returns whether both are handles on the same state, or neither has a state.
    friend bool operator==(const Future& a, const Future& b) noexcept { return a.state_ == b.state_; }

private:
    friend struct detail::future_access;
    friend struct std::hash<Future>;

    explicit Future(detail::shared_state<T>* state) noexcept : state_(state) {}

    detail::shared_state<T>& checked() const {
        if (!state_) {
            detail::throw_error<invalid_state_error>(
                "the future has no state: it was default-constructed or moved from");
        }
        return *state_;
    }

    const Future& state_handle() const {
        static_cast<void>(checked());
        return *this;
    }

    static void wait_for_result(detail::shared_state<T>& state, const timeout& limit) {
        detail::await_or_throw(state, limit);
        detail::throw_if_failed(state);
    }

    std::future_status wait_until_deadline(const detail::deadline& until) const {
        return detail::await(checked(), until) ? std::future_status::ready : std::future_status::timeout;
    }

    template <class Clock, class Duration>
    static std::chrono::nanoseconds remaining(const std::chrono::time_point<Clock, Duration>& when) {
        using std::chrono::nanoseconds;
        using seconds = std::chrono::duration<long double>;
        // Compare `when` with now in integers only if it isn't far away: the clock may not count that far.
        // Centuries are for ever, see `timeout`.
        constexpr long double ages = 1e9L;
        const auto now = Clock::now();
        // Subtract counts: some libraries' durations that are not a number compare as no less than any other.
        const long double left =
            seconds(when.time_since_epoch()).count() - seconds(now.time_since_epoch()).count();
        if (left >= ages) {
            return (nanoseconds::max)();
        }
        if (!(left > -ages)) {  // or it is not a number
            return nanoseconds::zero();
        }
        if constexpr (std::chrono::treat_as_floating_point_v<typename Duration::rep>) {
            return std::chrono::ceil<nanoseconds>(seconds(left));
        } else {
            return std::chrono::ceil<nanoseconds>(when - now);
        }
    }

    detail::shared_state<T>* state_ = nullptr;
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
        return std::hash<concurrent::futures::detail::shared_state<T>*>()(future.state_);
    }
};
