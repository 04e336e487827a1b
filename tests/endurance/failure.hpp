// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <sstream>
#include <string>

namespace endurance {

// What the failures of this run are reported with.
inline std::uint64_t seed_of_this_run = 0;

// Ends the process.
[[noreturn]] void fail(const std::string& invariant, const std::string& figures);

// Ends the process with the invariant that is broken, and the figures that show it.
template <class... Figures>
void require(bool holds, const char* invariant, const Figures&... figures) {
    if (!holds) {
        std::ostringstream text;
        ((text << ' ' << figures), ...);
        fail(invariant, text.str());
    }
}

}  // namespace endurance
