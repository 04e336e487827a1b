// The thirtieth Fibonacci number, by two tasks for each but the smallest: nothing but submitting and waiting
// inside tasks.

#include <functional>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

int by_futures(concurrent::futures::thread_pool_executor<>& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto first = executor.submit(by_futures, std::ref(executor), n - 1);
    const int second = by_futures(executor, n - 2);
    return first.result() + second;
}

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

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("Fibonacci(30) by tasks that wait for tasks", "ns a spawn", argc, argv);
    const int n = contest.brief() ? 12 : 30;
    const int spawns = spawns_of(n);
    contest.add(benchmarks::ours::name, [=] {
        concurrent::futures::thread_pool_executor executor(threads);
        return benchmarks::nanoseconds_of(
                   [&] { executor.submit(by_futures, std::ref(executor), n).result(); }) /
               spawns;
    });
#if defined(BENCHMARKS_HAVE_TBB)
    contest.add(
        "oneTBB task_group",
        [=] {
            const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
            return benchmarks::nanoseconds_of([&] { by_task_group(n); }) / spawns;
        },
        1);
#endif
    return contest.run();
}
