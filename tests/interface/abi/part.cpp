// SPDX-License-Identifier: MIT

#include "part.hpp"

#include <concurrent_futures.hpp>
#include <typeinfo>

#define CONCATENATED(a, b) a##b
#define NAMED(version) CONCATENATED(version_, version)

namespace futures = concurrent::futures;

report NAMED(VERSION)() {
    futures::thread_pool_executor executor(1);
    const int answer =
        executor.submit([&] { return executor.submit([] { return 21; }).result() * 2; }).result();
    return {typeid(futures::Future<int>).name(), sizeof(futures::detail::shared_state<int>), answer};
}
