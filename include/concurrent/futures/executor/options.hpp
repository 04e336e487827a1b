// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>    // std::integral, std::unsigned_integral
#include <cstddef>     // std::size_t
#include <cstdio>      // std::snprintf
#include <functional>  // std::function
#include <limits>      // std::numeric_limits
#include <optional>    // std::optional
#include <stdexcept>   // std::invalid_argument
#include <string>      // std::string

#include <concurrent/futures/error.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A `whole_number` is of an integral type, or converts to one, as an enumeration does.
template <class Number>
concept whole_number = requires(const Number& number) {
    { +number } -> std::integral;
};

// `worker_limit` is the greatest number of threads that a pool starts. It converts from every integral type
// and narrows none, so the compiler has nothing to warn of, and no number becomes another one.
class worker_limit {
public:
    template <whole_number Number>
    constexpr worker_limit(Number number) : number_(saturated(+number)) {}

    // Returns the nearest int.
    constexpr operator int() const noexcept {
        constexpr long long least = (std::numeric_limits<int>::min)();
        return static_cast<int>(number_ < least ? least : number_ < greatest ? number_ : greatest);
    }

    // Throws `std::invalid_argument` if a pool can't have so many threads.
    [[nodiscard, gnu::noinline]] std::size_t checked() const {
        if (number_ < 1) {
            throw_error<std::invalid_argument>("max_workers must be greater than 0");
        }
        if (number_ > greatest) {
            char message[80];
            std::snprintf(message, sizeof message, "max_workers is too great: it can be %lld at most",
                          greatest);
            throw_error<std::invalid_argument>(message);
        }
        return static_cast<std::size_t>(number_);
    }

private:
    static constexpr long long greatest = (std::numeric_limits<int>::max)();

    template <std::integral Integer>
    static constexpr long long saturated(Integer number) noexcept {
        static_assert(sizeof(Integer) <= sizeof(long long));
        constexpr long long most = (std::numeric_limits<long long>::max)();
        if constexpr (std::unsigned_integral<Integer>) {
            return number > static_cast<unsigned long long>(most) ? most : static_cast<long long>(number);
        } else {
            return number;
        }
    }

    long long number_;
};

}  // namespace detail

/// `thread_pool_options` say how a `thread_pool_executor` is made.
///
/// \code
/// futures::thread_pool_executor crawlers({.max_workers = 8, .thread_name_prefix = "crawler"});
/// assert(crawlers.max_workers() == 8);
/// \endcode
struct thread_pool_options {
    /// The executor starts at most this many threads, from 1 to the greatest int. The default is
    /// `min(32, usable_cpus() + 4)`. The option takes every integral type and reads as an int.
    ///
    /// \code
    /// futures::thread_pool_options options = {.max_workers = std::vector<int>(3).size()};
    /// assert(options.max_workers == 3 && *options.max_workers + 1 == 4);
    /// options.max_workers = std::nullopt;
    /// assert(options.max_workers.value_or(8) == 8);
    /// \endcode
    std::optional<detail::worker_limit> max_workers = {};
    /// The names of the threads begin with this, before `_<n>`. The default is `thread_pool_executor-<k>`.
    /// The operating system may show a name without its middle: Linux shows 15 bytes, such as
    /// `thread_poo-3_12`.
    ///
    /// \code
    /// futures::thread_pool_executor crawlers({.thread_name_prefix = "crawler"});
    /// assert(crawlers.submit([] { return futures::this_thread_name(); }).result() == "crawler_0");
    /// \endcode
    std::string thread_name_prefix = {};
    /// Each thread calls this first. If it throws, the pool is broken: see `broken_thread_pool`.
    ///
    /// \code
    /// thread_local static int connection = 0;
    /// futures::thread_pool_executor connected({.initializer = [] { connection = 42; }});
    /// assert(connected.submit([] { return connection; }).result() == 42);
    /// \endcode
    std::function<void()> initializer = {};
};

/// `submit_options` say how a task is submitted.
///
/// \code
/// futures::thread_pool_executor<futures::priority> urgent_first(2);
/// assert(urgent_first.submit({.priority = 10}, [] { return 42; }).result() == 42);
/// \endcode
struct submit_options {
    /// A `priority` pool starts tasks with a greater one first. Other pools ignore it.
    int priority = 0;
};

/// `shutdown_options` say how an executor is shut down.
///
/// \code
/// executor.shutdown({.wait = false, .cancel_futures = true});
/// \endcode
struct shutdown_options {
    /// If true, `shutdown` returns only when every thread has ended.
    bool wait = true;
    /// If true, `shutdown` cancels tasks that have not started, instead of running them.
    bool cancel_futures = false;
    /// If true, `shutdown` requests a stop of running tasks that took a `std::stop_token`, as
    /// `Future::request_stop` does. It asks queued tasks that are not cancelled as soon as they start.
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
