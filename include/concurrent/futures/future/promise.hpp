// SPDX-License-Identifier: MIT

#pragma once

#include <exception>    // std::exception_ptr
#include <memory>       // std::addressof
#include <stdexcept>    // std::invalid_argument
#include <type_traits>  // std::is_void_v, std::is_reference_v
#include <utility>      // std::move
#include <variant>      // std::monostate

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// The state of a promise's future.
template <class T>
class promised_state final : public shared_state<T> {
    ~promised_state() override = default;
    [[nodiscard]] bool has_promise() const noexcept override { return true; }
};

}  // namespace detail

/// A `Promise` is the producer's side of a `Future<T>`, for executors of your own and for tests. It is
/// movable, not copyable.
///
/// Thread-safety: one thread at a time may use a promise, with two exceptions. `get_future` and a setter may
/// run at the same time. If several setters run at the same time, one wins and the others throw.
///
/// \code
/// futures::Promise<int> promise;
/// futures::Future<int> future = promise.get_future();
/// if (promise.set_running_or_notify_cancel())
///     promise.set_result(42);
/// assert(future.result() == 42);
/// \endcode
template <class T>
class Promise {
public:
    /// Makes a promise and its future, which is pending.
    ///
    /// \throws std::bad_alloc if there is no memory for the future
    Promise() : future_(detail::future_access::adopt<T>(*new detail::promised_state<T>())) {}
    /// Takes over what `other` has to fulfil.
    Promise(Promise&& other) noexcept
        : future_(std::move(other.future_)), settled_(other.settled_.load(std::memory_order_relaxed)) {}
    /// Takes over what `other` has to fulfil. If this promise was not set, its future fails with
    /// `broken_promise_error`.
    Promise& operator=(Promise&& other) noexcept {
        if (this != std::addressof(other)) {
            abandon();
            future_ = std::move(other.future_);
            settled_.store(other.settled_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        }
        return *this;
    }

    /// If the promise was not set, its future fails with `broken_promise_error`.
    ~Promise() { abandon(); }

    /// Returns a handle on the future. Each call returns one more handle.
    ///
    /// \throws invalid_state_error if this promise was moved from
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// assert(promise.get_future() == promise.get_future());
    /// \endcode
    [[nodiscard]] Future<T> get_future() const {
        static_cast<void>(state());
        return future_;
    }

    /// Makes the future run: from now on it can't be cancelled. Returns false if the future was cancelled
    /// already; then there is nothing to do.
    ///
    /// \throws invalid_state_error if this was called or the result set before
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// promise.get_future().cancel();
    /// assert(!promise.set_running_or_notify_cancel());
    /// \endcode
    bool set_running_or_notify_cancel() {
        if (state().claim()) {
            return true;
        }
        if (state().will_not_run()) {
            return false;
        }
        detail::throw_error<invalid_state_error>("the future is running or finished already");
    }

    /// Stores the value and completes the future: wakes the threads that wait for the future, and calls its
    /// callbacks on this thread.
    ///
    /// \throws invalid_state_error if a result was set before or the future was cancelled
    /// \throws whatever copying or moving `value` throws; then nothing is set, and the future keeps running
    ///
    /// \code
    /// futures::Promise<std::string> promise;
    /// promise.set_result("answer");
    /// assert(promise.get_future().result() == "answer");
    /// \endcode
    void set_result(const std::conditional_t<std::is_void_v<T>, std::monostate, T>& value)
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::is_copy_constructible_v<T>)
    {
        settle([&](auto& state) { state.result().emplace(value); });
    }
    /// Does the same, and moves the value.
    void set_result(std::conditional_t<std::is_void_v<T>, std::monostate, T>&& value)
        requires(!std::is_void_v<T> && !std::is_reference_v<T>)
    {
        settle([&](auto& state) { state.result().emplace(std::move(value)); });
    }
    /// Does the same for a future whose result is a reference.
    void set_result(std::conditional_t<std::is_reference_v<T>, T, std::monostate&> value)
        requires std::is_reference_v<T>
    {
        settle([&](auto& state) { state.result().emplace(static_cast<T>(value)); });
    }
    /// Does the same for a future that has no value.
    void set_result()
        requires std::is_void_v<T>
    {
        settle([](auto& state) { state.result().emplace(); });
    }

    /// Makes the future fail with `exception`, and completes it as `set_result` does.
    ///
    /// \throws std::invalid_argument if `exception` is null
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// promise.set_exception(std::make_exception_ptr(std::runtime_error("connection lost")));
    /// assert(promise.get_future().exception() != nullptr);
    /// \endcode
    void set_exception(std::exception_ptr exception) {
        if (!exception) {
            detail::throw_error<std::invalid_argument>(
                "set_exception needs an exception, not a null pointer");
        }
        settle([&](auto& state) { state.set_exception(std::move(exception)); });
    }

private:
    [[nodiscard]] detail::shared_state<T>& state() const { return detail::future_access::state(future_); }

    template <class Store>
    void settle(Store store) {
        // The callbacks may destroy this promise.
        const Future<T> kept = get_future();
        detail::shared_state<T>& state = detail::future_access::state(kept);
        if (!state.claim() && state.will_not_run()) {
            detail::throw_error<invalid_state_error>(
                "the future was cancelled; set_running_or_notify_cancel() tells");
        }
        // If several threads set, one goes on. Acquire: pairs with the release below, where the store of
        // another thread threw.
        if (settled_.exchange(true, std::memory_order_acq_rel)) {
            detail::throw_error<invalid_state_error>("the result was set already");
        }
        try {
            store(state);
        } catch (...) {
            settled_.store(false, std::memory_order_release);
            throw;
        }
        state.complete();
    }

    void abandon() noexcept {
        // Without other handles nobody can see the outcome.
        if (future_.valid() && !settled_.load(std::memory_order_relaxed) && !state().has_one_handle()) {
            try {
                set_exception(detail::make_error<broken_promise_error>(
                    "the promise was destroyed before its result was set"));
            } catch (...) {
                // The future was cancelled, which is a result too. (The error that says so may have found no
                // memory.)
            }
        }
    }

    Future<T> future_;
    detail::sync::atomic<bool> settled_{false};
};

}}  // namespace concurrent::futures
