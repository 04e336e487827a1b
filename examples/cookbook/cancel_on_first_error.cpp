// Cancel the rest on the first error
//
// A `task_group` does this. When a task fails, the tasks that have not started are cancelled, and never run.
// A task that runs goes on to its end, unless it takes a stop token and looks at it. `wait()` returns when
// all tasks have ended, by rethrowing the first failure. If you want the results in order, use `map`: it
// cancels what has not started when the loop over its results meets an exception.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    auto work = [](int number) {
        if (number == 1)
            throw std::runtime_error("disk full");
        return number;
    };

    futures::thread_pool_executor executor(1);
    futures::task_group group(executor);
    std::vector<futures::Future<int>> tasks;
    for (int number = 0; number < 10; ++number)
        tasks.push_back(group.submit(work, number));

    std::string error;
    try {
        group.wait();
    } catch (const std::runtime_error& failure) {
        error = failure.what();
    }
    assert(error == "disk full");
    assert(tasks[0].result() == 0);
    for (std::size_t number = 2; number < tasks.size(); ++number)
        assert(tasks[number].cancelled());
}
