// SPDX-License-Identifier: MIT

// The thirtieth Fibonacci number, by two tasks for each but the smallest: nothing but submitting and waiting
// inside tasks. Then the same by two calls that are made at once.
//
// Options: --threads N.

#include "fibonacci.hpp"

#include <functional>

#include "harness.hpp"
#include "java.hpp"
#include "processor_time.hpp"
#include "rivals.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;

int spawns_of(int n) {
    return n < 2 ? 0 : 1 + spawns_of(n - 1) + spawns_of(n - 2);
}

int by_calls(int n) {
    return n < 2 ? n : by_calls(n - 1) + by_calls(n - 2);
}

int by_submits(int workers, int n) {
    executor_type executor(workers);
    return executor.submit(benchmarks::fibonacci, std::ref(executor), n).result();
}

int by_invoke(executor_type& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto [first, second] = executor.invoke([&executor, n] { return by_invoke(executor, n - 1); },
                                                 [&executor, n] { return by_invoke(executor, n - 2); });
    return first + second;
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

int by_parallel_invoke(int n) {
    if (n < 2) {
        return n;
    }
    int first = 0;
    int second = 0;
    tbb::parallel_invoke([&first, n] { first = by_parallel_invoke(n - 1); },
                         [&second, n] { second = by_parallel_invoke(n - 2); });
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
    const int threads = benchmarks::take_threads(argc, argv);
    benchmarks::contest submits(
        benchmarks::with_threads("Fibonacci(30) by tasks that wait for tasks", threads), "ns a spawn", argc,
        argv);
    const int n = submits.brief() ? 12 : 30;
    const auto figure = [spawns = spawns_of(n), expected = by_calls(n)](auto&& work) {
        return benchmarks::nanoseconds_until(expected, work) / spawns;
    };
    const auto executor = benchmarks::kept_executor(threads);
    submits.add(benchmarks::ours::name, [=] {
        return figure(
            [&] { return executor->submit(benchmarks::fibonacci, std::ref(*executor), n).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(submits, "oneTBB task_group", threads, 2.2,
                        [=] { return figure([=] { return by_task_group(n); }); });
#endif
    benchmarks::add_java(submits, "fibonacci", n, threads);
#if defined(_OPENMP)
    submits.add("OpenMP task", [=] {
        return figure([=] {
            int result = 0;
#pragma omp parallel num_threads(threads)
#pragma omp single
            result = by_openmp(n);
            return result;
        });
    });
#endif
    submits.run();

    benchmarks::contest forks(benchmarks::with_threads("Fibonacci(30) by invoke", threads), "ns a spawn",
                              argc, argv);
    forks.add("concurrent::futures invoke", [=] {
        return figure([&] { return executor->submit(by_invoke, std::ref(*executor), n).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(forks, "oneTBB parallel_invoke", threads, 3.5,
                        [=] { return figure([=] { return by_parallel_invoke(n); }); });
#endif
    forks.run();

    benchmarks::contest wall("Fibonacci(30) by tasks, from the start of the pool to its end", "ms", argc,
                             argv);
    benchmarks::contest processors("Fibonacci(30) by tasks, processor time in wall time", "%", argc, argv);
    for (const int workers : {1, 2}) {
        const char* const name =
            workers == 1 ? "concurrent::futures, 1 worker" : "concurrent::futures, 2 workers";
        wall.add(name, [=] { return benchmarks::nanoseconds_of([=] { by_submits(workers, n); }) / 1e6; });
        processors.add(name,
                       [=] { return benchmarks::processor_percent_of([=] { by_submits(workers, n); }); });
    }
#if defined(BENCHMARKS_HAVE_TBB)
    processors.add("oneTBB task_group, 2 threads", [=] {
        const benchmarks::tbb_limit limit(2);
        return benchmarks::processor_percent_of([=] { by_task_group(n); });
    });
#endif
    wall.run();
    processors.run();
}
