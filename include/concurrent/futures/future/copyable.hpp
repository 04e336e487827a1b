// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <optional>     // std::optional
#include <ranges>       // std::ranges::range
#include <tuple>        // std::tuple_size, std::tuple_element_t
#include <type_traits>  // std::is_copy_constructible_v, std::is_reference_v, std::is_same_v, std::remove_cv_t
#include <utility>      // std::index_sequence
#include <variant>      // std::variant

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
struct copyable;

}  // namespace detail

/// `is_copyable<T>` says whether a value of type `T` can be copied. `std::is_copy_constructible` is true of a
/// container even if the elements can't be copied. `is_copyable` sees through ranges, pairs, tuples,
/// optionals and variants, even where they contain each other. It can't see through a class with such a
/// container as a member: delete the copy constructor of the class, or specialize `template <> inline
/// constexpr bool futures::is_copyable<page> = false;`.
///
/// `Future::result()` of an rvalue moves out a value that can't be copied.
///
/// \code
/// static_assert(!futures::is_copyable<std::vector<std::unique_ptr<int>>>);
/// \endcode
template <class T>
inline constexpr const bool& is_copyable = detail::copyable<T>::value;

namespace detail {

// A `container` has elements, and a copy constructor that copies them.
template <class T>
concept container = std::ranges::range<T> && !std::ranges::view<T> && requires { typename T::value_type; };

template <class T>
concept tuple_like = requires { std::tuple_size<T>::value; };

template <class... Types>
struct parts {};

template <class T, std::size_t... index>
parts<std::tuple_element_t<index, T>...> elements_of(std::index_sequence<index...>);

template <class T>
struct alternatives {
    using type = parts<>;
};
template <class T>
struct alternatives<std::optional<T>> {
    using type = parts<T>;
};
template <class... Ts>
struct alternatives<std::variant<Ts...>> {
    using type = parts<Ts...>;
};

// Returns the types that are copied with a `T` without its copy constructor saying whether they can be.
template <class T>
constexpr auto parts_of() {
    if constexpr (container<T>) {
        return parts<typename T::value_type>();
    } else if constexpr (tuple_like<T>) {
        return decltype(detail::elements_of<T>(std::make_index_sequence<std::tuple_size_v<T>>()))();
    } else {
        return typename alternatives<T>::type();
    }
}

template <class T, class... Wholes>
constexpr bool look_into();

// Says whether `T` can be copied, apart from what users say of `T` itself. `Wholes` are the types that
// contain `T`.
template <class T, class... Wholes>
inline constexpr bool seems_copyable = detail::look_into<T, Wholes...>();

template <class T, class... Wholes>
constexpr bool is_copyable_part() {
    using part = std::remove_cv_t<T>;
    // Only a user's specialization of `is_copyable` is no reference. Don't evaluate the others here: one of
    // them may be the one that is being initialized.
    if constexpr (!std::is_reference_v<decltype(futures::is_copyable<part>)>) {
        return futures::is_copyable<part>;
    } else if constexpr ((std::is_same_v<part, Wholes> || ...)) {
        return true;  // unless another part says otherwise
    } else {
        return seems_copyable<part, Wholes...>;
    }
}

template <class... Wholes, class... Parts>
constexpr bool are_copyable_parts(parts<Parts...>) {
    return (detail::is_copyable_part<Parts, Wholes...>() && ...);
}

template <class T, class... Wholes>
constexpr bool look_into() {
    if constexpr (!std::is_copy_constructible_v<T>) {
        return false;
    } else {
        return detail::are_copyable_parts<T, Wholes...>(detail::parts_of<T>());
    }
}

template <class T>
struct copyable {
    static constexpr bool value = detail::is_copyable_part<T>();
};

}  // namespace detail
}}  // namespace concurrent::futures
