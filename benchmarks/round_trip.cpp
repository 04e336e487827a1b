// One task at a time: submitted, and its result taken, again and again (hot); or after a pause in which the
// pool has gone to sleep (cold).

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

// First come 50 ms of trips that don't count, in which the operating system gives each thread a processor of
// its own.
template <class Pool>
double hot(int trips) {
    Pool pool(threads);
    const auto go = [&] {
        for (int i = 0; i < trips; ++i) {
            pool.submit([i] { return i; }).get();
        }
    };
    const auto warm = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    do {
        go();
    } while (std::chrono::steady_clock::now() < warm);
    return benchmarks::nanoseconds_of(go) / trips;
}

template <class Pool>
double cold(int trips) {
    Pool pool(threads);
    pool.submit([] { return 1; }).get();
    std::vector<double> figures;
    for (int i = 0; i < trips; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        figures.push_back(benchmarks::nanoseconds_of([&] { pool.submit([i] { return i; }).get(); }));
    }
    std::sort(figures.begin(), figures.end());
    return figures[figures.size() / 2];
}

template <class Pool>
void add(benchmarks::contest& hot_contest, benchmarks::contest& cold_contest, double hot_goal,
         double cold_goal) {
    const int hot_trips = hot_contest.scaled(20'000);
    const int cold_trips = cold_contest.scaled(100);
    hot_contest.add(
        Pool::name, [=] { return hot<Pool>(hot_trips); }, hot_goal);
    cold_contest.add(
        Pool::name, [=] { return cold<Pool>(cold_trips); }, cold_goal);
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest hot_contest("round trip, hot", "ns", argc, argv);
    benchmarks::contest cold_contest("round trip, cold", "ns", argc, argv);
    add<benchmarks::ours>(hot_contest, cold_contest, 0, 0);
#if defined(BENCHMARKS_HAVE_ASIO)
    add<benchmarks::asio_pool>(hot_contest, cold_contest, 20, 1);
#endif
#if defined(BENCHMARKS_HAVE_THREAD_POOL)
    add<benchmarks::debian_thread_pool>(hot_contest, cold_contest, 20, 1);
#endif
#if defined(BENCHMARKS_HAVE_TBB)
    add<benchmarks::tbb_arena>(hot_contest, cold_contest, 20, 1);
#endif
    const int failed = hot_contest.run();
    return cold_contest.run() + failed;
}
