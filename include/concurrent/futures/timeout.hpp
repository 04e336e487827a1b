// SPDX-License-Identifier: MIT

#pragma once

#include <optional>     // std::nullopt_t
#include <type_traits>  // std::is_arithmetic_v

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A `deadline` is when a wait ends, on a clock that nobody can turn back; or never.
class deadline {
public:
    using clock = sync::steady_clock;

    constexpr deadline() noexcept = default;
    constexpr explicit deadline(clock::time_point when) noexcept : when_(when) {}

    [[nodiscard]] bool is_never() const noexcept { return when_ == (clock::time_point::max)(); }
    [[nodiscard]] bool passed() const { return !is_never() && clock::now() >= when_; }
    // Requires: `!is_never()`.
    [[nodiscard]] clock::time_point when() const noexcept { return when_; }

private:
    clock::time_point when_ = (clock::time_point::max)();
};

}  // namespace detail

/// A timeout is the longest time to wait: a `std::chrono::duration` of any representation. The default and
/// `std::nullopt` wait for ever. Zero, a negative duration and a floating-point NaN don't block. A thousand
/// million seconds (31 years) or more wait for ever, as not every system counts further. No conversion
/// overflows.
///
/// \code
/// auto answer = [&executor](const futures::timeout& limit = {}) {
///     return executor.submit([] { return 42; }).result(limit);
/// };
/// assert(answer() == 42 && answer(std::chrono::hours(1)) == 42 && answer(std::nullopt) == 42);
/// \endcode
class timeout_duration {
public:
    /// Waits for ever.
    constexpr timeout_duration() noexcept = default;
    /// Waits for ever.
    constexpr timeout_duration(std::nullopt_t) noexcept {}
    /// Waits for `duration` at most.
    template <class Rep, class Period>
    constexpr timeout_duration(const std::chrono::duration<Rep, Period>& duration)
        : length_(saturated(duration)) {}
    /// Deleted: a bare number has no unit. Write `std::chrono::seconds(5)` or `5s`.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    timeout_duration(Number) = delete;  // a bare number has no unit: write std::chrono::seconds(5) or 5s

    /// Returns whether a wait has no deadline.
    [[nodiscard]] bool is_never() const noexcept { return length_ == (std::chrono::nanoseconds::max)(); }

    /// Returns the deadline of a wait that begins now.
    [[nodiscard]] detail::deadline start() const {
        using clock = detail::deadline::clock;
        if (is_never()) {
            return {};  // most waits have no limit, and need not pay for reading the clock
        }
        const clock::time_point now = clock::now();
        return length_ < (clock::time_point::max)() - now ? detail::deadline(now + length_)
                                                          : detail::deadline();
    }

private:
    template <class Rep, class Period>
    static constexpr std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period>& duration) {
        using std::chrono::nanoseconds;
        // Compute in floating point, where neither the count nor the ratio of a very long period overflows.
        const long double seconds = std::chrono::duration<long double>(duration).count();
        if (!(seconds > 0)) {
            return nanoseconds::zero();
        }
        // The clock counts nanoseconds for 292 years. But some standard libraries wait by another clock,
        // which counts from 1970, and some systems count seconds in 32 bits, for 68 years. Where that
        // overflows, a wait ends at once, again and again.
        constexpr long double most = 1e9L;
        if (seconds >= most) {
            return (nanoseconds::max)();
        }
        // Round up, so that no wait is shorter than asked for.
        const long double count = seconds * 1e9L;
        const auto whole = static_cast<nanoseconds::rep>(count);
        return nanoseconds(static_cast<long double>(whole) < count ? whole + 1 : whole);
    }

    std::chrono::nanoseconds length_ = (std::chrono::nanoseconds::max)();  // for ever
};

/// Users call `timeout_duration` by this name. `<curses.h>` defines a macro `timeout(delay)`, which a
/// parenthesis after the name expands. A class of that name could not declare its constructors there.
///
/// \code
/// const futures::timeout limit = std::chrono::seconds(5);
/// assert(executor.submit([] { return 42; }).result(limit) == 42);
/// \endcode
using timeout = timeout_duration;

}}  // namespace concurrent::futures
