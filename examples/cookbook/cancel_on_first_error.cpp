// Cancel the rest on the first error
//
// A `task_group` does this. When a task fails, the tasks that have not started are cancelled, and never run.
// A task that runs goes on to its end, unless it takes a stop token and looks at it. `wait()` returns when
// all tasks have ended, by rethrowing the first failure. A task that waits for a group runs the group's tasks
// itself, if nobody else does.
//
// If you want the results in order, use `map`: it cancels what has not started when the loop over its results
// meets an exception.

#include <concurrent/futures.hpp>

#include <cassert>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

void copy_file(int number) {
    if (number == 1)
        throw std::runtime_error("disk full");
}

// Returns the error, if there is one. On a pool of one worker, the files are copied in their order.
std::string copy_all(futures::executor auto& executor) {
    futures::task_group group(executor);
    std::vector<futures::Future<void>> copies;
    for (int number = 0; number < 3; ++number)
        copies.push_back(group.submit(copy_file, number));
    try {
        group.wait();
        return "none";
    } catch (const std::runtime_error& error) {
        assert(copies[0].state() == futures::future_state::finished);
        assert(copies[2].cancelled());
        return error.what();
    }
}

int main() {
    futures::thread_pool_executor executor(1);
    assert(copy_all(executor) == "disk full");
    assert(executor.submit([&] { return copy_all(executor); }).result() == "disk full");
}
