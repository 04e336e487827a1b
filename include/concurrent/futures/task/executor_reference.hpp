// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class submitted_continuation;

// Refers to an executor of one's own, whose type is forgotten, or to none. Nothing keeps the executor.
struct executor_reference {
    void* executor = nullptr;
    // Submits the continuation to the executor. Returns a weak handle on the future of what was submitted, or
    // an empty one if that is not known. Throws what the executor throws.
    shared_state_base::weak_handle (*submit)(void* executor, submitted_continuation&& continuation) = nullptr;

    [[nodiscard]] explicit operator bool() const noexcept { return submit != nullptr; }
};

}}}  // namespace concurrent::futures::detail
