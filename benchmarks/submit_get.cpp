// SPDX-License-Identifier: MIT

// One thread submits many empty tasks, then takes the result of each.

#include <string_view>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

template <class Pool>
double measure(int tasks) {
    Pool pool(threads);
    return benchmarks::nanoseconds_of([&] {
               std::vector<decltype(pool.submit([] { return 1; }))> futures;
               futures.reserve(static_cast<std::size_t>(tasks));
               for (int i = 0; i < tasks; ++i) {
                   futures.push_back(pool.submit([i] { return i; }));
               }
               for (auto& future : futures) {
                   future.get();
               }
           }) /
           tasks;
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("submit 200,000 tasks, then take each result", "ns a task", argc, argv);
    const int tasks = contest.scaled(200'000);
    contest.add(benchmarks::ours::name, [=] { return measure<benchmarks::ours>(tasks); });
    benchmarks::for_each_rival_pool([&]<class Pool>() {
        const bool has_work_stealing = std::string_view(Pool::name).starts_with("oneTBB");
        contest.add(
            Pool::name, [=] { return measure<Pool>(tasks); },
            benchmarks::at_least(has_work_stealing ? 3 : 4));
    });
    contest.add(
        benchmarks::std_async::name, [=] { return measure<benchmarks::std_async>(tasks / 20); },
        benchmarks::at_least(4));
#if defined(BENCHMARKS_HAVE_TBB)
    contest.add(
        "oneTBB task_group::run, no future",
        [=] {
            const benchmarks::tbb_limit limit(threads);
            return benchmarks::nanoseconds_of([&] {
                       tbb::task_group group;
                       for (int i = 0; i < tasks; ++i) {
                           group.run([] {});
                       }
                       group.wait();
                   }) /
                   tasks;
        },
        benchmarks::at_least(1));
#endif
    contest.run();
}
