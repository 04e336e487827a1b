// SPDX-License-Identifier: MIT

#include <concurrent_futures.hpp>
// In this order.
#include <concurrent/futures.hpp>
#include <string>

#include "elsewhere.hpp"

namespace futures = concurrent::futures;

int main() {
    futures::thread_pool_executor executor(1);
    const bool one_library = executor
                                 .submit([] {
                                     return futures::this_thread_name() == name_by_single_header() &&
                                            futures::this_thread_name() == name_by_both();
                                 })
                                 .result();
    return one_library ? 0 : 1;
}
