// SPDX-License-Identifier: MIT

#pragma once

#include <compare>  // operator<=>

namespace concurrent::futures { inline namespace v0_1 {

/// A `version_number` is a semantic version and compares as versions do:
/// `static_assert(futures::version >= futures::version_number{0, 1, 0})`.
struct version_number {
    int major = 0;  ///< stays 0 before 1.0
    int minor = 0;  ///< a greater one may break source or binary compatibility
    int patch = 0;  ///< a greater one only fixes bugs

    /// Compares major, then minor, then patch.
    friend constexpr auto operator<=>(const version_number&, const version_number&) = default;
};

/// `version` is the version of this library. CMakeLists.txt decides it; a test compares.
///
/// The library declares everything in an inline namespace `v<major>_<minor>`, which users never write. Two
/// versions that differ in these numbers can be in one program: each has its own types.
inline constexpr version_number version = {0, 1, 0};

}}  // namespace concurrent::futures
