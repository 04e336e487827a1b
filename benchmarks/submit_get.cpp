// One thread submits many empty tasks, then takes the result of each.

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
#if defined(BENCHMARKS_HAVE_ASIO)
    contest.add(
        benchmarks::asio_pool::name, [=] { return measure<benchmarks::asio_pool>(tasks); }, 4);
#endif
#if defined(BENCHMARKS_HAVE_THREAD_POOL)
    contest.add(
        benchmarks::debian_thread_pool::name, [=] { return measure<benchmarks::debian_thread_pool>(tasks); },
        4);
#endif
#if defined(BENCHMARKS_HAVE_TBB)
    contest.add(
        benchmarks::tbb_arena::name, [=] { return measure<benchmarks::tbb_arena>(tasks); }, 3);
    contest.add(
        "oneTBB task_group::run, no future",
        [=] {
            const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
            return benchmarks::nanoseconds_of([&] {
                       tbb::task_group group;
                       for (int i = 0; i < tasks; ++i) {
                           group.run([] {});
                       }
                       group.wait();
                   }) /
                   tasks;
        },
        1);
#endif
    return contest.run();
}
