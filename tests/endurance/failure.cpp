// SPDX-License-Identifier: MIT

#include "failure.hpp"

#include <cstdio>
#include <cstdlib>

namespace endurance {

void fail(const std::string& invariant, const std::string& figures) {
    std::fprintf(stderr, "endurance: seed %llu: FAILED: %s;%s\n",
                 static_cast<unsigned long long>(seed_of_this_run), invariant.c_str(), figures.c_str());
    std::fflush(nullptr);
    std::_Exit(EXIT_FAILURE);
}

}  // namespace endurance
