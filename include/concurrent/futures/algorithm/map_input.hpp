// SPDX-License-Identifier: MIT

#pragma once

#include <array>             // std::to_array
#include <concepts>          // std::invocable
#include <cstddef>           // std::size_t, std::ptrdiff_t
#include <functional>        // std::invoke, std::reference_wrapper
#include <initializer_list>  // std::initializer_list
#include <limits>            // std::numeric_limits
#include <memory>            // std::shared_ptr
#include <optional>          // std::optional
#include <ranges>            // std::ranges
#include <type_traits>       // std::invoke_result_t
#include <utility>           // std::move, std::forward
#include <vector>            // std::vector

#include <concurrent/futures/algorithm/chunk_results.hpp>
#include <concurrent/futures/task/value_pack.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `map` keeps a range as this type: decay-copied, as arguments of a task are. A view or a
// `std::reference_wrapper` still refers. The copy of an array or an initializer list would refer too, so
// these become containers.
template <class Range>
struct kept_range {
    using type = std::decay_t<Range>;
    static type keep(Range&& range) { return std::forward<Range>(range); }
};
template <class T, std::size_t size>
struct kept_range<T (&)[size]> {
    using type = std::array<std::remove_cv_t<T>, size>;
    static type keep(T (&range)[size]) { return std::to_array(range); }
};
template <class T, std::size_t size>
struct kept_range<T[size]> {
    using type = std::array<std::remove_cv_t<T>, size>;
    static type keep(T (&&range)[size]) { return std::to_array(std::move(range)); }
};
template <class T>
struct kept_initializer_list {
    using type = std::vector<T>;
    static type keep(std::initializer_list<T> range) { return range; }
};
template <class T>
struct kept_range<std::initializer_list<T>> : kept_initializer_list<T> {};
template <class T>
struct kept_range<std::initializer_list<T>&> : kept_initializer_list<T> {};
template <class T>
struct kept_range<const std::initializer_list<T>&> : kept_initializer_list<T> {};

template <class Range>
Range& unwrapped(Range& range) noexcept {
    return range;
}
template <class Range>
Range& unwrapped(std::reference_wrapper<Range>& range) noexcept {
    return range.get();
}

// `map` iterates this range for an argument of type `Range`.
template <class Range>
using mapped_range =
    std::remove_reference_t<decltype(detail::unwrapped(std::declval<typename kept_range<Range>::type&>()))>;

// `map_element` is one element that a task will need. It holds the position if the range keeps the element,
// else the element itself.
template <class Range>
class map_element {
public:
    explicit map_element(const std::ranges::iterator_t<Range>& position) : value_(*position) {}

    decltype(auto) operator()() {
        if constexpr (std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>) {
            return static_cast<std::ranges::range_value_t<Range>&>(value_);
        } else {
            return static_cast<std::ranges::range_value_t<Range>&&>(value_);
        }
    }

private:
    std::ranges::range_value_t<Range> value_;
};
template <std::ranges::forward_range Range>
class map_element<Range> {
public:
    explicit map_element(const std::ranges::iterator_t<Range>& position) : position_(position) {}

    decltype(auto) operator()() { return *position_; }

private:
    std::ranges::iterator_t<Range> position_;
};

template <class Range>
using map_argument = decltype(std::declval<map_element<Range>&>()());

// Returns a range's size, or the greatest number if that is greater.
template <std::ranges::sized_range Range>
std::size_t saturated_size(Range& range) {
    const auto counted = std::ranges::size(range);
    const auto size = static_cast<std::size_t>(counted);
    return static_cast<decltype(std::ranges::size(range))>(size) == counted
               ? size
               : (std::numeric_limits<std::size_t>::max)();
}

// Returns the quotient, rounded up.
constexpr std::size_t divide_rounding_up(std::size_t whole, std::size_t part) noexcept {
    return whole / part + (whole % part != 0 ? 1 : 0);
}

// Returns the number of elements that gives each worker about four chunks.
inline std::size_t auto_chunksize(std::size_t size, std::size_t max_workers) noexcept {
    // Divide twice, as the product of both divisors need not fit into a `std::size_t`.
    const std::size_t chunksize = divide_rounding_up(divide_rounding_up(size, max_workers), 4);
    return chunksize != 0 ? chunksize : 1;
}

// `map_input` is what the tasks of a map share: the function and the ranges.
template <class Fn, class... Ranges>
struct map_input {
    template <class OtherFn, class... OtherRanges>
    explicit map_input(OtherFn&& other_fn, OtherRanges&&... other_ranges)
        : fn(std::forward<OtherFn>(other_fn)),
          ranges(std::in_place, kept_range<OtherRanges>::keep(std::forward<OtherRanges>(other_ranges))...) {}

    Fn fn;
    value_pack<Ranges...> ranges;
};

