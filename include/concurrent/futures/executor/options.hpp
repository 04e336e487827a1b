#pragma once

#include <functional>  // std::function
#include <optional>    // std::optional
#include <string>      // std::string

namespace concurrent::futures::inline v0_1 {

/// How a `thread_pool_executor` is made.
///
/// \code
/// futures::thread_pool_executor crawlers({.max_workers = 8, .thread_name_prefix = "crawler"});
/// assert(crawlers.max_workers() == 8);
/// \endcode
struct thread_pool_options {
    /// How many threads it starts at most, at least 1; by default `min(32, usable_cpus() + 4)`.
    ///
    /// \code
    /// futures::thread_pool_executor one({.max_workers = 1});
    /// assert(one.max_workers() == 1);
    /// \endcode
    std::optional<int> max_workers = {};
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

}  // namespace concurrent::futures
