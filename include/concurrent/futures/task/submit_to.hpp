// SPDX-License-Identifier: MIT

#pragma once

#include <memory>       // std::addressof
#include <type_traits>  // std::decay_t
#include <utility>      // std::forward

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes a task of `fn(args...)` with one allocation, and queues it in `pool`. If this throws, nothing is
// queued.
template <class Pool, class Fn, class... Args>
auto submit_to(Pool& pool, int priority, Fn&& fn, Args&&... args) {
    using task_type = task<std::decay_t<Fn>, std::decay_t<Args>...>;
    using result_type = typename task_result<std::decay_t<Fn>, std::decay_t<Args>...>::type;
    pool.meet();
    // The task destroys itself when the last handle goes.
    task_state<result_type>& made =
        *new task_type(std::addressof(pool), std::forward<Fn>(fn), std::forward<Args>(args)...);
    Future<result_type> future = future_access::adopt<result_type>(made);
    made.set_priority(priority);
    try {
        pool.push(made);
    } catch (...) {
        made.note_not_queued();
        throw;
    }
    return future;
}

}}}  // namespace concurrent::futures::detail
