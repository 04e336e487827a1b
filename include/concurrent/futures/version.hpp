// SPDX-License-Identifier: MIT

#pragma once

#include <compare>  // operator<=>

namespace concurrent::futures { inline namespace v0_1 {

/// A semantic version. They compare as versions do:
/// `static_assert(futures::version >= futures::version_number{0, 1, 0})`.
struct version_number {
    int major = 0;  ///< Before 1.0 it stays 0.
    int minor = 0;  ///< Another one may change the interface, or what was compiled against it.
    int patch = 0;  ///< Another one only mends.

    /// In the order of their precedence.
    friend constexpr auto operator<=>(const version_number&, const version_number&) = default;
};

/// This library's version. CMakeLists.txt decides it; a test compares.
///
/// All that the library declares is in an inline namespace `v<major>_<minor>`, which users never write: two
/// versions that differ in these numbers may be in one program, where each has its own types.
inline constexpr version_number version = {0, 1, 0};

}}  // namespace concurrent::futures
