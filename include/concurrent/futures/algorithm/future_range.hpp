// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>          // std::same_as
#include <initializer_list>  // std::initializer_list
#include <memory>            // std::addressof
#include <ranges>            // std::ranges::input_range
#include <type_traits>       // std::remove_cvref_t, std::conditional_t
#include <unordered_map>     // std::unordered_map
#include <vector>            // std::vector

#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<Future<T>> = true;

}  // namespace detail

/// A `future_type` is `Future<T>` for some `T`.
///
/// \code
/// static_assert(futures::future_type<futures::Future<int>> && !futures::future_type<std::future<int>>);
/// \endcode
template <class F>
concept future_type = detail::is_future<std::remove_cvref_t<F>>;

namespace detail {

// A handle on a future, with the type of the result or without.
template <class F>
concept future_handle = future_type<F> || std::same_as<std::remove_cvref_t<F>, any_future>;

}  // namespace detail

/// A `future_map` is a map whose keys are futures: `Future<T>` or `any_future`.
///
/// \code
/// static_assert(futures::future_map<std::unordered_map<futures::Future<int>, std::string>>);
/// \endcode
template <class Range>
concept future_map = std::ranges::input_range<Range> && requires {
    typename std::remove_cvref_t<Range>::key_type;
    typename std::remove_cvref_t<Range>::mapped_type;
} && detail::future_handle<typename std::remove_cvref_t<Range>::key_type>;

/// `wait` and `as_completed` take this: any range of `Future<T>` or of `any_future`, or a map
/// keyed by them.
///
/// \code
/// auto count_done = [](const futures::future_range auto& tasks) {
///     return futures::wait(tasks).done.size();
/// };
/// assert(count_done(std::vector{executor.submit([] {}), executor.submit([] {})}) == 2);
/// \endcode
template <class Range>
concept future_range = std::ranges::input_range<Range> &&
                       (detail::future_handle<std::ranges::range_reference_t<Range>> || future_map<Range>);

namespace detail {

// Returns the future that an element of a `future_range` is, or has as its key.
template <class Range, class Element>
constexpr const auto& future_of(const Element& element) noexcept {
    if constexpr (future_map<Range>) {
        return element.first;
    } else {
        return element;
    }
}

template <class Range>
using future_in =
    std::remove_cvref_t<decltype(future_of<Range>(std::declval<std::ranges::range_reference_t<Range>>()))>;

// `wait` and `as_completed` give the futures of `Range` as this. They take the value type `any_future` for
// that of futures of whatever type, so a `Future<any_future>` becomes an `any_future`.
template <class Range>
using handle_in = handle_on<typename future_in<Range>::value_type>;

// `wait` and `as_completed` have another overload for lists of `any_future`. It is a template, so that a unit
// compiles it only if it calls it, and so no better match than the one for ranges.
template <class Range>
concept no_list_of_any_future = !std::same_as<std::remove_cvref_t<Range>, std::initializer_list<any_future>>;

// The same for each `Handle`. It depends on `Handle` so that only units that need the set of them compile it.
template <class Handle>
using address_of_state = std::conditional_t<future_handle<Handle>, const shared_state_base*, Handle>;

// Returns each future of `futures` once, in order.
template <class Range>
std::vector<handle_in<Range>> unique_futures(Range&& futures) {
    using future = future_in<Range>;
    std::vector<handle_in<Range>> unique;
    std::unordered_map<address_of_state<future>, bool> seen;  // a set; <functional> has brought this one
    if constexpr (std::ranges::sized_range<Range>) {
        const auto size = static_cast<std::size_t>(std::ranges::size(futures));
        unique.reserve(size);
        seen.reserve(size);
    }
    for (auto&& element : futures) {
        const future& each = future_of<Range>(element);
        if (seen.try_emplace(std::addressof(future_access::state(each)), true).second) {
            unique.push_back(each);
        }
    }
    return unique;
}

}  // namespace detail
}}  // namespace concurrent::futures
