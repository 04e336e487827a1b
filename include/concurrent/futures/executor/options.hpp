#pragma once

#include <functional>  // std::function
#include <optional>    // std::optional
#include <string>      // std::string

namespace concurrent::futures {

/// How a `thread_pool_executor` is made.
struct thread_pool_options {
    /// How many threads it starts at most, at least 1; by default `min(32, usable_cpus() + 4)`.
    std::optional<int> max_workers = {};
    /// What the names of its threads begin with, before `_<n>`; by default `thread_pool_executor-<k>`.
    std::string thread_name_prefix = {};
    /// Called first on each thread. If it throws, the pool is broken: see `broken_thread_pool`.
    std::function<void()> initializer = {};
};

/// How a task is submitted.
struct submit_options {
    /// On a `priority` pool, tasks with a greater one start first. Other pools take no notice of it.
    int priority = 0;
};

/// How an executor is shut down.
struct shutdown_options {
    /// Whether to return only when every thread has ended.
    bool wait = true;
    /// Whether to cancel what has not started, instead of running it.
    bool cancel_futures = false;
};

}  // namespace concurrent::futures
