// A sign of life while waiting
//
// `wait` with a timeout returns which tasks are done and which are not, and throws nothing. So wait again for
// the rest, and report in between. The same loop can look at a flag, or give up after some rounds.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <iostream>
#include <latch>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    using namespace std::chrono_literals;
    std::latch second_beat{2};  // stands for work that takes its time

    futures::thread_pool_executor executor(4);
    std::vector<futures::Future<void>> pending;
    for (int number = 0; number < 4; ++number)
        pending.push_back(executor.submit([&second_beat] { second_beat.wait(); }));

    int beats = 0;
    for (;;) {
        pending = futures::wait(pending, {.timeout = 1ms}).not_done;
        if (pending.empty())
            break;
        std::cout << pending.size() << " tasks are not done yet\n";
        if (++beats <= 2)
            second_beat.count_down();
    }
    assert(beats >= 2);
}
