// An executor for a library's function
//
// A library should not start threads of its own for each call, nor choose how many there are. Let it take the
// caller's executor as `executor auto&`. Then it works with a pool of any queue, and with an executor that a
// test has made for itself. A task of that same executor may call the function too.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

// Counts the spaces in all texts, with a task for each text.
std::size_t count_spaces(futures::executor auto& executor, const std::vector<std::string>& texts) {
    std::vector<futures::Future<std::size_t>> counts;
    for (const auto& text : texts) {
        counts.push_back(executor.submit(
            [&text] { return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')); }));
    }
    for (const auto& count : counts)
        count.wait();  // for all, before `result()` may throw: the tasks refer to `texts`
    std::size_t sum = 0;
    for (const auto& count : counts)
        sum += count.result();
    return sum;
}

int main() {
    const std::vector<std::string> texts{"a b c", "no-space", " "};

    futures::thread_pool_executor executor(2);
    assert(count_spaces(executor, texts) == 3);
    assert(executor.submit([&] { return count_spaces(executor, texts); }).result() == 3);

    futures::thread_pool_executor<futures::lifo> another(1);
    assert(count_spaces(another, texts) == 3);
}
