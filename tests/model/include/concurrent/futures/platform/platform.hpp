// SPDX-License-Identifier: MIT

#pragma once

#include "checker/no_platform.hpp"

namespace concurrent::futures { inline namespace v0_1 {

inline int usable_cpus() noexcept {
    return 2;
}

}}  // namespace concurrent::futures
