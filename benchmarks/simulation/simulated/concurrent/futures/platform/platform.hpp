// SPDX-License-Identifier: MIT

#pragma once

#include "checker/no_platform.hpp"
#include "machine.hpp"

namespace concurrent::futures { inline namespace v0_1 {

inline int usable_cpus() noexcept {
    return static_cast<int>(simulation::cores());
}

}}  // namespace concurrent::futures
