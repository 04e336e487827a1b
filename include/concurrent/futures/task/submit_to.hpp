// SPDX-License-Identifier: MIT

#pragma once

#include <type_traits>  // std::decay_t
#include <utility>      // std::forward

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes a task of `fn(args...)` and queues it in `pool`; in all one allocation. Whatever it throws, nothing
// is queued.
template <class Pool, class Fn, class... Args>
auto submit_to(Pool& pool, int priority, Fn&& fn, Args&&... args) {
    using task_type = task<std::decay_t<Fn>, std::decay_t<Args>...>;
    using result_type = typename task_result<std::decay_t<Fn>, std::decay_t<Args>...>::type;
    shared_state<result_type>* const state =
        new task_type(pool, std::forward<Fn>(fn), std::forward<Args>(args)...);
    Future<result_type> future = future_access::adopt(*state);
    state->set_priority(priority);
    try {
        pool.push(*state);
    } catch (...) {
        state->note_not_queued();
        throw;
    }
    return future;
}

}}}  // namespace concurrent::futures::detail
