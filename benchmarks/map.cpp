// SPDX-License-Identifier: MIT

// A loop over ten million numbers: some nanoseconds each.

#include <cmath>
#include <cstddef>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

constexpr int threads = 2;

// A lambda, which each contestant can inline as well.
constexpr auto work = [](double x) { return std::sqrt(x) * std::sin(x); };

std::vector<double> numbers(int count) {
    std::vector<double> all(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<double>(i) * 1e-3;
    }
    return all;
}

void check(double sum, double expected) {
    if (!(std::abs(sum - expected) <= 1e-6 * std::abs(expected))) {
        throw std::logic_error("a wrong sum");
    }
}

}  // namespace

int main(int argc, char** argv) {
    benchmarks::contest contest("map of 10,000,000 sqrt(x) * sin(x), results added up", "ns an element", argc,
                                argv);
    const int count = contest.scaled(10'000'000);
    const std::vector<double> input = numbers(count);
    double expected = 0;
    for (const double x : input) {
        expected += work(x);
    }
    const auto measure = [&](auto&& sum_of_results) {
        return benchmarks::nanoseconds_of([&] { check(sum_of_results(), expected); }) / count;
    };
    contest.add("concurrent::futures map, auto_chunksize", [&] {
        concurrent::futures::thread_pool_executor executor(threads);
        return measure([&] {
            double sum = 0;
            for (const double result :
                 executor.map({.auto_chunksize = true}, work, std::span<const double>(input))) {
                sum += result;
            }
            return sum;
        });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    const auto by_parallel_for = [&](double* output) {
        const benchmarks::tbb_limit limit(threads);
        tbb::parallel_for(tbb::blocked_range<std::size_t>(0, input.size()), [&](const auto& range) {
            for (std::size_t i = range.begin(); i != range.end(); ++i) {
                output[i] = work(input[i]);
            }
        });
    };
    contest.add(
        "oneTBB parallel_for into a new array",
        [&] {
            return measure([&] {
                const auto output = std::make_unique_for_overwrite<double[]>(input.size());
                by_parallel_for(output.get());
                return std::accumulate(output.get(), output.get() + input.size(), 0.0);
            });
        },
        benchmarks::at_least(0.95));
    std::vector<double> kept(input.size());
    contest.add("oneTBB parallel_for into an array kept, not added up",
                [&] { return benchmarks::nanoseconds_of([&] { by_parallel_for(kept.data()); }) / count; });
#endif
#if defined(_OPENMP)
    contest.add("OpenMP parallel for into a new array", [&] {
        return measure([&] {
            const auto output = std::make_unique_for_overwrite<double[]>(input.size());
#pragma omp parallel for num_threads(threads)
            for (std::size_t i = 0; i < input.size(); ++i) {
                output[i] = work(input[i]);
            }
            return std::accumulate(output.get(), output.get() + input.size(), 0.0);
        });
    });
#endif
    contest.add("one thread, nothing kept", [&] {
        return measure([&] {
            double sum = 0;
            for (const double x : input) {
                sum += work(x);
            }
            return sum;
        });
    });
    contest.run();
}
