// SPDX-License-Identifier: MIT

#pragma once

#include <sys/resource.h>

#include "harness.hpp"

namespace benchmarks {

// The processor time that this process has used, in nanoseconds.
inline double processor_nanoseconds() {
    rusage now{};
    getrusage(RUSAGE_SELF, &now);
    const auto nanoseconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
    };
    return nanoseconds(now.ru_utime) + nanoseconds(now.ru_stime);
}

// How much of one processor's time `work` used, in percent: 200 if it kept two of them busy.
template <class Work>
double processor_percent_of(Work&& work) {
    const double before = processor_nanoseconds();
    const double time = nanoseconds_of(work);
    return 100 * (processor_nanoseconds() - before) / time;
}

}  // namespace benchmarks