// `map_cutter` cuts ranges, side by side, into chunks. A chunk is a callable that calls the function for some
// consecutive elements.
//
// If all are forward ranges, a chunk holds its position in each, and its length, and the task iterates. The
// elements of an input-only range don't stay, so the cutter reads them when it makes the chunk.
template <class Result, class Input, class... Ranges>
class map_cutter {
public:
    explicit map_cutter(std::shared_ptr<Input> input)
        : input_(std::move(input)),
          positions_(input_->ranges.pass_to([](auto&... ranges) {
              return value_pack<std::ranges::iterator_t<Ranges>...>(
                  std::in_place, std::ranges::begin(detail::unwrapped(ranges))...);
          })),
          ends_(input_->ranges.pass_to([](auto&... ranges) {
              return value_pack<std::ranges::sentinel_t<Ranges>...>(
                  std::in_place, std::ranges::end(detail::unwrapped(ranges))...);
          })) {}

    // Returns the number of elements if some range knows its own size.
    [[nodiscard]] std::optional<std::size_t> size() const {
        std::optional<std::size_t> smallest;
        const auto note = [&](auto& range) {
            if constexpr (std::ranges::sized_range<decltype(range)>) {
                const std::size_t size = saturated_size(range);
                if (!smallest || size < *smallest) {
                    smallest = size;
                }
            }
        };
        input_->ranges.pass_to([&](auto&... ranges) { (note(detail::unwrapped(ranges)), ...); });
        return smallest;
    }

    // Returns whether there is another element. Moves on only now, as reading input may block.
    [[nodiscard]] bool more() {
        if (at_used_element_) {
            increment(positions_);
            at_used_element_ = false;
        }
        return !at_end(std::index_sequence_for<Ranges...>());
    }

    // Returns a chunk of the next `limit` elements at most, and one at least. Requires: `more()`.
    [[nodiscard]] auto cut(std::size_t limit) {
        if constexpr ((std::ranges::forward_range<Ranges> && ...)) {
            // Copy before `skip` moves on.
            auto begin = positions_;
            const std::size_t count = skip(limit);
            return [input = input_, positions = std::move(begin), count]() mutable {
                return chunk_results<Result>(count, [&](std::size_t index) -> Result {
                    if (index != 0) {
                        increment(positions);
                    }
                    return positions.pass_to(
                        [&](auto&... each) -> Result { return std::invoke(input->fn, *each...); });
                });
            };
        } else {
            std::vector<value_pack<map_element<Ranges>...>> elements;
            do {
                positions_.pass_to(
                    [&](auto&... positions) { elements.emplace_back(std::in_place, positions...); });
                at_used_element_ = true;
            } while (elements.size() != limit && more());
            return [input = input_, taken = std::move(elements)]() mutable {
                return chunk_results<Result>(taken.size(), [&](std::size_t index) -> Result {
                    return taken[index].pass_to(
                        [&](auto&... each) -> Result { return std::invoke(input->fn, each()...); });
                });
            };
        }
    }

private:
    static void increment(value_pack<std::ranges::iterator_t<Ranges>...>& positions) {
        positions.pass_to([](auto&... each) { (static_cast<void>(++each), ...); });
    }

    template <std::size_t... index>
    [[nodiscard]] bool at_end(std::index_sequence<index...>) const {
        return ((detail::value_at<index>(positions_) == detail::value_at<index>(ends_)) || ...);
    }

    // Moves on by `limit` elements or to the end, and returns by how many.
    std::size_t skip(std::size_t limit) {
        if constexpr ((std::ranges::random_access_range<Ranges> && ...)) {
            return skip_at_once(limit, std::index_sequence_for<Ranges...>());
        } else {
            std::size_t count = 0;
            do {
                at_used_element_ = true;
                ++count;
            } while (count != limit && more());
            return count;
        }
    }

    template <std::size_t... index>
    std::size_t skip_at_once(std::size_t limit, std::index_sequence<index...>) {
        std::size_t count = limit;
        const auto note = [&](auto position, const auto& end) {
            using difference = std::iter_difference_t<decltype(position)>;
            constexpr auto most = static_cast<std::size_t>((std::numeric_limits<difference>::max)());
            count = count < most ? count : most;
            count -=
                static_cast<std::size_t>(std::ranges::advance(position, static_cast<difference>(count), end));
        };
        (note(detail::value_at<index>(positions_), detail::value_at<index>(ends_)), ...);
        (static_cast<void>(detail::value_at<index>(positions_) +=
                           static_cast<std::iter_difference_t<std::ranges::iterator_t<Ranges>>>(count)),
         ...);
        return count;
    }

    std::shared_ptr<Input> input_;
    value_pack<std::ranges::iterator_t<Ranges>...> positions_;
    value_pack<std::ranges::sentinel_t<Ranges>...> ends_;
    bool at_used_element_ = false;
};

}}}  // namespace concurrent::futures::detail
