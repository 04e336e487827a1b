// SPDX-License-Identifier: MIT

// In how many ways 11 queens can be put on a board without a threat: tasks that do a little each, and that
// are as many as the board lets them be.
//
// Options: --threads N.

#include <array>
#include <bit>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <numeric>
#include <span>

#include "harness.hpp"
#include "rivals.hpp"

namespace {

using executor_type = concurrent::futures::thread_pool_executor<>;

constexpr std::size_t size = 11;
constexpr int solutions = 2680;

// Its first rows have a queen each.
class board {
public:
    [[nodiscard]] bool full() const noexcept { return rows_ == size; }

    // The columns of the next row that a queen of this board threatens, a bit for each. Without branches, as
    // those that can't be predicted would take most of the time.
    [[nodiscard]] unsigned threatened_columns() const noexcept {
        unsigned threatened = 0;
        for (std::size_t row = 0; row < rows_; ++row) {
            const unsigned column = 1U << columns_[row];
            const std::size_t distance = rows_ - row;
            threatened |= column | column << distance | column >> distance;
        }
        return threatened;
    }

    [[nodiscard]] board with(unsigned char column) const noexcept {
        board next = *this;
        next.columns_[rows_] = column;
        ++next.rows_;
        return next;
    }

private:
    std::array<unsigned char, size> columns_{};
    unsigned char rows_ = 0;
};

// Where the next queen may stand.
class free_columns {
public:
    explicit free_columns(const board& current) noexcept {
        for (unsigned rest = ~current.threatened_columns() & ((1U << size) - 1); rest != 0;
             rest &= rest - 1) {
            columns_[count_++] = static_cast<unsigned char>(std::countr_zero(rest));
        }
    }

    [[nodiscard]] std::span<const unsigned char> all() const noexcept {
        return std::span(columns_).first(count_);
    }

private:
    std::array<unsigned char, size> columns_{};
    std::size_t count_ = 0;
};

int count_boards(const board& current) {
    int count = 1;
    if (!current.full()) {
        const free_columns columns(current);
        for (const unsigned char column : columns.all()) {
            count += count_boards(current.with(column));
        }
    }
    return count;
}

// The board with each next queen but the last is a task.
int by_submits(executor_type& executor, const board& current) {
    if (current.full()) {
        return 1;
    }
    const free_columns free(current);
    const std::span<const unsigned char> columns = free.all();
    if (columns.empty()) {
        return 0;
    }
    std::array<concurrent::futures::Future<int>, size - 1> submitted;
    for (std::size_t i = 0; i + 1 < columns.size(); ++i) {
        submitted[i] = executor.submit(
            [&executor, next = current.with(columns[i])] { return by_submits(executor, next); });
    }
    int sum = by_submits(executor, current.with(columns.back()));
    for (std::size_t i = columns.size() - 1; i-- > 0;) {
        sum += submitted[i].result();
    }
    return sum;
}

int by_invoke(executor_type& executor, const board& current);

// A call of invoke has as many branches as were written down, so the columns are halved until there is one.
int by_invoke(executor_type& executor, const board& current, std::span<const unsigned char> columns) {
    if (columns.size() < 2) {
        return columns.empty() ? 0 : by_invoke(executor, current.with(columns.front()));
    }
    const std::size_t half = columns.size() / 2;
    const auto [first, second] =
        executor.invoke([&] { return by_invoke(executor, current, columns.first(half)); },
                        [&] { return by_invoke(executor, current, columns.subspan(half)); });
    return first + second;
}

int by_invoke(executor_type& executor, const board& current) {
    return current.full() ? 1 : by_invoke(executor, current, free_columns(current).all());
}

#if defined(BENCHMARKS_HAVE_TBB)
int by_task_group(const board& current) {
    if (current.full()) {
        return 1;
    }
    const free_columns free(current);
    const std::span<const unsigned char> columns = free.all();
    if (columns.empty()) {
        return 0;
    }
    std::array<int, size - 1> counts{};
    tbb::task_group group;
    for (std::size_t i = 0; i + 1 < columns.size(); ++i) {
        group.run([&count = counts[i], next = current.with(columns[i])] { count = by_task_group(next); });
    }
    const int last = by_task_group(current.with(columns.back()));
    group.wait();
    return std::accumulate(counts.begin(), counts.end(), last);
}

int by_parallel_invoke(const board& current);

int by_parallel_invoke(const board& current, std::span<const unsigned char> columns) {
    if (columns.size() < 2) {
        return columns.empty() ? 0 : by_parallel_invoke(current.with(columns.front()));
    }
    const std::size_t half = columns.size() / 2;
    int first = 0;
    int second = 0;
    tbb::parallel_invoke([&] { first = by_parallel_invoke(current, columns.first(half)); },
                         [&] { second = by_parallel_invoke(current, columns.subspan(half)); });
    return first + second;
}

int by_parallel_invoke(const board& current) {
    return current.full() ? 1 : by_parallel_invoke(current, free_columns(current).all());
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int threads = benchmarks::take_threads(argc, argv);
    const int boards = count_boards(board());
    const auto figure = [=](auto&& work) { return benchmarks::nanoseconds_until(solutions, work) / boards; };

    benchmarks::contest submits(benchmarks::with_threads("nqueens(11) by tasks that wait for tasks", threads),
                                "ns a board", argc, argv);
    const auto executor = benchmarks::kept_executor(threads);
    submits.add(benchmarks::ours::name, [=] {
        return figure(
            [&] { return executor->submit([&] { return by_submits(*executor, board()); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(submits, "oneTBB task_group", threads, 1.5,
                        [=] { return figure([] { return by_task_group(board()); }); });
#endif
    submits.add("one thread, no tasks", [=] {
        return benchmarks::nanoseconds_until(boards, [] { return count_boards(board()); }) / boards;
    });
    submits.run();

    benchmarks::contest forks(benchmarks::with_threads("nqueens(11) by invoke", threads), "ns a board", argc,
                              argv);
    forks.add("concurrent::futures invoke", [=] {
        return figure(
            [&] { return executor->submit([&] { return by_invoke(*executor, board()); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    benchmarks::add_tbb(forks, "oneTBB parallel_invoke", threads, 1.7,
                        [=] { return figure([] { return by_parallel_invoke(board()); }); });
#endif
    forks.run();
}
