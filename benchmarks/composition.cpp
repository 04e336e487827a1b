// SPDX-License-Identifier: MIT

// Futures that are made of futures: a task with its continuation, and a coroutine that awaits tasks.

#include <concurrent/futures.hpp>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

#if defined(BENCHMARKS_HAVE_TBB)
#include <oneapi/tbb/flow_graph.h>
#include <deque>
#endif
#if defined(BENCHMARKS_HAVE_ASIO)
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#endif

namespace futures = concurrent::futures;

namespace {

using executor_type = futures::thread_pool_executor<>;

constexpr int threads = 2;

// Every task and its continuation exist before the first is waited for.
void continue_each(executor_type& executor, int tasks) {
    std::vector<futures::Future<int>> all;
    all.reserve(static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) {
        all.push_back(executor.submit([i] { return i; }).then([](int x) { return x + 1; }));
    }
    for (auto& future : all) {
        static_cast<void>(future.result());
    }
}

void submit_two_each(executor_type& executor, int tasks) {
    std::vector<futures::Future<int>> all;
    all.reserve(2 * static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) {
        all.push_back(executor.submit([i] { return i; }));
        all.push_back(executor.submit([i] { return i + 1; }));
    }
    for (auto& future : all) {
        static_cast<void>(future.result());
    }
}

// All at once: the memory of most tasks comes from the operating system.
template <class Work>
double in_a_new_executor(int tasks, Work work) {
    executor_type executor(threads);
    return benchmarks::nanoseconds_of([&] { work(executor, tasks); }) / tasks;
}

// Some at a time, again and again: the memory of a task is that of an earlier one.
template <class Work>
double in_the_same_executor(int tasks, int times, Work work) {
    executor_type executor(threads);
    work(executor, tasks);
    return benchmarks::nanoseconds_of([&] {
               for (int i = 0; i < times; ++i) {
                   work(executor, tasks);
               }
           }) /
           tasks / times;
}

#if defined(BENCHMARKS_HAVE_TBB)
// No value goes along its edges, so each pair of nodes has a place for it.
double tbb_continue_nodes(int tasks) {
    using tbb::flow::continue_msg;
    using node = tbb::flow::continue_node<continue_msg>;
    const benchmarks::tbb_limit limit(threads);
    return benchmarks::nanoseconds_of([&] {
               std::vector<int> values(static_cast<std::size_t>(tasks));
               tbb::flow::graph graph;
               std::deque<node> nodes;
               for (int i = 0; i < tasks; ++i) {
                   int& value = values[static_cast<std::size_t>(i)];
                   node& first = nodes.emplace_back(graph, [&value, i](continue_msg) { value = i; });
                   node& second = nodes.emplace_back(graph, [&value](continue_msg) { ++value; });
                   tbb::flow::make_edge(first, second);
                   first.try_put(continue_msg());
               }
               graph.wait_for_all();
           }) /
           tasks;
}
#endif

// One trip after the other: the coroutine goes on when the task is done.
futures::Future<long> await_each(executor_type& executor, int trips) {
    long sum = 0;
    for (int i = 0; i < trips; ++i) {
        sum += co_await executor.submit([i] { return i; });
    }
    co_return sum;
}

double await_trips(int trips) {
    executor_type executor(threads);
    await_each(executor, trips / 10).result();
    return benchmarks::nanoseconds_of([&] { await_each(executor, trips).result(); }) / trips;
}

double blocking_trips(int trips) {
    executor_type executor(threads);
    const auto go = [&](int times) {
        for (int i = 0; i < times; ++i) {
            executor.submit([i] { return i; }).result();
        }
    };
    go(trips / 10);
    return benchmarks::nanoseconds_of([&] { go(trips); }) / trips;
}

futures::Future<long> await_done(std::vector<futures::Future<int>>& all) {
    long sum = 0;
    for (auto& future : all) {
        sum += co_await future;
    }
    co_return sum;
}

futures::Future<long> take_results(std::vector<futures::Future<int>>& all) {
    long sum = 0;
    for (auto& future : all) {
        sum += future.result();
    }
    co_return sum;
}

// How long `sum`, a coroutine, takes for the result of a future that is done.
template <class Sum>
double of_a_done_future(int times, Sum sum) {
    constexpr int many = 1'000;
    std::vector<futures::Future<int>> all;
    for (int i = 0; i < many; ++i) {
        futures::Promise<int> promise;
        all.push_back(promise.get_future());
        promise.set_result(i);
    }
    constexpr long expected = long(many) * (many - 1) / 2;
    return benchmarks::nanoseconds_until(times * expected,
                                         [&] {
                                             long total = 0;
                                             for (int i = 0; i < times; ++i) {
                                                 total += sum(all).result();
                                             }
                                             return total;
                                         }) /
           times / many;
}

#if defined(BENCHMARKS_HAVE_ASIO) && defined(ASIO_HAS_CO_AWAIT)
asio::awaitable<int> asio_task(int i) {
    co_return i;
}

asio::awaitable<long> asio_await_each(asio::thread_pool& pool, int trips) {
    long sum = 0;
    for (int i = 0; i < trips; ++i) {
        sum += co_await asio::co_spawn(pool, asio_task(i), asio::use_awaitable);
    }
    co_return sum;
}

double asio_trips(int trips) {
    asio::thread_pool pool(threads);
    asio::co_spawn(pool, asio_await_each(pool, trips / 10), asio::use_future).get();
    return benchmarks::nanoseconds_of(
               [&] { asio::co_spawn(pool, asio_await_each(pool, trips), asio::use_future).get(); }) /
           trips;
}
#endif

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest continued("100,000 tasks with a continuation each", "ns a task and its continuation",
                                  argc, argv);
    const int tasks = continued.scaled(100'000);
    continued.add("concurrent::futures, then", [=] { return in_a_new_executor(tasks, continue_each); });
    continued.add("concurrent::futures, two submits",
                  [=] { return in_a_new_executor(tasks, submit_two_each); });
#if defined(BENCHMARKS_HAVE_TBB)
    continued.add(
        "oneTBB flow graph, continue_node", [=] { return tbb_continue_nodes(tasks); },
        benchmarks::at_least(1));
#endif
    continued.run();

    benchmarks::contest repeated("1,000 tasks with a continuation each, again and again",
                                 "ns a task and its continuation", argc, argv);
    const int times = repeated.scaled(200);
    repeated.add("concurrent::futures, two submits",
                 [=] { return in_the_same_executor(1'000, times, submit_two_each); });
    repeated.add("concurrent::futures, then",
                 [=] { return in_the_same_executor(1'000, times, continue_each); }, {.greatest_excess = 60});
    repeated.run();

    benchmarks::contest awaited("a coroutine awaits a task, again and again", "ns", argc, argv);
    const int trips = awaited.scaled(50'000);
    awaited.add("concurrent::futures, co_await", [=] { return await_trips(trips); });
    awaited.add(
        "concurrent::futures, blocking", [=] { return blocking_trips(trips); }, benchmarks::at_least(1));
#if defined(BENCHMARKS_HAVE_ASIO) && defined(ASIO_HAS_CO_AWAIT)
    awaited.add(
        "Asio thread_pool, co_spawn", [=] { return asio_trips(trips); }, benchmarks::at_least(1));
#endif
    awaited.run();

    benchmarks::contest done("a coroutine takes the result of a future that is done", "ns", argc, argv);
    const int rounds = done.scaled(1'000);
    done.add("concurrent::futures, result()", [=] { return of_a_done_future(rounds, take_results); });
    done.add("concurrent::futures, co_await", [=] { return of_a_done_future(rounds, await_done); },
             {.greatest_excess = 5});
    done.run();
}
