#include <concurrent/futures.hpp>

#include <iostream>
#include <ranges>
#include <stdexcept>
#include <unordered_map>

namespace futures = concurrent::futures;

int task(int x) {
    if (x == 3)
        throw std::invalid_argument("Bad value");
    return x * 2;
}

int main() {
    futures::thread_pool_executor executor(10);
    std::unordered_map<futures::Future<int>, int> items;
    for (int i = 0; i < 5; ++i)
        items.emplace(executor.submit(task, i), i);

    for (auto future : futures::as_completed(items)) {  // a map keyed by futures iterates its keys
        int item = items.at(future);
        try {
            int doubled = future.result();
            std::cout << item << " -> " << doubled << '\n';
        } catch (const std::exception& e) {
            std::cout << item << " failed: " << e.what() << '\n';
        }
    }
    for (int doubled : executor.map([](int x) { return 2 * x; }, std::views::iota(0, 5)))
        std::cout << doubled << '\n';
}  // leaving the scope waits for everything and joins the threads
