// SPDX-License-Identifier: MIT

// The thirtieth Fibonacci number, by two tasks for each but the smallest: nothing but submitting and waiting
// inside tasks.

#include "fibonacci.hpp"

#include <functional>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

int spawns_of(int n) {
    return n < 2 ? 0 : 1 + spawns_of(n - 1) + spawns_of(n - 2);
}

#if defined(BENCHMARKS_HAVE_TBB)
int by_task_group(int n) {
    if (n < 2) {
        return n;
    }
    int first = 0;
    tbb::task_group group;
    group.run([&first, n] { first = by_task_group(n - 1); });
    const int second = by_task_group(n - 2);
    group.wait();
    return first + second;
}
#endif

#if defined(_OPENMP)
int by_openmp(int n) {
    if (n < 2) {
        return n;
    }
    int first = 0;
#pragma omp task shared(first) firstprivate(n)
    first = by_openmp(n - 1);
    const int second = by_openmp(n - 2);
#pragma omp taskwait
    return first + second;
}
#endif

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("Fibonacci(30) by tasks that wait for tasks", "ns a spawn", argc, argv);
    const int n = contest.brief() ? 12 : 30;
    const int spawns = spawns_of(n);
    contest.add(benchmarks::ours::name, [=] {
        concurrent::futures::thread_pool_executor executor(threads);
        return benchmarks::nanoseconds_of(
                   [&] { executor.submit(benchmarks::fibonacci, std::ref(executor), n).result(); }) /
               spawns;
    });
#if defined(BENCHMARKS_HAVE_TBB)
    contest.add(
        "oneTBB task_group",
        [=] {
            const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
            return benchmarks::nanoseconds_of([&] { by_task_group(n); }) / spawns;
        },
        benchmarks::at_least(1));
#endif
#if defined(_OPENMP)
    contest.add("OpenMP task", [=] {
        return benchmarks::nanoseconds_of([&] {
#pragma omp parallel num_threads(threads)
#pragma omp single
                   by_openmp(n);
               }) /
               spawns;
    });
#endif
    contest.run();
}
