// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>   // std::clamp
#include <concepts>    // std::integral
#include <cstddef>     // std::size_t
#include <functional>  // std::function
#include <limits>      // std::numeric_limits
#include <optional>    // std::optional
#include <stdexcept>   // std::invalid_argument
#include <string>      // std::string, std::to_string
#include <utility>     // std::in_range

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A value of an integral type, or of one that converts to such a type, as an enumeration does.
template <class Number>
concept whole_number = requires(const Number& number) {
    { +number } -> std::integral;
};

// The greatest number of threads that a pool starts. It is made from every integral type and narrows none:
// the compiler has nothing to warn of, and a number that no int can hold is not taken for another one.
class worker_limit {
public:
    template <whole_number Number>
    constexpr worker_limit(Number number) : number_(saturated(+number)) {}

    // Or the nearest int.
    constexpr operator int() const noexcept {
        return static_cast<int>(std::clamp<long long>(number_, (std::numeric_limits<int>::min)(), greatest));
    }

    // Throws std::invalid_argument if a pool can't have so many.
    [[nodiscard]] std::size_t checked() const {
        if (number_ < 1) {
            throw std::invalid_argument("max_workers must be greater than 0");
        }
        if (number_ > greatest) {
            throw std::invalid_argument("max_workers is too great: it can be " + std::to_string(greatest) +
                                        " at most");
        }
        return static_cast<std::size_t>(number_);
    }

private:
    static constexpr long long greatest = (std::numeric_limits<int>::max)();

    template <std::integral Integer>
    static constexpr long long saturated(Integer number) noexcept {
        return std::in_range<long long>(number) ? static_cast<long long>(number)
                                                : (std::numeric_limits<long long>::max)();
    }

    long long number_;
};

}  // namespace detail

/// How a `thread_pool_executor` is made.
///
/// \code
/// futures::thread_pool_executor crawlers({.max_workers = 8, .thread_name_prefix = "crawler"});
/// assert(crawlers.max_workers() == 8);
/// \endcode
struct thread_pool_options {
    /// How many threads it starts at most, from 1 to the greatest int; by default
    /// `min(32, usable_cpus() + 4)`. Takes every integral type and reads as an int.
    ///
    /// \code
    /// futures::thread_pool_options options = {.max_workers = std::vector<int>(3).size()};
    /// assert(options.max_workers == 3 && *options.max_workers + 1 == 4);
    /// options.max_workers = std::nullopt;
    /// assert(options.max_workers.value_or(8) == 8);
    /// \endcode
    std::optional<detail::worker_limit> max_workers = {};
    /// What the names of its threads begin with, before `_<n>`; by default `thread_pool_executor-<k>`. The
    /// operating system may show a name without its middle: Linux shows 15 bytes, such as `thread_poo-3_12`.
    ///
    /// \code
    /// futures::thread_pool_executor crawlers({.thread_name_prefix = "crawler"});
    /// assert(crawlers.submit([] { return futures::this_thread_name(); }).result() == "crawler_0");
    /// \endcode
    std::string thread_name_prefix = {};
    /// Called first on each thread. If it throws, the pool is broken: see `broken_thread_pool`.
    ///
    /// \code
    /// thread_local static int connection = 0;
    /// futures::thread_pool_executor connected({.initializer = [] { connection = 42; }});
    /// assert(connected.submit([] { return connection; }).result() == 42);
    /// \endcode
    std::function<void()> initializer = {};
};

/// How a task is submitted.
///
/// \code
/// futures::thread_pool_executor<futures::priority> urgent_first(2);
/// assert(urgent_first.submit({.priority = 10}, [] { return 42; }).result() == 42);
/// \endcode
struct submit_options {
    /// On a `priority` pool, tasks with a greater one start first. Other pools take no notice of it.
    int priority = 0;
};

/// How an executor is shut down.
///
/// \code
/// executor.shutdown({.wait = false, .cancel_futures = true});
/// \endcode
struct shutdown_options {
    /// Whether to return only when every thread has ended.
    bool wait = true;
    /// Whether to cancel what has not started, instead of running it.
    bool cancel_futures = false;
    /// Whether to request stop of what runs, as `Future::request_stop` does: of the tasks that took a
    /// `std::stop_token`. What has not started, and is not cancelled, is asked as soon as it starts.
    ///
    /// \code
    /// #if defined(__cpp_lib_jthread)
    /// executor.submit([](std::stop_token stop) {
    ///     while (!stop.stop_requested()) {
    ///     }
    /// });
    /// executor.shutdown({.request_stop = true});  // returns
    /// #endif
    /// \endcode
    bool request_stop = false;
};

}}  // namespace concurrent::futures
