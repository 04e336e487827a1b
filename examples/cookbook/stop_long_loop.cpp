// Stop a long loop
//
// You can't kill a thread, but you can ask a task to stop. A callable whose first parameter is a
// `std::stop_token` gets one. It looks at the token between two steps, and returns what it has so far, or
// throws. `request_stop()` of a future cancels a task that has not started, and signals one that runs.
//
// `shutdown({.request_stop = true})` signals all tasks that run, and the later ones as soon as they start.
// Nothing else can signal a task whose future nobody has kept.

#include <concurrent/futures.hpp>

#include <cassert>
#include <latch>
#include <stop_token>
#include <thread>

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

    // Nobody keeps the future of this one.
    executor.submit([](const std::stop_token& stop) {
        while (!stop.stop_requested())
            std::this_thread::yield();
    });
    executor.shutdown({.request_stop = true});  // stops it, and returns
}
