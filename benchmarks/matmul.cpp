// SPDX-License-Identifier: MIT

// The product of two matrices of 1,024 rows, by dividing them into quarters down to blocks of 64 rows: few
// tasks that compute for some ten microseconds each.
//
// Options: --threads N.

#include <algorithm>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <vector>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;

// The rows of a block, which is multiplied by loops.
constexpr std::size_t block_rows = 64;
constexpr std::size_t block_size = block_rows * block_rows;

// A square matrix. A block lies in one piece, so that its rows don't compete for the same places in a cache.
class matrix {
public:
    // Its number of rows is `blocks` * block_rows, and `blocks` is a power of two. The elements are small
    // whole numbers, so that results can be compared exactly.
    matrix(std::size_t blocks, std::size_t seed) : blocks_(blocks), elements_(blocks * blocks * block_size) {
        for (std::size_t i = 0; i < elements_.size(); ++i) {
            elements_[i] = static_cast<double>((i * 7 + seed) % 11);
        }
    }

    [[nodiscard]] std::size_t blocks() const noexcept { return blocks_; }

    [[nodiscard]] double* block(std::size_t row, std::size_t column) {
        return elements_.data() + (row * blocks_ + column) * block_size;
    }

    void clear() { std::fill(elements_.begin(), elements_.end(), 0); }

    // The product with a vector.
    [[nodiscard]] std::vector<double> times(const std::vector<double>& vector) {
        std::vector<double> result(vector.size());
        for (std::size_t row = 0; row < result.size(); ++row) {
            for (std::size_t column = 0; column < vector.size(); ++column) {
                const double* const its_block = block(row / block_rows, column / block_rows);
                result[row] +=
                    its_block[row % block_rows * block_rows + column % block_rows] * vector[column];
            }
        }
        return result;
    }

private:
    std::size_t blocks_;
    std::vector<double> elements_;
};

// A part of the work: a square of `blocks` times `blocks` blocks of the first factor, times one of the
// second, is added to one of the product.
struct part {
    matrix& product;
    matrix& first;
    matrix& second;
    std::size_t blocks;
    std::size_t row = 0;
    std::size_t column = 0;
    std::size_t inner = 0;  // the column of the first, and the row of the second

    [[nodiscard]] bool is_leaf() const noexcept { return blocks == 1; }

    // The part with a quarter of the product, and half of what is to be added there.
    [[nodiscard]] part divided(std::size_t down, std::size_t right, std::size_t half) const noexcept {
        const std::size_t rest = blocks / 2;
        return {product, first, second, rest, row + down * rest, column + right * rest, inner + half * rest};
    }

    void compute_leaf() const {
        double* const sums = product.block(row, column);
        const double* const left = first.block(row, inner);
        const double* const right = second.block(inner, column);
        for (std::size_t i = 0; i < block_rows; ++i) {
            for (std::size_t k = 0; k < block_rows; ++k) {
                const double factor = left[i * block_rows + k];
                for (std::size_t j = 0; j < block_rows; ++j) {
                    sums[i * block_rows + j] += factor * right[k * block_rows + j];
                }
            }
        }
    }
};

void by_submits(executor_type& executor, const part& whole) {
    if (whole.is_leaf()) {
        whole.compute_leaf();
        return;
    }
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
        const auto submit = [&](std::size_t down, std::size_t right) {
            return executor.submit(
                [&executor, quarter = whole.divided(down, right, half)] { by_submits(executor, quarter); });
        };
        const auto first = submit(0, 0);
        const auto second = submit(0, 1);
        const auto third = submit(1, 0);
        by_submits(executor, whole.divided(1, 1, half));
        third.result();
        second.result();
        first.result();
    }
}

void by_invoke(executor_type& executor, const part& whole) {
    if (whole.is_leaf()) {
        whole.compute_leaf();
        return;
    }
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
        executor.invoke([&] { by_invoke(executor, whole.divided(0, 0, half)); },
                        [&] { by_invoke(executor, whole.divided(0, 1, half)); },
                        [&] { by_invoke(executor, whole.divided(1, 0, half)); },
                        [&] { by_invoke(executor, whole.divided(1, 1, half)); });
    }
}

#if defined(BENCHMARKS_HAVE_TBB)
void by_task_group(const part& whole) {
    if (whole.is_leaf()) {
        whole.compute_leaf();
        return;
    }
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
        tbb::task_group group;
        group.run([quarter = whole.divided(0, 0, half)] { by_task_group(quarter); });
        group.run([quarter = whole.divided(0, 1, half)] { by_task_group(quarter); });
        group.run([quarter = whole.divided(1, 0, half)] { by_task_group(quarter); });
        by_task_group(whole.divided(1, 1, half));
        group.wait();
    }
}

void by_parallel_invoke(const part& whole) {
    if (whole.is_leaf()) {
        whole.compute_leaf();
        return;
    }
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
        tbb::parallel_invoke([&] { by_parallel_invoke(whole.divided(0, 0, half)); },
                             [&] { by_parallel_invoke(whole.divided(0, 1, half)); },
                             [&] { by_parallel_invoke(whole.divided(1, 0, half)); },
                             [&] { by_parallel_invoke(whole.divided(1, 1, half)); });
    }
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int threads = benchmarks::take_threads(argc, argv);
    benchmarks::contest submits(
        benchmarks::with_threads("matmul(1024) by tasks that wait for tasks", threads), "ms", argc, argv);
    benchmarks::contest forks(benchmarks::with_threads("matmul(1024) by invoke", threads), "ms", argc, argv);
    const std::size_t blocks = submits.brief() ? 2 : 1024 / block_rows;
    matrix first(blocks, 0);
    matrix second(blocks, 5);
    matrix product(blocks, 0);
    // That the product times a vector is right shows that the product is, in less time than another product.
    std::vector<double> vector(blocks * block_rows);
    for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] = static_cast<double>(i % 13);
    }
    const std::vector<double> expected = first.times(second.times(vector));
    const auto figure = [&](const std::function<void(const part&)>& multiply) {
        product.clear();
        const double time = benchmarks::nanoseconds_of([&] { multiply({product, first, second, blocks}); });
        if (product.times(vector) != expected) {
            throw std::logic_error("a wrong product");
        }
        return time / 1e6;
    };

    const auto executor = benchmarks::kept_executor(threads);
    submits.add(benchmarks::ours::name, [&] {
        return figure(
            [&](const part& whole) { executor->submit([&] { by_submits(*executor, whole); }).result(); });
    });
    forks.add("concurrent::futures invoke", [&] {
        return figure(
            [&](const part& whole) { executor->submit([&] { by_invoke(*executor, whole); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(submits, "oneTBB task_group", threads, 1, [&] { return figure(by_task_group); });
    benchmarks::add_tbb(forks, "oneTBB parallel_invoke", threads, 1,
                        [&] { return figure(by_parallel_invoke); });
#endif
    submits.run();
    forks.run();
}
