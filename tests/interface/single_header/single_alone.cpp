// SPDX-License-Identifier: MIT

#include <concurrent_futures.hpp>

#include "elsewhere.hpp"

std::string name_by_single_header() {
    return concurrent::futures::this_thread_name();
}
