// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>       // std::chrono
#include <optional>     // std::nullopt_t
#include <type_traits>  // std::is_arithmetic_v

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// The moment a wait ends, on the clock that nobody can turn back; or never.
class deadline {
public:
    using clock = sync::steady_clock;

    constexpr deadline() noexcept = default;
    constexpr explicit deadline(clock::time_point when) noexcept : when_(when) {}

    [[nodiscard]] bool is_never() const noexcept { return when_ == (clock::time_point::max)(); }
    [[nodiscard]] bool passed() const { return !is_never() && clock::now() >= when_; }
    // Of one that is not never.
    [[nodiscard]] clock::time_point when() const noexcept { return when_; }

private:
    clock::time_point when_ = (clock::time_point::max)();
};

}  // namespace detail

/// How long to wait: any `std::chrono::duration`, of any representation; by default, and from `std::nullopt`,
/// for ever. Zero, a negative duration and a floating-point NaN mean: don't block. A thousand
/// million seconds (31 years) and more are for ever: not every system counts further. No conversion
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
    /// For ever.
    constexpr timeout_duration() noexcept = default;
    /// For ever.
    constexpr timeout_duration(std::nullopt_t) noexcept {}
    /// For so long.
    template <class Rep, class Period>
    constexpr timeout_duration(const std::chrono::duration<Rep, Period>& duration)
        : length_(saturated(duration)) {}
    /// Deleted: a bare number has no unit. Write `std::chrono::seconds(5)` or `5s`.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    timeout_duration(Number) = delete;  // a bare number has no unit: write std::chrono::seconds(5) or 5s

    /// The deadline of a wait that begins now.
    [[nodiscard]] detail::deadline start() const {
        using clock = detail::deadline::clock;
        if (length_ == (std::chrono::nanoseconds::max)()) {
            return {};  // without a look at the clock, which most waits would pay for in vain
        }
        const clock::time_point now = clock::now();
        return length_ < (clock::time_point::max)() - now ? detail::deadline(now + length_)
                                                          : detail::deadline();
    }

private:
    template <class Rep, class Period>
    static constexpr std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period>& duration) {
        using std::chrono::nanoseconds;
        // In floating point, where nothing overflows: neither the count nor, for periods of ages, the ratio.
        const long double seconds = std::chrono::duration<long double>(duration).count();
        if (!(seconds > 0)) {
            return nanoseconds::zero();
        }
        // The nanoseconds of the clock last for 292 years. But some standard libraries wait by another clock,
        // whose count began in 1970, and some systems have 32 bits for the seconds, which last for 68: where
        // that overflows, a wait ends at once, over and over again.
        constexpr long double most = 1e9L;
        if (seconds >= most) {
            return (nanoseconds::max)();
        }
        // Rounded up, so that a wait is never shorter than was asked for.
        const long double count = seconds * 1e9L;
        const auto whole = static_cast<nanoseconds::rep>(count);
        return nanoseconds(static_cast<long double>(whole) < count ? whole + 1 : whole);
    }

    std::chrono::nanoseconds length_ = (std::chrono::nanoseconds::max)();  // for ever
};

/// The name of a `timeout_duration` for users. `<curses.h>` defines a macro `timeout(delay)`, which a
/// parenthesis after the name calls, and so also the declaration of a constructor of that name.
///
/// \code
/// const futures::timeout limit = std::chrono::seconds(5);
/// assert(executor.submit([] { return 42; }).result(limit) == 42);
/// \endcode
using timeout = timeout_duration;

}}  // namespace concurrent::futures
