// SPDX-License-Identifier: MIT

// A thousand tasks that sleep 10 ms each, on 50 workers: what a pool for input and output does.

#include <chrono>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int workers = 50;
constexpr auto nap = std::chrono::milliseconds(10);

template <class Pool>
double measure(int tasks) {
    Pool pool(workers);
    return benchmarks::nanoseconds_of([&] {
               std::vector<decltype(pool.submit([] { return 1; }))> futures;
               for (int i = 0; i < tasks; ++i) {
                   futures.push_back(pool.submit([] {
                       std::this_thread::sleep_for(nap);
                       return 1;
                   }));
               }
               for (auto& future : futures) {
                   future.get();
               }
           }) /
           1e6;
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("1,000 tasks that sleep 10 ms, 50 workers", "ms", argc, argv);
    const int tasks = contest.brief() ? 100 : 1000;
    contest.add("ideal", [=] { return tasks / workers * 10.0; });
    contest.add(benchmarks::ours::name, [=] { return measure<benchmarks::ours>(tasks); },
                {.greatest_ratio = 1.03});
    benchmarks::for_each_rival_pool(
        [&]<class Pool>() { contest.add(Pool::name, [=] { return measure<Pool>(tasks); }); });
    contest.run();
}
