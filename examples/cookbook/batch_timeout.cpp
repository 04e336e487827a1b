// A timeout for the whole batch
//
// The tasks of the batch are in a `task_group`. A watcher on another pool waits for them, at most for the
// time limit, and then cancels the group: what has not started never runs, and what runs is asked to stop.
// The loop uses each result as it comes. No timeout ends a task that runs: give the task a stop token, or a
// timeout of its own. The watchers' pool needs a worker for each batch that is under way.
//
// A thread that is no worker needs no watcher: `as_completed(tasks, limit)` counts from the call, covers the
// whole loop, and throws `timeout_error`. A worker may have to run the tasks itself, and can't leave one
// midway. The watcher can tell it to stop even then.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <latch>
#include <vector>

namespace futures = concurrent::futures;

int sum_in_time(futures::executor auto& executor, futures::executor auto& watchers,
                std::chrono::milliseconds limit) {
    std::latch given_up{1};  // stands for a stop token
    auto stuck = [&given_up] {
        given_up.wait();
        return 0;
    };

    futures::task_group group(executor);
    const std::vector<futures::Future<int>> tasks{group.submit([] { return 1; }), group.submit(stuck),
                                                  group.submit([] { return 2; })};
    futures::task_group watch(watchers);
    watch.submit([&] {
        if (!futures::wait(tasks, {.timeout = limit}).not_done.empty())
            group.cancel();
        given_up.count_down();
    });

    int sum = 0;
    for (auto future : futures::as_completed(tasks)) {
        if (!future.cancelled())
            sum += future.result();
    }
    return sum;
}

int main() {
    using namespace std::chrono_literals;
    futures::thread_pool_executor watchers(1);

    futures::thread_pool_executor executor(4);
    assert(sum_in_time(executor, watchers, 20ms) <= 3);

    // The task asks for the batch, and runs it itself: its pool has no other worker.
    futures::thread_pool_executor small(1);
    auto in_task = small.submit([&] { return sum_in_time(small, watchers, 20ms); });
    assert(in_task.result() <= 1);  // 1 came in time; 2 was never computed
}
