// SPDX-License-Identifier: MIT

// Several threads submit to one pool at once, each its share of the tasks, and take its results.

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

template <class Pool>
double measure(int threads, int producers, int tasks) {
    Pool pool(threads);
    std::latch ready(producers);
    std::latch start(1);
    std::vector<std::thread> crowd;
    const int share = tasks / producers;
    for (int producer = 0; producer < producers; ++producer) {
        crowd.emplace_back([&] {
            std::vector<decltype(pool.submit([] { return 1; }))> futures;
            futures.reserve(static_cast<std::size_t>(share));
            ready.count_down();
            start.wait();
            for (int i = 0; i < share; ++i) {
                futures.push_back(pool.submit([i] { return i; }));
            }
            for (auto& future : futures) {
                future.get();
            }
        });
    }
    ready.wait();
    return benchmarks::nanoseconds_of([&] {
               start.count_down();
               for (auto& thread : crowd) {
                   thread.join();
               }
           }) /
           (share * producers);
}

}  // namespace

int main(int argc, char** argv) {
    for (const int producers : {4, 16}) {
        benchmarks::contest contest(std::to_string(producers) + " producers", "ns a task", argc, argv);
        const int tasks = contest.scaled(400'000);
        contest.add(benchmarks::ours::name, [=] { return measure<benchmarks::ours>(2, producers, tasks); });
        benchmarks::for_each_rival_pool([&]<class Pool>() {
            contest.add(
                Pool::name, [=] { return measure<Pool>(2, producers, tasks); }, benchmarks::at_least(3));
        });
        contest.add(
            benchmarks::std_async::name,
            [=] { return measure<benchmarks::std_async>(0, producers, tasks / 20); },
            benchmarks::at_least(3));
        contest.run();

        // Whom the system lets run first makes the rounds differ by more than the goal's margin.
        benchmarks::contest workers(std::to_string(producers) + " producers, 2 and 32 workers", "ns a task",
                                    argc, argv);
        workers.multiply_rounds(10);
        workers.add("concurrent::futures, 2 workers",
                    [=] { return measure<benchmarks::ours>(2, producers, tasks); });
        workers.add("concurrent::futures, 32 workers",
                    [=] { return measure<benchmarks::ours>(32, producers, tasks); }, {.greatest_ratio = 1.3});
        workers.run();
    }
}
