// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::movable, std::constructible_from
#include <cstddef>      // std::size_t
#include <exception>    // std::current_exception
#include <functional>   // std::invoke
#include <mutex>        // std::lock_guard
#include <optional>     // std::optional
#include <ranges>       // std::ranges
#include <type_traits>  // std::invoke_result_t, std::is_invocable_r_v
#include <utility>      // std::forward, std::move
#include <vector>       // std::vector

#include <concurrent/futures/algorithm/loop.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Combines what `transform` makes of the elements, in their order. Each thread combines the chunks that it
// takes, as long as one follows the other. What it has is then a part of the result.
template <class T, class Range, class Combine, class Transform>
class reduction {
public:
    reduction(Range& range, const chunk_sizes& sizes, T&& init, Combine& combine, Transform& transform)
        : source_(range, sizes), init_(std::move(init)), combine_(combine), transform_(transform) {}

    template <class Branching>
    T run(const Branching& branching) {
        auto work = [this]() noexcept { take_part(); };
        run_together(branching, source_, failure_, work);
        failure_.rethrow();
        if (parts_.empty()) {
            return std::move(init_);
        }
        auto each = parts_.begin();
        T result = std::move(each->value);
        while (++each != parts_.end()) {
            result = static_cast<T>(std::invoke(combine_, std::move(result), std::move(each->value)));
        }
        return result;
    }

private:
    // What one thread has combined, from the chunk with the number `first`.
    struct stored_part {
        std::size_t first;
        T value;
    };

    // The chunks that one thread is combining.
    struct part {
        std::optional<T> value;
        std::size_t first = 0;
        std::size_t last = 0;
    };

    void take_part() noexcept {
        part mine;
        take_chunks(source_, failure_, deadline(), [&](auto& chunk) {
            if (mine.value && chunk.number != mine.last + 1) {
                store(mine);
            }
            if (!mine.value) {
                mine.first = chunk.number;
            }
            mine.last = chunk.number;
            // What is combined stays in a local variable, in registers if it fits.
            T result = begin(mine, chunk);
            chunk.visit_rest([&](auto&& element) {
                result = static_cast<T>(
                    std::invoke(combine_, std::move(result),
                                std::invoke(transform_, std::forward<decltype(element)>(element))));
            });
            mine.value.emplace(std::move(result));
        });
        if (mine.value && !failure_.has_any()) {
            try {
                store(mine);
            } catch (...) {
                failure_.note(mine.first, std::current_exception());
            }
        }
    }

    // Returns what there is after the first element of `chunk`.
    template <class Chunk>
    T begin(part& mine, Chunk& chunk) {
        std::optional<T> result;
        T* const before = mine.value ? &*mine.value : chunk.number == 0 ? &init_ : nullptr;
        chunk.visit_first([&](auto&& element) {
            if (before) {
                result.emplace(static_cast<T>(
                    std::invoke(combine_, std::move(*before),
                                std::invoke(transform_, std::forward<decltype(element)>(element)))));
            } else {
                result.emplace(
                    static_cast<T>(std::invoke(transform_, std::forward<decltype(element)>(element))));
            }
        });
        return std::move(*result);
    }

    void store(part& mine) {
        {
            const std::lock_guard lock(mutex_);
            // Threads take the chunks in order, so few parts come before one that was stored earlier.
            auto place = parts_.end();
            while (place != parts_.begin() && (place - 1)->first > mine.first) {
                --place;
            }
            parts_.insert(place, stored_part{mine.first, std::move(*mine.value)});
        }
        mine.value.reset();
    }

    chunk_source<Range> source_;
    T init_;  // only for the thread that takes the first chunk
    Combine& combine_;
    Transform& transform_;
    loop_failure failure_;
    sync::mutex mutex_;
    std::vector<stored_part> parts_;  // guarded by `mutex_`; in the order of their first chunks
};

template <class T, class Combine, class Transformed>
concept reducible = std::movable<T> && std::constructible_from<T, Transformed> &&
                    std::is_invocable_v<Combine&, T, Transformed> && std::is_invocable_v<Combine&, T, T>;

template <class Branching, class Range, class T, class Combine, class Transform>
T reduce_in(const Branching& branching, Range& range, T init, Combine& combine, Transform& transform) {
    static_assert(std::ranges::input_range<Range>, "reduce(range, init, combine): it needs an input range");
    if constexpr (std::ranges::input_range<Range>) {
        constexpr bool can_transform = std::is_invocable_v<Transform&, map_argument<Range>>;
        static_assert(can_transform,
                      "reduce(range, init, combine, transform): transform can't be called with an element");
        if constexpr (can_transform) {
            constexpr bool can_combine =
                reducible<T, Combine, std::invoke_result_t<Transform&, map_argument<Range>>>;
            static_assert(can_combine,
                          "reduce(range, init, combine): an element, as far as it is transformed, must "
                          "convert to the type of init, and combine must take two values of that type, or "
                          "one and an element");
            if constexpr (can_combine) {
                return reduction<T, Range, Combine, Transform>(range, {0, branching.max_workers()},
                                                               std::move(init), combine, transform)
                    .run(branching);
            }
        }
    }
}

}}}  // namespace concurrent::futures::detail
