// SPDX-License-Identifier: MIT

// In how many ways 11 queens can be put on a board without a threat: tasks that do a little each, and that
// are as many as the board lets them be.
//
// Options: --threads N.

#include <array>
#include <concurrent/futures.hpp>
#include <cstddef>
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

    [[nodiscard]] bool allows(std::size_t column) const noexcept {
        for (std::size_t row = 0; row < rows_; ++row) {
            const std::size_t distance = rows_ - row;
            if (columns_[row] == column || columns_[row] + distance == column ||
                columns_[row] == column + distance) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] board with(std::size_t column) const noexcept {
        board next = *this;
        next.columns_[rows_] = static_cast<unsigned char>(column);
        ++next.rows_;
        return next;
    }

private:
    std::array<unsigned char, size> columns_{};
    unsigned char rows_ = 0;
};

// The boards that have one queen more.
class next_boards {
public:
    explicit next_boards(const board& current) noexcept {
        for (std::size_t column = 0; column < size; ++column) {
            if (current.allows(column)) {
                boards_[count_++] = current.with(column);
            }
        }
    }

    [[nodiscard]] std::span<const board> all() const noexcept { return std::span(boards_).first(count_); }

private:
    std::array<board, size> boards_;
    std::size_t count_ = 0;
};

int count_boards(const board& current) {
    int count = 1;
    if (!current.full()) {
        const next_boards next(current);
        for (const board& each : next.all()) {
            count += count_boards(each);
        }
    }
    return count;
}

// Each next board but the last is a task.
int by_submits(executor_type& executor, const board& current) {
    if (current.full()) {
        return 1;
    }
    const next_boards next(current);
    const std::span<const board> boards = next.all();
    if (boards.empty()) {
        return 0;
    }
    std::array<concurrent::futures::Future<int>, size - 1> submitted;
    for (std::size_t i = 0; i + 1 < boards.size(); ++i) {
        submitted[i] = executor.submit([&executor, each = boards[i]] { return by_submits(executor, each); });
    }
    int sum = by_submits(executor, boards.back());
    for (std::size_t i = boards.size() - 1; i-- > 0;) {
        sum += submitted[i].result();
    }
    return sum;
}

int by_invoke(executor_type& executor, const board& current);

// A call has as many branches as were written down, so the boards are halved until there is one.
int by_invoke(executor_type& executor, std::span<const board> boards) {
    if (boards.size() < 2) {
        return boards.empty() ? 0 : by_invoke(executor, boards.front());
    }
    const std::size_t half = boards.size() / 2;
    const auto [first, second] =
        executor.invoke([&executor, boards, half] { return by_invoke(executor, boards.first(half)); },
                        [&executor, boards, half] { return by_invoke(executor, boards.subspan(half)); });
    return first + second;
}

int by_invoke(executor_type& executor, const board& current) {
    return current.full() ? 1 : by_invoke(executor, next_boards(current).all());
}

#if defined(BENCHMARKS_HAVE_TBB)
int by_task_group(const board& current) {
    if (current.full()) {
        return 1;
    }
    const next_boards next(current);
    const std::span<const board> boards = next.all();
    if (boards.empty()) {
        return 0;
    }
    std::array<int, size> counts{};
    tbb::task_group group;
    for (std::size_t i = 0; i + 1 < boards.size(); ++i) {
        group.run([&count = counts[i], each = boards[i]] { count = by_task_group(each); });
    }
    int sum = by_task_group(boards.back());
    group.wait();
    for (std::size_t i = 0; i + 1 < boards.size(); ++i) {
        sum += counts[i];
    }
    return sum;
}

int by_parallel_invoke(const board& current);

int by_parallel_invoke(std::span<const board> boards) {
    if (boards.size() < 2) {
        return boards.empty() ? 0 : by_parallel_invoke(boards.front());
    }
    const std::size_t half = boards.size() / 2;
    int first = 0;
    int second = 0;
    tbb::parallel_invoke([&first, boards, half] { first = by_parallel_invoke(boards.first(half)); },
                         [&second, boards, half] { second = by_parallel_invoke(boards.subspan(half)); });
    return first + second;
}

int by_parallel_invoke(const board& current) {
    return current.full() ? 1 : by_parallel_invoke(next_boards(current).all());
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int threads = benchmarks::take_threads(argc, argv);
    const int boards = count_boards(board());
    const auto figure = [=](auto&& work) { return benchmarks::nanoseconds_until(solutions, work) / boards; };

    benchmarks::contest submits(benchmarks::with_threads("nqueens(11) by tasks that wait for tasks", threads),
                                "ns a board", argc, argv);
    submits.add(benchmarks::ours::name, [=] {
        executor_type executor(threads);
        return figure(
            [&] { return executor.submit([&] { return by_submits(executor, board()); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    submits.add(
        "oneTBB task_group",
        [=] {
            const benchmarks::tbb_limit limit(threads);
            return figure([] { return by_task_group(board()); });
        },
        benchmarks::at_least(1.5));
#endif
    submits.add("one thread, no tasks", [=] {
        return benchmarks::nanoseconds_until(boards, [] { return count_boards(board()); }) / boards;
    });
    submits.run();

    benchmarks::contest forks(benchmarks::with_threads("nqueens(11) by invoke", threads), "ns a board", argc,
                              argv);
    forks.add("concurrent::futures invoke", [=] {
        executor_type executor(threads);
        return figure([&] { return executor.submit([&] { return by_invoke(executor, board()); }).result(); });
    });
#if defined(BENCHMARKS_HAVE_TBB)
    forks.add(
        "oneTBB parallel_invoke",
        [=] {
            const benchmarks::tbb_limit limit(threads);
            return figure([] { return by_parallel_invoke(board()); });
        },
        benchmarks::at_least(1.7));
#endif
    forks.run();
}
