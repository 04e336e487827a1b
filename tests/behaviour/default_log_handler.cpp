// SPDX-License-Identifier: MIT

// The default log handler writes one line to stderr. This program's stderr is what is tested; see
// CMakeLists.txt.

#include <concurrent/futures.hpp>
#include <stdexcept>
#include <string_view>

namespace futures = concurrent::futures;

int main() {
    {
        futures::thread_pool_executor executor(1);
        executor.submit([] { throw std::runtime_error("a standard one"); });
        executor.submit([] { throw 1; });
        executor.submit([] {}).add_done_callback(
            [](const auto&) { throw std::runtime_error("from a callback"); });
    }
    futures::set_log_handler(
        [](std::string_view, const std::exception_ptr&) { throw std::runtime_error("from the handler"); });
    futures::thread_pool_executor executor(1);
    executor.submit([] { throw std::runtime_error("still shown"); });
}
