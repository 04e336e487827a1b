// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace model {

// Ends the execution, which has failed: prints why and how it came to that, unless the scenario expects it.
[[noreturn]] void fail(const std::string& what);

}  // namespace model
