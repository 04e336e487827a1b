// SPDX-License-Identifier: MIT

// Loops over ten million numbers that are there already: one that changes each in its place, and two that add
// up.
//
// Options: --threads N.

#include <cmath>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;

// Lambdas, which each contestant can inline as well.
constexpr auto unchanged = [](double x) { return x; };
constexpr auto work = [](double x) { return std::sqrt(x) * std::sin(x); };

void fill(std::vector<double>& numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<double>(i) * 1e-3;
    }
}

double sum_of(std::span<const double> numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}

// The threads add up in an order that differs from run to run, so sums do too.
void check(double sum, double expected) {
    if (!(std::abs(sum - expected) <= 1e-6 * std::abs(expected))) {
        throw std::logic_error("a wrong sum");
    }
}

template <class Transform>
double sum_of_each(std::span<const double> numbers, Transform transform) {
    return std::transform_reduce(numbers.begin(), numbers.end(), 0.0, std::plus<>(), transform);
}

template <class Transform>
void run_reduce(benchmarks::contest& contest, executor_type& executor, int threads,
                std::span<const double> numbers, Transform transform) {
    const auto figure = [numbers, expected = sum_of_each(numbers, transform)](auto&& reduce) {
        double sum = 0;
        const double time = benchmarks::nanoseconds_of([&] { sum = reduce(); });
        check(sum, expected);
        return time / static_cast<double>(numbers.size());
    };
    contest.add("concurrent::futures reduce", [=, &executor] {
        return figure([&] {
            return executor.submit([&] { return executor.reduce(numbers, 0.0, std::plus<>(), transform); })
                .result();
        });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(contest, "oneTBB parallel_reduce", threads, 0.97, [=] {
        return figure([&] {
            return tbb::parallel_reduce(
                tbb::blocked_range<std::size_t>(0, numbers.size()), 0.0,
                [&](const auto& range, double sum) {
                    for (std::size_t i = range.begin(); i != range.end(); ++i) {
                        sum += transform(numbers[i]);
                    }
                    return sum;
                },
                std::plus<>());
        });
    });
#endif
    contest.add("one thread", [=] { return figure([&] { return sum_of_each(numbers, transform); }); });
    contest.run();
}

}  // namespace

// Ours are called in a task, where only the pool's threads take part: any other caller would be one more.
int main(int argc, char** argv) {
    const int threads = benchmarks::take_threads(argc, argv);
    benchmarks::contest in_place(
        benchmarks::with_threads("for_each of 10,000,000 numbers, sqrt(x) * sin(x) in place", threads),
        "ns an element", argc, argv);
    std::vector<double> numbers(static_cast<std::size_t>(in_place.scaled(10'000'000)));
    fill(numbers);
    const double expected = sum_of_each(numbers, work);
    const auto figure = [&](auto&& loop) {
        fill(numbers);
        const double time = benchmarks::nanoseconds_of(loop);
        check(sum_of(numbers), expected);
        return time / static_cast<double>(numbers.size());
    };
    const auto change = [](double& x) { x = work(x); };
    const auto executor = benchmarks::kept_executor(threads);
    in_place.add("concurrent::futures for_each", [&] {
        return figure([&] { executor->submit([&] { executor->for_each(change, numbers); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(in_place, "oneTBB parallel_for", threads, 0.97, [&] {
        return figure([&] {
            tbb::parallel_for(tbb::blocked_range<std::size_t>(0, numbers.size()), [&](const auto& range) {
                for (std::size_t i = range.begin(); i != range.end(); ++i) {
                    change(numbers[i]);
                }
            });
        });
    });
#endif
    in_place.add("one thread", [&] {
        return figure([&] {
            for (double& each : numbers) {
                change(each);
            }
        });
    });
    in_place.run();

    fill(numbers);
    benchmarks::contest transformed(
        benchmarks::with_threads("reduce of 10,000,000 numbers, sqrt(x) * sin(x) added up", threads),
        "ns an element", argc, argv);
    run_reduce(transformed, *executor, threads, numbers, work);
    benchmarks::contest plain(benchmarks::with_threads("reduce of 10,000,000 numbers, added up", threads),
                              "ns an element", argc, argv);
    run_reduce(plain, *executor, threads, numbers, unchanged);
}
