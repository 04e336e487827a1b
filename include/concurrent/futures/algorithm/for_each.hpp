// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <functional>   // std::invoke
#include <ranges>       // std::ranges
#include <type_traits>  // std::remove_reference_t, std::is_invocable_v
#include <utility>      // std::forward

#include <concurrent/futures/algorithm/loop.hpp>
#include <concurrent/futures/algorithm/map.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Calls `fn` for each element. If `chunksize` is 0, the loop chooses.
template <class Branching, class Fn, class Range>
void for_each_in(const Branching& branching, const timeout_duration& limit, std::size_t chunksize, Fn& fn,
                 Range& range) {
    static_assert(std::ranges::input_range<Range>, "for_each(fn, range): it needs an input range");
    if constexpr (std::ranges::input_range<Range>) {
        constexpr bool can_be_called = std::is_invocable_v<Fn&, map_argument<Range>>;
        static_assert(can_be_called, "for_each(fn, range): fn can't be called with an element of the range");
        if constexpr (can_be_called) {
            const deadline until = limit.start();
            chunk_source<Range> source(range, {chunksize, branching.max_workers()});
            loop_failure failure;
            auto work = [&]() noexcept {
                take_chunks(source, failure, until, [&fn](auto& chunk) {
                    const auto call = [&fn](auto&& element) {
                        static_cast<void>(std::invoke(fn, std::forward<decltype(element)>(element)));
                    };
                    chunk.visit_first(call);
                    chunk.visit_rest(call);
                });
            };
            run_together(branching, source, failure, work);
            failure.rethrow();
        }
    }
}

template <class Branching, class Fn, class Range>
void for_each_in(const Branching& branching, const map_options& options, Fn& fn, Range& range) {
    throw_if_wrong(options);
    const std::size_t chunksize = options.auto_chunksize ? 0 : static_cast<std::size_t>(options.chunksize);
    for_each_in(branching, options.timeout, chunksize, fn, range);
}

}}}  // namespace concurrent::futures::detail
