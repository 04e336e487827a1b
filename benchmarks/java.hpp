// SPDX-License-Identifier: MIT

#pragma once

#include <memory>
#include <string>

#include "harness.hpp"

namespace benchmarks {

// ForkJoin.java in a process of its own, which lives as long as the object and does a round whenever it is
// asked to. So the rounds of Java take turns with those of the others, and its virtual machine stays warm.
class java_fork_join {
public:
    // Starts the process, and returns when it is warm. It warms up for `seconds`.
    java_fork_join(const std::string& kernel, int size, int threads, int seconds);
    java_fork_join(const java_fork_join&) = delete;
    java_fork_join& operator=(const java_fork_join&) = delete;
    // Ends the process.
    ~java_fork_join();

    // Does a round. Returns how long it took, in nanoseconds a task.
    double nanoseconds_a_task();

private:
    std::string read_line();

    int connection_ = -1;  // to its standard input and output
    int process_ = -1;
};

// Adds it to the contest as a rival that is to take at least as long as ours, where there is a JDK.
inline void add_java([[maybe_unused]] contest& to, [[maybe_unused]] const std::string& kernel,
                     [[maybe_unused]] int size, [[maybe_unused]] int threads) {
#if defined(BENCHMARKS_HAVE_JAVA)
    const int seconds = to.brief() ? 0 : 5;
    to.add(
        "Java ForkJoinPool",
        [java = std::make_shared<java_fork_join>(kernel, size, threads, seconds)] {
            return java->nanoseconds_a_task();
        },
        at_least(1));
#endif
}

}  // namespace benchmarks
