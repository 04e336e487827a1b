// A timeout for the whole batch
//
// The timeout of `as_completed` counts from the call and covers the whole loop. The loop uses each result as
// it comes. When the timeout passes, the loop throws `timeout_error`, and the program gives up the rest: the
// tasks are in a `task_group`, which cancels all of them at once, and waits at the end of its scope. `wait`
// with a timeout returns instead of throwing. None of these ends a task that runs: give the task a stop
// token, or a timeout of its own.
//
// Inside a task of the same pool, the timeout needs another worker that is free. Without one, the waiting
// task runs the others itself, and the timeout can't interrupt them.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <latch>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    using namespace std::chrono_literals;
    std::latch given_up{1};
    auto stuck = [&given_up] {
        given_up.wait();
        return 0;
    };

    futures::thread_pool_executor executor(4);
    futures::task_group group(executor);
    std::vector<futures::Future<int>> tasks{group.submit([] { return 1; }), group.submit(stuck),
                                            group.submit([] { return 2; })};

    int sum = 0;
    bool all_came = true;
    try {
        for (auto future : futures::as_completed(tasks, 20ms))
            sum += future.result();
    } catch (const futures::timeout_error&) {  // what(): "1 (of 3) futures unfinished"
        all_came = false;
        group.cancel();
    }
    assert(!all_came);
    assert(sum <= 3);

    auto [done, not_done] = futures::wait(tasks, {.timeout = 1ms});
    assert(not_done.size() == 1 && not_done[0] == tasks[1]);
    given_up.count_down();
}
