// Progress bar
//
// `as_completed` yields each task as soon as it is done, so count them. Only the thread that waits draws the
// bar. So the tasks know nothing of it, and nothing needs a lock.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

std::string bar(std::size_t done, std::size_t all) {
    constexpr std::size_t width = 20;
    const std::size_t filled = width * done / all;
    return '[' + std::string(filled, '#') + std::string(width - filled, ' ') + "] " +
           std::to_string(100 * done / all) + " %";
}

int main() {
    futures::thread_pool_executor executor(4);
    std::vector<futures::Future<int>> tasks;
    for (int number = 0; number < 50; ++number)
        tasks.push_back(executor.submit([number] { return number; }));

    std::size_t done = 0;
    int sum = 0;
    for (auto future : futures::as_completed(tasks)) {
        sum += future.result();
        std::cout << '\r' << bar(++done, tasks.size()) << std::flush;
    }
    std::cout << '\n';
    assert(bar(done, tasks.size()) == "[####################] 100 %");
    assert(bar(25, 50) == "[##########          ] 50 %");
    assert(sum == 49 * 50 / 2);
}
