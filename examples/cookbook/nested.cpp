// Tasks that wait for tasks
//
// Each call of `sort` halves its part, submits one half as a task, sorts the other, and waits. In most pools
// such tasks deadlock as soon as all threads wait. Here a worker that waits for a task which has not started
// runs that task on the spot. So one worker is enough.
//
// A task that runs on the spot has the thread of the task that waits for it. So don't hold a mutex while you
// wait: the other task may want it, and a recursive mutex would even let it in.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

namespace futures = concurrent::futures;

void sort(futures::executor auto& executor, std::span<int> numbers) {
    if (numbers.size() <= 64) {  // a task should take some microseconds
        std::ranges::sort(numbers);
        return;
    }
    const std::size_t half = numbers.size() / 2;
    auto left = executor.submit([&executor, part = numbers.first(half)] { sort(executor, part); });
    sort(executor, numbers.subspan(half));
    left.result();
    std::ranges::inplace_merge(numbers, numbers.begin() + static_cast<std::ptrdiff_t>(half));
}

int main() {
    std::vector<int> numbers(10'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    std::ranges::reverse(numbers);

    futures::thread_pool_executor executor(1);
    executor.submit([&] { sort(executor, numbers); }).result();
    assert(std::ranges::is_sorted(numbers));
}
