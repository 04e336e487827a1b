// SPDX-License-Identifier: MIT

// One task at a time: submitted, and its result taken, again and again (hot); or after a pause in which the
// pool has gone to sleep (cold).

#include <chrono>
#include <memory>
#include <thread>

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

// A single trip, of a pool that sleeps. The pools take turns trip by trip, as what the processor has been
// doing just before matters most.
template <class Pool>
double cold(Pool& pool) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    return benchmarks::nanoseconds_of([&] { pool.submit([] { return 1; }).get(); });
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest hot_contest("round trip, hot", "ns", argc, argv);
    benchmarks::contest cold_contest("round trip, cold", "ns", argc, argv);
    cold_contest.multiply_rounds(50);
    const int trips = hot_contest.scaled(20'000);
    const auto add = [&]<class Pool>(double hot_goal, double cold_goal) {
        hot_contest.add(
            Pool::name, [=] { return hot<Pool>(trips); }, benchmarks::at_least(hot_goal));
        cold_contest.add(
            Pool::name, [pool = std::make_shared<Pool>(threads)] { return cold(*pool); },
            benchmarks::at_least(cold_goal));
    };
    add.operator()<benchmarks::ours>(0, 0);
    benchmarks::for_each_rival_pool([&]<class Pool>() { add.operator()<Pool>(20, 1); });
    add.operator()<benchmarks::std_async>(20, 1);
    hot_contest.run();
    cold_contest.run();
}
