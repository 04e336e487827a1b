// Tasks that wait for tasks, on a pool of one thread: in most pools a deadlock. Here a worker that waits for
// a task that has not started runs it itself.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <iostream>
#include <ranges>
#include <vector>

namespace futures = concurrent::futures;

namespace {

// Two tasks a call, which wait for each other's results in turn.
int fibonacci(futures::executor auto& executor, int n) {
    if (n < 2)
        return n;
    auto first = executor.submit([&executor, n] { return fibonacci(executor, n - 1); });
    auto second = executor.submit([&executor, n] { return fibonacci(executor, n - 2); });
    return first.result() + second.result();
}

// A task for each row, which maps over the columns and waits for them.
int sum_of_products(futures::thread_pool_executor<>& executor, int rows, int columns) {
    auto sum_of_row = [&executor, columns](int row) {
        int sum = 0;
        for (int product :
             executor.map([row](int column) { return row * column; }, std::views::iota(0, columns)))
            sum += product;
        return sum;
    };
    int sum = 0;
    for (int row : executor.map(sum_of_row, std::views::iota(0, rows)))
        sum += row;
    return sum;
}

// as_completed inside a task.
int largest_square(futures::thread_pool_executor<>& executor, int count) {
    auto task = [&executor, count] {
        std::vector<futures::Future<int>> squares;
        for (int i = 0; i < count; ++i)
            squares.push_back(executor.submit([i] { return i * i; }));
        int largest = 0;
        for (auto future : futures::as_completed(squares))
            largest = std::max(largest, future.result());
        return largest;
    };
    return executor.submit(task).result();
}

}  // namespace

int main() {
    futures::thread_pool_executor executor(1);
    auto outermost = executor.submit([&executor] { return fibonacci(executor, 15); });
    std::cout << "fibonacci(15) = " << outermost.result() << '\n'
              << "sum of products = " << sum_of_products(executor, 10, 10) << '\n'
              << "largest square = " << largest_square(executor, 10) << '\n'
              << "threads: " << executor.worker_count() << '\n';
}
