// SPDX-License-Identifier: MIT

#pragma once

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class submitted_continuation;

// Refers to an executor of one's own, whose type is forgotten, or to none. Nothing keeps the executor.
struct executor_reference {
    void* executor = nullptr;
    // Submits the continuation to the executor. Throws what that throws.
    void (*submit)(void* executor, submitted_continuation&& continuation) = nullptr;

    [[nodiscard]] explicit operator bool() const noexcept { return executor != nullptr; }
};

}}}  // namespace concurrent::futures::detail
