// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <functional>   // std::hash
#include <memory>       // std::addressof
#include <type_traits>  // std::is_invocable_v, std::is_same_v, std::decay_t, std::conditional_t
#include <typeinfo>     // std::bad_cast
#include <utility>      // std::forward, std::move

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_base.hpp>
#include <concurrent/futures/state/result_type.hpp>
#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_bad_cast() {
    throw std::bad_cast();
}

}  // namespace detail

/// An `any_future` is a handle on a future of whatever type, made from a `Future<T>`. It is copyable, and
/// shares the state with the futures that it is equal to. It does everything that needs no result; `get<T>()`
/// gives the `Future<T>` back. `wait`, `as_completed` and `completion_queue` take futures of several types as
/// `any_future`.
///
/// A default-constructed or moved-from handle is not `valid()`, and neither is one that is made from such a
/// future. Thread-safety and the treatment of exceptions are those of `Future`.
///
/// \code
/// futures::Future<int> number = executor.submit([] { return 42; });
/// futures::Future<std::string> text = executor.submit([] { return std::string("hello"); });
/// for (const futures::any_future& each : std::vector<futures::any_future>{number, text})
///     each.wait();
/// assert(number.done() && text.done());
/// \endcode
class any_future : public future_base<detail::shared_state_base> {
public:
    /// In `wait_result`, `as_completed_range` and `completion_queue`, `any_future` stands for itself.
    using value_type = any_future;

    /// Makes a handle that is not `valid()`.
    any_future() noexcept = default;
    /// Makes a handle on the state of `future`.
    template <class T>
    any_future(const Future<T>& future) noexcept : any_future(Future<T>(future)) {}
    /// Takes over the handle `future`, which is not `valid()` any more.
    template <class T>
    any_future(Future<T>&& future) noexcept
        : future_base(
              future.valid()
                  ? std::addressof(detail::future_access::release<Future<T>>(std::move(future)).release())
                  : nullptr) {}
    /// Makes another handle on the same state.
    any_future(const any_future& other) noexcept = default;
    /// Takes over the handle `other`, which is not `valid()` any more.
    any_future(any_future&& other) noexcept = default;
    /// Replaces this handle by a copy of `other`, or takes over an rvalue `other`.
    any_future& operator=(any_future other) noexcept {
        swap(other);
        return *this;
    }
    ~any_future() = default;

    /// Exchanges two handles.
    void swap(any_future& other) noexcept { future_base::swap(other); }
    /// Exchanges two handles.
    friend void swap(any_future& a, any_future& b) noexcept { a.swap(b); }

    /// Returns the future with its type. Never blocks. If two shared libraries are built without RTTI, one
    /// may not recognise a type that the other hides.
    ///
    /// \throws std::bad_cast if the future's result is not a `T`
    /// \throws invalid_state_error if this handle is not `valid()`
    ///
    /// \code
    /// futures::any_future any = executor.submit([] { return 42; });
    /// assert(any.get<int>().result() == 42);
    /// try {
    ///     static_cast<void>(any.get<std::string>());
    ///     assert(false);
    /// } catch (const std::bad_cast&) {
    /// }
    /// \endcode
    template <class T>
    [[nodiscard]] Future<T> get() const {
        detail::shared_state_base& state = checked();
        if (state.type() != detail::result_type::of<T>()) {
            detail::throw_bad_cast();
        }
        return detail::future_access::adopt<T>(detail::shared_state_base::handle(state));
    }

    /// Calls `fn(any_future)` once the future is done, as `Future::add_done_callback` does.
    ///
    /// \throws whatever copying or moving `fn` throws, and `std::bad_alloc`; then `fn` is not called
    ///
    /// \code
    /// std::promise<void> seen;
    /// futures::any_future any = executor.submit([] { return 42; });
    /// any.add_done_callback([&seen](const futures::any_future&) { seen.set_value(); });
    /// seen.get_future().wait();
    /// assert(any.done());
    /// \endcode
    template <class Fn>
    void add_done_callback(Fn&& fn) const {
        static_assert(std::is_invocable_v<std::decay_t<Fn>&, any_future>,
                      "add_done_callback(fn): fn can't be called with an any_future");
        detail::add_callback<any_future>(checked(), std::forward<Fn>(fn));
    }

    /// Returns whether both are handles on the same state, or neither has a state.
    friend bool operator==(const any_future& a, const any_future& b) noexcept { return a.state_ == b.state_; }
    /// Returns whether both are handles on the same state, or neither has a state.
    template <class T>
    friend bool operator==(const any_future& a, const Future<T>& b) noexcept {
        return a.state_ == detail::future_access::address(b);
    }

private:
    friend struct detail::future_access;

    using future_base::future_base;
};

namespace detail {

// The handle on a future whose result is a `T`; `any_future` stands for futures of whatever type.
template <class T>
using handle_on = std::conditional_t<std::is_same_v<T, any_future>, any_future, Future<T>>;

}  // namespace detail
}}  // namespace concurrent::futures

/// Equal futures have the same hash, with their type or without.
///
/// \code
/// futures::Future<int> future = executor.submit([] { return 42; });
/// std::unordered_map<futures::any_future, std::string> names{{future, "the answer"}};
/// assert(names.at(future) == "the answer");
/// \endcode
template <>
struct std::hash<concurrent::futures::any_future> {
    /// Returns the hash of the state that `future` is a handle on.
    std::size_t operator()(const concurrent::futures::any_future& future) const noexcept {
        namespace detail = concurrent::futures::detail;
        return std::hash<const detail::shared_state_base*>()(detail::future_access::address(future));
    }
};
