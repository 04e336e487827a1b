// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <iostream>

namespace futures = concurrent::futures;

int main() {
    futures::thread_pool_executor executor(2);
    const auto answer = executor.submit([](int x) { return 2 * x; }, 21);
    std::cout << "the answer is " << answer.result() << '\n';
}
