// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <exception>  // std::exception_ptr, std::rethrow_exception
#include <future>     // std::future_status
#include <utility>    // std::exchange, std::swap

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

struct future_access;

// Does the same as `await_or_throw`, which mostly need not call this.
void await_pending(shared_state_base& state, const timeout& limit);

// Waits until `state` is done. Throws if `limit` passes first.
inline void await_or_throw(shared_state_base& state, const timeout& limit) {
    if (!state.done()) {
        await_pending(state, limit);
    }
}

// Requires: `state` is done, and has no value.
[[noreturn, gnu::cold]] void throw_failure(shared_state_base& state);

// Requires: `state` is done.
inline void throw_if_failed(shared_state_base& state) {
    if (state.state() == future_state::cancelled || state.exception()) {
        throw_failure(state);
    }
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void await_pending(shared_state_base& state, const timeout& limit) {
    if (limit.is_never()) {
        await(state);
    } else if (!await(state, limit.start())) {
        throw_error<timeout_error>("the future was not done within the timeout");
    }
}

CONCURRENT_FUTURES_FUNCTION void throw_failure(shared_state_base& state) {
    if (state.state() == future_state::cancelled) {
        throw_error<cancelled_error>("the future was cancelled");
    }
    state.mark_exception_as_looked_at();
    std::rethrow_exception(state.exception());
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// `future_base` is what `Future<T>` and `any_future` have in common: all that doesn't depend on the type of
/// the result. `State` is internal.
///
/// \code
/// futures::Future<int> number = executor.submit([] { return 42; });
/// futures::any_future any = number;
/// assert(number.wait_for(std::chrono::hours(1)) == any.wait_for(std::chrono::hours(1)));
/// \endcode
template <class State>
class future_base {
public:
    /// Returns whether this handle has a state.
    ///
    /// \code
    /// assert(!futures::Future<int>().valid());
    /// \endcode
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

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
        detail::shared_state_base& state = checked();
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
        const detail::shared_state_base::handle kept(checked());  // a callback may destroy this handle
        return kept.state().cancel();
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
        const detail::shared_state_base::handle kept(checked());
        return kept.state().request_stop();
    }

    /// Returns how far the future has got. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(future.state() == futures::future_state::finished);
    /// \endcode
    [[nodiscard]] future_state state() const { return checked().state(); }
    /// Returns whether the future was cancelled. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(!future.cancelled());
    /// \endcode
    [[nodiscard]] bool cancelled() const { return state() == future_state::cancelled; }
    /// Returns whether the task runs now. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(!future.running());
    /// \endcode
    [[nodiscard]] bool running() const { return state() == future_state::running; }
    /// Returns whether the future was cancelled or has finished. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// executor.shutdown();
    /// assert(future.done());
    /// \endcode
    [[nodiscard]] bool done() const { return checked().done(); }

    /// Waits until the future is done. See `result` for what a worker does meanwhile.
    ///
    /// \code
    /// auto future = executor.submit([] { throw std::runtime_error("bad luck"); });
    /// future.wait();  // doesn't throw that
    /// assert(future.exception());
    /// \endcode
    void wait() const { detail::await(checked(), detail::deadline()); }

    /// Waits until the future is done or `limit` has passed.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// assert(future.wait_for(std::chrono::hours(1)) == std::future_status::ready);
    /// \endcode
    std::future_status wait_for(const timeout& limit) const {
        return detail::await(checked(), limit.start()) ? std::future_status::ready
                                                       : std::future_status::timeout;
    }

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

protected:
    future_base() noexcept = default;
    explicit future_base(State* state) noexcept : state_(state) {}  // takes over one handle
    future_base(const future_base& other) noexcept : state_(other.state_) {
        if (state_) {
            state_->add_handle();
        }
    }
    future_base(future_base&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    future_base& operator=(const future_base&) = delete;
    ~future_base() {
        if (state_) {
            state_->remove_handle();
        }
    }

    void swap(future_base& other) noexcept { std::swap(state_, other.state_); }

    State& checked() const {
        if (!state_) {
            detail::throw_error<invalid_state_error>(
                "the future has no state: it was default-constructed or moved from");
        }
        return *state_;
    }

    State* state_ = nullptr;

private:
    friend struct detail::future_access;

    using state_type = State;

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
};

}}  // namespace concurrent::futures
