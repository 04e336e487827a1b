// SPDX-License-Identifier: MIT

#pragma once

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class work_item;

}  // namespace detail

/// A task that waits to be run, as the queue of a pool sees it. See `queue_discipline`.
///
/// \code
/// struct least_first {
///     void push(futures::queued_task& task) { tasks.emplace(task.priority(), &task); }
///     futures::queued_task* pop() noexcept {
///         return tasks.empty() ? nullptr : tasks.extract(tasks.begin()).mapped();
///     }
///     std::multimap<int, futures::queued_task*> tasks;
/// };
/// futures::thread_pool_executor<least_first> shortest_first(1);
/// assert(shortest_first.submit({.priority = 5}, [] { return 42; }).result() == 42);
/// \endcode
class queued_task {
public:
    queued_task(const queued_task&) = delete;
    queued_task& operator=(const queued_task&) = delete;

    /// `submit_options::priority` of its submit; 0 if there were none.
    [[nodiscard]] int priority() const noexcept { return priority_; }

private:
    // The library alone makes tasks.
    friend class detail::work_item;

    queued_task() = default;
    ~queued_task() = default;

    int priority_ = 0;
};

}}  // namespace concurrent::futures
