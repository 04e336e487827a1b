// SPDX-License-Identifier: MIT

// An idle pool of 32 workers must cost nothing: counts its wake-ups and its processor time. These are counts,
// not times: the program fails if there is any.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <latch>
#include <string_view>
#include <thread>
#include <vector>

#include "rivals.hpp"

namespace {

struct usage {
    long sleeps;  // how often a thread gave up its processor: it must have been awake before
    double processor_microseconds;
};

usage of_all_threads() {
    rusage now{};
    getrusage(RUSAGE_SELF, &now);
    const auto microseconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return {now.ru_nvcsw, microseconds(now.ru_utime) + microseconds(now.ru_stime)};
}

}  // namespace

int main(int argc, char** argv) {
    const bool brief = argc > 1 && std::string_view(argv[1]) == "--brief";
    concurrent::futures::thread_pool_executor executor(32);
    std::latch all(32);
    for (int i = 0; i < 32; ++i) {
        executor.submit([&all] { all.arrive_and_wait(); });
    }
    all.wait();
    // Until the last has gone to sleep: then this thread's own sleep is the only one.
    for (long sleeps = 0; sleeps != 1;) {
        const usage earlier = of_all_threads();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        sleeps = of_all_threads().sleeps - earlier.sleeps;
    }
    const usage before = of_all_threads();
    std::this_thread::sleep_for(std::chrono::seconds(brief ? 1 : 10));
    const usage after = of_all_threads();
    const long wake_ups = after.sleeps - before.sleeps - 1;
    const double microseconds = after.processor_microseconds - before.processor_microseconds;
    std::printf(
        "an idle pool of 32 workers: %ld wake-ups, %.0f microseconds of processor time (this program's main "
        "thread included)\n",
        wake_ups, microseconds);
    return wake_ups > 0 ? 1 : 0;
}
