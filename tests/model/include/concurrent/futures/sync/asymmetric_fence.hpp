// SPDX-License-Identifier: MIT

#pragma once

#include "checker/operations.hpp"

// Stands in the place of the library's own header, where the operating system has the fence. The scenario
// decides whether there is one; then a lock is biased to its owner as soon as that has used it once.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class asymmetric_fence {
public:
    [[nodiscard]] static bool is_possible() noexcept { return model::biases(); }
    [[nodiscard]] static bool is_available() noexcept { return true; }

    static constexpr unsigned worth = 1;
    static constexpr int patience = 0;

    static void light() noexcept {}
    static void heavy() noexcept { model::fence_all(); }
};

}}}  // namespace concurrent::futures::detail
