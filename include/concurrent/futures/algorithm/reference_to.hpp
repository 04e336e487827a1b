// SPDX-License-Identifier: MIT

#pragma once

#include <memory>   // std::addressof
#include <utility>  // std::move

#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/task/continuation.hpp>
#include <concurrent/futures/task/executor_reference.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns a reference to an executor of any kind, through which continuations are submitted.
template <class Executor>
[[nodiscard]] executor_reference reference_to(Executor& executor) noexcept {
    executor_reference reference;
    // The function below knows whether the executor is const.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    reference.executor = const_cast<void*>(static_cast<const void*>(std::addressof(executor)));
    reference.submit = [](void* submits, submitted_continuation&& continuation) {
        Executor& target = *static_cast<Executor*>(submits);
        shared_state_base::weak_handle submitted;
        if constexpr (future_type<decltype(target.submit(std::move(continuation)))>) {
            const auto future = future_access::disregard(target.submit(std::move(continuation)));
            if (future.valid()) {
                submitted = shared_state_base::weak_handle(future_access::state(future));
            }
        } else {
            static_cast<void>(target.submit(std::move(continuation)));
        }
        return submitted;
    };
    return reference;
}

// What stands for the executor of a coroutine that has not taken it by an lvalue reference. Before something
// can be submitted to it, the coroutine ends, and the executor is gone.
[[noreturn]] inline shared_state_base::weak_handle refuse_continuation(void*, submitted_continuation&&) {
    throw_error<executor_shutdown>(
        "the executor that ran the future was destroyed with the coroutine, which has not taken it by an "
        "lvalue reference: pass it by reference, or name an executor, as in then(executor, fn)");
}

}}}  // namespace concurrent::futures::detail
