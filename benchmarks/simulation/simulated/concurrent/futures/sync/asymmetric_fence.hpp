// SPDX-License-Identifier: MIT

#pragma once

#include "machine.hpp"

// Stands in the place of the library's own header, where the operating system has the fence.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class asymmetric_fence {
public:
    [[nodiscard]] static constexpr bool is_possible() noexcept { return true; }
    [[nodiscard]] static constexpr bool is_available() noexcept { return true; }

    // The library's own.
    static constexpr unsigned worth = 128;
    static constexpr int patience = 64;

    static void light() noexcept {}
    static void heavy() noexcept { simulation::interrupt_all(); }
};

}}}  // namespace concurrent::futures::detail
