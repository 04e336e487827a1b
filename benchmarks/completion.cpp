// SPDX-License-Identifier: MIT

// wait() and as_completed() over many futures: of tasks that are done already, and of tasks that begin to run
// only when everybody waits.

#include <latch>
#include <string>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace futures = concurrent::futures;

namespace {

constexpr int threads = 2;

using future_list = std::vector<futures::Future<int>>;

void by_wait(const future_list& all) {
    static_cast<void>(futures::wait(all));
}

void by_as_completed(const future_list& all) {
    for (const auto& future : futures::as_completed(all)) {
        static_cast<void>(future.done());
    }
}

template <class Consume>
double measure(int tasks, bool done_before, Consume consume) {
    futures::thread_pool_executor executor(threads);
    std::latch workers_are_held(threads);
    std::latch released(1);
    for (int i = 0; i < threads; ++i) {
        executor.submit([&] {
            workers_are_held.count_down();
            released.wait();
        });
    }
    workers_are_held.wait();
    future_list all;
    all.reserve(static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) {
        all.push_back(executor.submit([i] { return i; }));
    }
    if (done_before) {
        released.count_down();
        executor.shutdown();
        return benchmarks::nanoseconds_of([&] { consume(all); }) / tasks;
    }
    // A third worker's place would change the pool, so this thread lets the others go just before it waits.
    return benchmarks::nanoseconds_of([&] {
               released.count_down();
               consume(all);
           }) /
           tasks;
}

}  // namespace

int main(int argc, char** argv) {
    for (const int tasks : {100'000, 1'000'000}) {
        benchmarks::contest contest("completion of " + std::to_string(tasks) + " futures", "ns a future",
                                    argc, argv);
        const int scaled = contest.scaled(tasks);
        const auto add = [&](const char* name, bool done_before, void (*consume)(const future_list&)) {
            contest.add(name, [=] { return measure(scaled, done_before, consume); }, {.greatest = 150});
        };
        add("as_completed(), tasks running meanwhile", false, by_as_completed);
        add("as_completed(), all done before", true, by_as_completed);
        add("wait(), tasks running meanwhile", false, by_wait);
        add("wait(), all done before", true, by_wait);
        contest.run();
    }
}
