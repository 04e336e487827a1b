// SPDX-License-Identifier: MIT

// Compiled twice: for the simulated machine, and for the real one, to see how far apart they are.

#include "scenarios.hpp"

#include <algorithm>
#include <array>
#include <concurrent/futures.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <cstddef>
#include <mutex>
#include <ranges>
#include <vector>

#include "costs.hpp"
#include "environment.hpp"

namespace futures = concurrent::futures;
namespace primitives = concurrent::futures::detail::sync;

namespace simulation {
namespace {

using environment::spend;
using environment::start_measuring;
using environment::stop_measuring;
using executor_type = futures::thread_pool_executor<>;

template <class Fn>
auto submit(executor_type& executor, Fn fn) {
    return executor.submit([fn] {
        spend(costs::instructions_of_a_task);
        return fn();
    });
}

// Threads wait here until so many have come.
class meeting {
public:
    explicit meeting(int missing) : missing_(missing) {}

    void come() {
        std::unique_lock lock(mutex_);
        if (--missing_ == 0) {
            all_came_.notify_all();
        }
        all_came_.wait(lock, [this] { return missing_ == 0; });
    }

private:
    primitives::mutex mutex_;
    primitives::condition_variable all_came_;
    int missing_;
};

// Has the pool start all its threads, and waits until they sleep.
void warm_up(executor_type& executor, int workers) {
    meeting all(workers);
    std::vector<futures::Future<void>> tasks;
    for (int number = 0; number < workers; ++number) {
        tasks.push_back(executor.submit([&all] { all.come(); }));
    }
    for (const auto& each : tasks) {
        each.result();
    }
    primitives::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void submit_and_get(executor_type& executor, int tasks) {
    std::vector<futures::Future<int>> all;
    all.reserve(static_cast<std::size_t>(tasks));
    for (int number = 0; number < tasks; ++number) {
        all.push_back(submit(executor, [number] { return number; }));
    }
    for (const auto& each : all) {
        each.result();
    }
}

void wait_one_by_one(executor_type& executor, int tasks) {
    for (int number = 0; number < tasks; ++number) {
        submit(executor, [number] { return number; }).result();
    }
}

// Each producer first does its share unmeasured, so that memory has been used before.
amount produce(int workers, int producers, int share, void (*work)(executor_type&, int)) {
    executor_type executor(workers);
    warm_up(executor, workers);
    primitives::atomic<int> ready{0};
    primitives::atomic<bool> begun{false};
    std::vector<primitives::thread> crowd;
    for (int producer = 0; producer < producers; ++producer) {
        crowd.emplace_back([&] {
            work(executor, share);
            ready.fetch_add(1);
            while (!begun.load()) {
                primitives::this_thread::yield();
            }
            work(executor, share);
        });
    }
    while (ready.load() != producers) {
        primitives::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    primitives::this_thread::sleep_for(std::chrono::milliseconds(1));  // the pool sleeps again
    start_measuring();
    begun.store(true);
    for (primitives::thread& each : crowd) {
        each.join();
    }
    stop_measuring();
    return {producers * share};
}

constexpr int burst_tasks = 32'000;

amount burst_from_one(int workers) {
    return produce(workers, 1, burst_tasks, submit_and_get);
}

amount burst_from_sixteen(int workers) {
    return produce(workers, 16, burst_tasks / 16, submit_and_get);
}

amount one_in_flight(int workers) {
    const int producers = std::max(1, workers / 2);
    return produce(workers, producers, std::max(200, 4'000 / producers), wait_one_by_one);
}

int fibonacci(executor_type& executor, int n) {
    if (n < 2) {
        return n;
    }
    const auto first = submit(executor, [&executor, n] { return fibonacci(executor, n - 1); });
    const int second = fibonacci(executor, n - 2);
    return first.result() + second;
}

int spawns_of(int n) {
    return n < 2 ? 0 : 1 + spawns_of(n - 1) + spawns_of(n - 2);
}

constexpr int skynet_children = 10;

long sum_of_skynet(executor_type& executor, long first, long size) {
    if (size == 1) {
        return first;
    }
    std::array<futures::Future<long>, skynet_children> children;
    for (std::size_t child = 0; child != children.size(); ++child) {
        const long part = size / skynet_children;
        const long begin = first + static_cast<long>(child) * part;
        children[child] =
            submit(executor, [&executor, begin, part] { return sum_of_skynet(executor, begin, part); });
    }
    long sum = 0;
    for (const auto& each : children) {
        sum += each.result();
    }
    return sum;
}

// How long it takes until all workers of a sleeping pool work, if each gets a task of 50 microseconds.
amount wake(int workers) {
    executor_type executor(workers);
    warm_up(executor, workers);
    std::vector<std::int64_t> begins(static_cast<std::size_t>(workers));
    std::vector<futures::Future<void>> tasks;
    tasks.reserve(begins.size());
    start_measuring();
    const std::int64_t start = environment::now();
    for (std::int64_t& begin : begins) {
        tasks.push_back(submit(executor, [&begin] {
            begin = environment::now();
            environment::work(50'000);
        }));
    }
    for (const auto& each : tasks) {
        each.result();
    }
    stop_measuring();
    return {workers, *std::max_element(begins.begin(), begins.end()) - start};
}

amount map(int workers) {
    constexpr int elements = 16'000;
    executor_type executor(workers);
    warm_up(executor, workers);
    const auto map_all = [&] {
        const auto function = [](int element) {
            spend(costs::instructions_of_a_task);
            return element;
        };
        for (const int each : executor.map({.chunksize = 1}, function, std::views::iota(0, elements))) {
            static_cast<void>(each);
        }
    };
    map_all();
    primitives::this_thread::sleep_for(std::chrono::milliseconds(1));
    start_measuring();
    map_all();
    stop_measuring();
    return {elements};
}

// `work(executor, size)` is one task, which submits all others. A small one is done before, so that memory
// has been used.
template <class Size>
amount recurse(int workers, int tasks, Size small, Size large, void (*work)(executor_type&, Size)) {
    executor_type executor(workers);
    warm_up(executor, workers);
    executor.submit([&] { work(executor, small); }).result();
    primitives::this_thread::sleep_for(std::chrono::milliseconds(1));
    start_measuring();
    executor.submit([&] { work(executor, large); }).result();
    stop_measuring();
    return {tasks};
}

template <int N>
amount fib(int workers) {
    return recurse(
        workers, spawns_of(N), 16, N,
        +[](executor_type& executor, int size) { static_cast<void>(fibonacci(executor, size)); });
}

template <int Leaves>
amount skynet(int workers) {
    constexpr int tasks = (Leaves - 1) / (skynet_children - 1) * skynet_children;
    return recurse(
        workers, tasks, 1'000L, long{Leaves},
        +[](executor_type& executor, long size) { static_cast<void>(sum_of_skynet(executor, 0, size)); });
}

}  // namespace

const std::map<std::string, scenario>& scenarios() {
    static const std::map<std::string, scenario> all = {{"burst_from_one", {burst_from_one}},
                                                        {"burst_from_sixteen", {burst_from_sixteen}},
                                                        {"one_in_flight", {one_in_flight}},
                                                        {"fib", {fib<27>}},
                                                        {"fib_large", {fib<34>}},
                                                        {"skynet", {skynet<100'000>}},
                                                        {"skynet_large", {skynet<10'000'000>}},
                                                        {"wake", {wake, 1}},
                                                        {"map", {map}}};
    return all;
}

}  // namespace simulation
