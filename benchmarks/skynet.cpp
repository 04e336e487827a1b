// SPDX-License-Identifier: MIT

// A million leaves of a tree are added up, each node with its ten children: many tasks that do next to
// nothing.
//
// Options: --threads N, --levels N (6 levels of children; 7 for the classic ten million leaves).

#include "skynet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

#include "harness.hpp"
#include "java.hpp"
#include "rivals.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;
using benchmarks::skynet_tree;

template <std::size_t... index>
std::int64_t by_invoke(executor_type& executor, std::int64_t first, std::int64_t leaves,
                       std::index_sequence<index...> indices) {
    if (leaves == 1) {
        return first;
    }
    const std::int64_t share = leaves / std::int64_t{skynet_tree::children};
    const auto sums = executor.invoke(
        [&] { return by_invoke(executor, first + std::int64_t{index} * share, share, indices); }...);
    return std::apply([](auto... each) { return (each + ...); }, sums);
}

#if defined(BENCHMARKS_HAVE_TBB)
std::int64_t by_task_group(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) {
        return first;
    }
    const std::int64_t share = leaves / std::int64_t{skynet_tree::children};
    std::array<std::int64_t, skynet_tree::children - 1> sums{};
    tbb::task_group group;
    for (std::int64_t& sum : sums) {
        group.run([&sum, first, share] { sum = by_task_group(first, share); });
        first += share;
    }
    const std::int64_t last = by_task_group(first, share);
    group.wait();
    return std::accumulate(sums.begin(), sums.end(), last);
}

template <std::size_t... index>
std::int64_t by_parallel_invoke(std::int64_t first, std::int64_t leaves,
                                std::index_sequence<index...> indices) {
    if (leaves == 1) {
        return first;
    }
    const std::int64_t share = leaves / std::int64_t{skynet_tree::children};
    std::array<std::int64_t, skynet_tree::children> sums{};
    tbb::parallel_invoke(
        [&] { sums[index] = by_parallel_invoke(first + std::int64_t{index} * share, share, indices); }...);
    return std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int threads = benchmarks::take_threads(argc, argv);
    const int full_levels = benchmarks::take_option(argc, argv, "--levels", 6);
    const std::string name = benchmarks::with_threads(
        "skynet, 10^" + std::to_string(full_levels) + " leaves, 10 children each", threads);
    benchmarks::contest submits(name + ", by tasks that wait for tasks", "ns a task", argc, argv);
    const int levels = submits.brief() ? 3 : full_levels;
    const skynet_tree tree(levels);
    const auto figure = [tree](auto&& work) {
        return benchmarks::nanoseconds_until(tree.sum, work) / static_cast<double>(tree.tasks);
    };
    const auto executor = benchmarks::kept_executor(threads);
    submits.add(benchmarks::ours::name, [=] {
        return figure([&] {
            return executor->submit(benchmarks::skynet, std::ref(*executor), std::int64_t{0}, tree.leaves)
                .result();
        });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(submits, "oneTBB task_group", threads, 1.4,
                        [=] { return figure([&] { return by_task_group(0, tree.leaves); }); });
#endif
    benchmarks::add_java(submits, "skynet", levels, threads);
    submits.run();

    benchmarks::contest forks(name + ", by invoke", "ns a task", argc, argv);
    constexpr auto indices = std::make_index_sequence<skynet_tree::children>();
    forks.add("concurrent::futures invoke", [=] {
        return figure([&] {
            return executor->submit([&] { return by_invoke(*executor, 0, tree.leaves, indices); }).result();
        });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(forks, "oneTBB parallel_invoke", threads, 2,
                        [=] { return figure([&] { return by_parallel_invoke(0, tree.leaves, indices); }); });
#endif
    forks.run();
}
