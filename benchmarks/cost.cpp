// SPDX-License-Identifier: MIT

// Does one kind of work so many times, on one thread as far as it counts. `cost.py` has callgrind count the
// instructions. Built with the headers in counting/, this prints how many atomic read-modify-writes the
// threads have made.

#include <concurrent/futures.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <latch>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "cost.hpp"

namespace futures = concurrent::futures;

namespace {

using costs::executor_type;
using costs::in_a_task;

// The sum of all threads, as far as their tasks have noted it.
long noted = 0;

void note() {
#if defined(BENCHMARKS_COUNT_READ_MODIFY_WRITES)
    noted += std::exchange(futures::detail::sync::read_modify_writes, 0);
#endif
}

}  // namespace

void costs::in_a_task(const std::function<void(executor_type&)>& work) {
    executor_type executor(1);
    executor
        .submit([&] {
            work(executor);
            note();
        })
        .result();
}

namespace {

// All tasks are submitted before the worker begins with the first, and have ended before the first result is
// taken.
void submit_and_get(int times) {
    executor_type executor(1);
    std::latch submitted(1);
    executor.submit([&] { submitted.wait(); });
    std::vector<futures::Future<int>> all;
    all.reserve(static_cast<std::size_t>(times));
    for (int i = 0; i < times; ++i) {
        all.push_back(executor.submit([i] { return i; }));
    }
    auto last = executor.submit(note);
    submitted.count_down();
    executor.shutdown();
    for (auto& each : all) {
        each.result();
    }
    all.clear();
    note();
}

void spawn_and_join(int times) {
    in_a_task([times](executor_type& executor) {
        for (int i = 0; i < times; ++i) {
            executor.submit([i] { return i; }).result();
        }
    });
}

void invoke(int times) {
    in_a_task([times](executor_type& executor) {
        long sum = 0;
        for (int i = 0; i < times; ++i) {
            const auto [a, b] = executor.invoke([i] { return i; }, [i] { return i; });
            sum += a + b;
        }
        static_cast<void>(sum);
    });
}

void for_each(int times) {
    in_a_task([times](executor_type& executor) {
        std::vector<int> numbers(static_cast<std::size_t>(times));
        executor.for_each([](int& number) { ++number; }, numbers);
    });
}

void map(int times) {
    in_a_task([times](executor_type& executor) {
        std::vector<int> numbers(static_cast<std::size_t>(times));
        long sum = 0;
        for (const int each : executor.map(
                 {.auto_chunksize = true}, [](int number) { return number + 1; }, std::ref(numbers))) {
            sum += each;
        }
        static_cast<void>(sum);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string, void (*)(int)> works = {{"submit_and_get", submit_and_get},
                                                        {"spawn_and_join", spawn_and_join},
                                                        {"then_and_get", costs::then_and_get},
                                                        {"gather_and_get", costs::gather_and_get},
                                                        {"invoke", invoke},
                                                        {"for_each", for_each},
                                                        {"map", map}};
    if (argc != 3 || !works.contains(argv[1])) {
        std::cerr << "usage: " << argv[0] << " WORK TIMES\n";
        return 2;
    }
    works.at(argv[1])(std::atoi(argv[2]));
    std::cout << noted << '\n';
}
