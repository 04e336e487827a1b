// A timeout for the whole batch
//
// The timeout of `as_completed` counts from its call and is one for all: results are used as they come, and
// what has not come by then is given up. `wait` with a timeout does the same without an exception. Neither
// ends a task that runs; that takes a stop token or a timeout in the task itself.

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
    std::vector<futures::Future<int>> tasks{executor.submit([] { return 1; }), executor.submit(stuck),
                                            executor.submit([] { return 2; })};

    int sum = 0;
    bool all_came = true;
    try {
        for (auto future : futures::as_completed(tasks, 20ms))
            sum += future.result();
    } catch (const futures::timeout_error&) {  // what(): "1 (of 3) futures unfinished"
        all_came = false;
        for (const auto& task : tasks)
            task.request_stop();
    }
    assert(!all_came);
    assert(sum <= 3);

    auto [done, not_done] = futures::wait(tasks, {.timeout = 1ms});
    assert(not_done.size() == 1 && not_done[0] == tasks[1]);
    given_up.count_down();
}
