// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
// In this order.
#include <concurrent_futures.hpp>

#include "elsewhere.hpp"

std::string name_by_both() {
    return concurrent::futures::this_thread_name();
}
