// SPDX-License-Identifier: MIT

#pragma once

// Stands in the place of the library's own header: the simulator's `operator new` counts as the standard
// library's, so that threads keep blocks, as they do in most programs.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

[[nodiscard]] inline bool has_standard_operator_new() noexcept {
    return true;
}

}}}  // namespace concurrent::futures::detail
