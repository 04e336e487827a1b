// Stop a long loop
//
// A thread can't be killed, but asked. A callable whose first parameter is a `std::stop_token` gets one; it
// looks at it between two steps and returns what it has so far, or throws. `request_stop()` cancels a task
// that has not started and signals one that runs.

#include <concurrent/futures.hpp>

#include <cassert>
#include <latch>
#include <stop_token>

namespace futures = concurrent::futures;

int main() {
    std::latch started{1};
    auto count = [&started](const std::stop_token& stop, long long limit) {
        long long steps = 0;
        while (steps < limit && !stop.stop_requested()) {
            if (++steps == 1)
                started.count_down();
        }
        return steps;
    };

    futures::thread_pool_executor executor(1);
    auto endless = executor.submit(count, 9'000'000'000'000'000'000);
    auto waiting = executor.submit([] { return 1; });
    started.wait();

    assert(waiting.request_stop());
    assert(waiting.cancelled());
    assert(endless.request_stop());
    assert(endless.result() >= 1);  // what it had by then
}
