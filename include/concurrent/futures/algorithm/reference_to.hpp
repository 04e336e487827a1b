// SPDX-License-Identifier: MIT

#pragma once

#include <memory>   // std::addressof
#include <utility>  // std::move

#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/future/future.hpp>
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
        if constexpr (future_type<decltype(target.submit(std::move(continuation)))>) {
            static_cast<void>(future_access::disregard(target.submit(std::move(continuation))));
        } else {
            static_cast<void>(target.submit(std::move(continuation)));
        }
    };
    return reference;
}

}}}  // namespace concurrent::futures::detail
