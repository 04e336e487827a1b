// SPDX-License-Identifier: MIT

// The same work on 1 to N workers: Fibonacci by tasks that wait for tasks, and a map of some microseconds an
// element.

#include "fibonacci.hpp"

#include <cmath>
#include <functional>
#include <ranges>
#include <string>

#include "harness.hpp"
#include "rivals.hpp"

namespace futures = concurrent::futures;

namespace {

double some_microseconds(int seed) {
    double sum = 0;
    for (int i = 1; i <= 500; ++i) {
        sum += std::sin(seed + i);
    }
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest nested("scaling of Fibonacci(27) by tasks", "ms", argc, argv);
    benchmarks::contest loop("scaling of a map of 20,000 elements", "ms", argc, argv);
    const int n = nested.brief() ? 12 : 27;
    const int elements = loop.scaled(20'000);
    // Twice as many as processors, to see that they don't get into each other's way.
    for (int workers = 1; workers <= 2 * futures::usable_cpus(); ++workers) {
        const std::string name = std::to_string(workers) + (workers == 1 ? " worker" : " workers");
        nested.add(name, [=] {
            futures::thread_pool_executor executor(workers);
            return benchmarks::nanoseconds_of(
                       [&] { executor.submit(benchmarks::fibonacci, std::ref(executor), n).result(); }) /
                   1e6;
        });
        loop.add(name, [=] {
            futures::thread_pool_executor executor(workers);
            return benchmarks::nanoseconds_of([&] {
                       for (const double each : executor.map({.auto_chunksize = true}, some_microseconds,
                                                             std::views::iota(0, elements))) {
                           static_cast<void>(each);
                       }
                   }) /
                   1e6;
        });
    }
    nested.run();
    loop.run();
}
