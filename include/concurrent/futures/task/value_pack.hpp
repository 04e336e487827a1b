// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <utility>  // std::forward, std::index_sequence, std::in_place

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// One value of a `value_pack`. The index tells apart values of the same type.
template <std::size_t index, class T>
struct packed_value {
    template <class From>
    explicit packed_value(std::in_place_t, From&& from) : value(std::forward<From>(from)) {}

    [[no_unique_address]] T value;
};

template <std::size_t index, class T>
[[nodiscard]] T& value_at(packed_value<index, T>& pack) noexcept {
    return pack.value;
}
template <std::size_t index, class T>
[[nodiscard]] const T& value_at(const packed_value<index, T>& pack) noexcept {
    return pack.value;
}

template <class Indices, class... Ts>
class value_pack_of;
template <std::size_t... index, class... Ts>
class value_pack_of<std::index_sequence<index...>, Ts...> : public packed_value<index, Ts>... {
public:
    template <class... Froms>
    explicit value_pack_of(std::in_place_t, Froms&&... from)
        : packed_value<index, Ts>(std::in_place, std::forward<Froms>(from))... {}

    // Returns `fn(values...)`.
    template <class Fn>
    decltype(auto) pass_to(Fn&& fn) {
        return std::forward<Fn>(fn)(detail::value_at<index>(*this)...);
    }
};

// A `value_pack` holds one value of each type, like a `std::tuple`. Each task has another type of pack, and a
// tuple's many constructors and `std::apply` would make a fifth of the time to compile a program with many
// tasks.
template <class... Ts>
using value_pack = value_pack_of<std::index_sequence_for<Ts...>, Ts...>;

}}}  // namespace concurrent::futures::detail
