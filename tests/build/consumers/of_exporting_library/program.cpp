// SPDX-License-Identifier: MIT

#include <answers.hpp>
#include <iostream>

int main() {
    concurrent::futures::thread_pool_executor executor(2);
    std::cout << "the answer is " << answer(executor).result() << '\n';
}
