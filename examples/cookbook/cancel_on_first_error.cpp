// Cancel the rest on the first error
//
// `wait` with `first_exception` returns as soon as any task has failed. The loop then cancels the tasks that
// have not started, and they never run. A task that runs goes on to its end. To ask it to stop, call
// `request_stop()` instead of `cancel()`, and let the task look at its stop token. If you want the results in
// order, use `map`: it cancels what has not started when the loop over its results meets an exception.

#include <concurrent/futures.hpp>

#include <cassert>
#include <latch>
#include <stdexcept>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    std::latch under_way{1};
    auto work = [&under_way](int number) {
        if (number == 1)
            throw std::runtime_error("disk full");
        if (number == 2)
            under_way.wait();  // if it runs when the error comes, it isn't cancelled
        return number;
    };

    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<int>> tasks;
    for (int number = 0; number < 10; ++number)
        tasks.push_back(executor.submit(work, number));

    auto [done, not_done] = futures::wait(tasks, {.return_when = futures::return_when::first_exception});
    for (const auto& task : not_done)
        task.cancel();
    under_way.count_down();

    int failed = 0, cancelled = 0;
    for (const auto& task : tasks) {
        task.wait();
        if (task.cancelled())
            ++cancelled;
        else if (task.exception())
            ++failed;
    }
    assert(failed == 1);
    assert(cancelled >= 7);  // all after number 2
    assert(done.size() + not_done.size() == tasks.size());
}
