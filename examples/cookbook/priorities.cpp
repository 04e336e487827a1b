// Priorities
//
// A pool with the `priority` queue starts the waiting task with the greatest priority first. Among equals it
// starts the one that was submitted first. It doesn't interrupt a task that runs: keep tasks short, or a
// worker free.

#include <concurrent/futures.hpp>

#include <cassert>
#include <latch>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    std::vector<std::string> order;  // needs no lock: one worker
    std::latch all_submitted{1};
    {
        futures::thread_pool_executor<futures::priority> executor(1);
        executor.submit({.priority = 100}, [&] { all_submitted.wait(); });
        executor.submit([&] { order.push_back("usual"); });
        executor.submit({.priority = -1}, [&] { order.push_back("background"); });
        executor.submit({.priority = 10}, [&] { order.push_back("urgent"); });
        executor.submit({.priority = 10}, [&] { order.push_back("urgent too"); });
        all_submitted.count_down();
    }
    assert((order == std::vector<std::string>{"urgent", "urgent too", "usual", "background"}));
}
