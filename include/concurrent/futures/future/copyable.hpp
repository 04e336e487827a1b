#pragma once

#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <ranges>       // std::ranges::range
#include <tuple>        // std::tuple_size, std::tuple_element_t
#include <type_traits>  // std::is_copy_constructible_v
#include <utility>      // std::index_sequence
#include <variant>      // std::variant

namespace concurrent::futures::inline v0_1 {

namespace detail {

template <class T>
constexpr bool is_copyable();

}  // namespace detail

/// Whether a value of type `T` can be copied. `std::is_copy_constructible` says so of a container even if its
/// elements can't be; this sees through ranges, pairs, tuples, optionals and variants. It can't see through a
/// class that has such a container for a member and seems to be copyable by that: specialize this as false
/// for it, or delete its copy constructor.
///
/// `Future::result()` of an rvalue asks it, and moves out what can't be copied.
///
/// \code
/// static_assert(!futures::is_copyable<std::vector<std::unique_ptr<int>>>);
/// \endcode
template <class T>
inline constexpr bool is_copyable = detail::is_copyable<T>();

namespace detail {

// What has elements, and a copy constructor that copies them.
template <class T>
concept container = std::ranges::range<T> && !std::ranges::view<T> && requires { typename T::value_type; } &&
                    !std::is_same_v<typename T::value_type, T>;  // as of some JSON

template <class T>
concept tuple_like = requires { std::tuple_size<T>::value; };

template <class T, std::size_t... index>
constexpr bool has_copyable_elements(std::index_sequence<index...>) {
    return (futures::is_copyable<std::tuple_element_t<index, T>> && ...);
}

template <class T>
inline constexpr bool has_copyable_alternatives = true;
template <class T>
inline constexpr bool has_copyable_alternatives<std::optional<T>> = futures::is_copyable<T>;
template <class... Ts>
inline constexpr bool has_copyable_alternatives<std::variant<Ts...>> = (futures::is_copyable<Ts> && ...);

template <class T>
constexpr bool is_copyable() {
    if constexpr (!std::is_copy_constructible_v<T>) {
        return false;
    } else if constexpr (container<T>) {
        return futures::is_copyable<typename T::value_type>;
    } else if constexpr (tuple_like<T>) {
        return has_copyable_elements<T>(std::make_index_sequence<std::tuple_size_v<T>>());
    } else {
        return has_copyable_alternatives<T>;
    }
}

}  // namespace detail
}  // namespace concurrent::futures
