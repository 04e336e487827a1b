// SPDX-License-Identifier: MIT

// One thread submits many empty tasks, then takes the result of each.

#include "submit_get.hpp"

#include <string_view>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("submit 200,000 tasks, then take each result", "ns a task", argc, argv);
    const int tasks = contest.scaled(200'000);
    contest.add(benchmarks::ours::name,
                [=] { return benchmarks::submit_and_get<benchmarks::ours>(threads, tasks); });
    benchmarks::for_each_rival_pool([&]<class Pool>() {
        const bool has_work_stealing = std::string_view(Pool::name).starts_with("oneTBB");
        contest.add(
            Pool::name, [=] { return benchmarks::submit_and_get<Pool>(threads, tasks); },
            benchmarks::at_least(has_work_stealing ? 3 : 4));
    });
    contest.add(
        benchmarks::std_async::name,
        [=] { return benchmarks::submit_and_get<benchmarks::std_async>(threads, tasks / 20); },
        benchmarks::at_least(4));
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(contest, "oneTBB task_group::run, no future", threads, 1, [=] {
        return benchmarks::nanoseconds_of([&] {
                   tbb::task_group group;
                   for (int i = 0; i < tasks; ++i) {
                       group.run([] {});
                   }
                   group.wait();
               }) /
               tasks;
    });
#endif
    contest.run();
}
