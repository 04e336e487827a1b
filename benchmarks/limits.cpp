// SPDX-License-Identifier: MIT

// The same work on pools that may have many more workers than they need: what isn't needed should cost
// nothing.

#include <cstdint>
#include <functional>
#include <string>

#include "fibonacci.hpp"
#include "harness.hpp"
#include "rivals.hpp"
#include "skynet.hpp"
#include "submit_get.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;

}  // namespace

int main(int argc, char** argv) {
    // Which workers the system lets run first makes the rounds differ by more than the goals' margins.
    constexpr int more_rounds = 3;
    const auto add = [](benchmarks::contest& to, int many, double greatest_ratio, const auto& measure) {
        to.multiply_rounds(more_rounds);
        to.add("concurrent::futures, at most 2 workers", [=] { return measure(2); });
        to.add("concurrent::futures, at most " + std::to_string(many) + " workers",
               [=] { return measure(many); }, {.greatest_ratio = greatest_ratio});
    };

    benchmarks::contest burst("200,000 empty tasks from one thread, limits of 2 and 1,000 workers",
                              "ns a task", argc, argv);
    add(burst, 1000, 1 / 0.9, [tasks = burst.scaled(200'000)](int workers) {
        return benchmarks::submit_and_get<benchmarks::ours>(workers, tasks);
    });
    burst.run();

    benchmarks::contest fibonacci("Fibonacci(30) by tasks, 2 and 32 workers", "ms", argc, argv);
    add(fibonacci, 32, 1.1, [n = fibonacci.brief() ? 12 : 30](int workers) {
        executor_type executor(workers);
        return benchmarks::nanoseconds_of(
                   [&] { executor.submit(benchmarks::fibonacci, std::ref(executor), n).result(); }) /
               1e6;
    });
    fibonacci.run();

    benchmarks::contest skynet("skynet, 10^6 leaves, by tasks, 2 and 32 workers", "ms", argc, argv);
    add(skynet, 32, 1.1, [tree = benchmarks::skynet_tree(skynet.brief() ? 3 : 6)](int workers) {
        executor_type executor(workers);
        return benchmarks::nanoseconds_until(tree.sum,
                                             [&] {
                                                 return executor
                                                     .submit(benchmarks::skynet, std::ref(executor),
                                                             std::int64_t{0}, tree.leaves)
                                                     .result();
                                             }) /
               1e6;
    });
    skynet.run();
}
