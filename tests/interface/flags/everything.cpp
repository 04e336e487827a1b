// SPDX-License-Identifier: MIT

// A bit of everything, to be compiled with other flags than the tests are.

#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <future>
#include <latch>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

namespace {

int doubled(int x) {
    if (x == 3) {
        throw std::invalid_argument("Bad value");
    }
    return x * 2;
}

template <class Queue>
bool works() {
    futures::thread_pool_executor<Queue> executor({.max_workers = 2, .initializer = [] {}});
    std::vector<futures::Future<int>> items;
    for (int i = 0; i < 5; ++i) {
        items.push_back(executor.submit({.priority = i}, doubled, i));
    }
    int sum = 0;
    int failed = 0;
    for (auto future : futures::as_completed(items, std::chrono::minutes(1))) {
        try {
            sum += future.result();
        } catch (const std::invalid_argument&) {
            ++failed;
        }
    }
    for (const int each : executor.map({.buffersize = 2}, doubled, std::vector{1, 2})) {
        sum += each;
    }
    for (const int each : executor.map({.chunksize = 2}, doubled, std::vector{1, 2})) {
        sum += each;
    }
    auto nested = executor.submit([&executor] { return executor.submit(doubled, 1).result(); });
    std::string text = executor.submit([] { return std::string("moved"); }).result();
    int referred = 0;
    executor.submit([&referred]() -> int& { return referred; }).result() = 4;
    executor.submit([] {}).get();
    const auto all = futures::wait(items, {.return_when = futures::return_when::first_exception});
    return failed == 1 && sum == 2 * (0 + 1 + 2 + 4) + 6 + 6 && nested.result() == 2 && text == "moved" &&
           referred == 4 && !all.done.empty();
}

template <class Queue>
bool waiting_works() {
    futures::thread_pool_executor<Queue> executor(1);
    std::latch started(1);
    std::latch go(1);
    const auto running = executor.submit([&] {
        started.count_down();
        go.wait();
    });
    started.wait();
    std::vector<futures::Future<int>> many;
    for (int i = 0; i < 300; ++i) {
        many.push_back(executor.submit({.priority = -i}, doubled, 0));
    }
    int cancelled = 0;
    for (std::size_t i = 0; i < many.size(); i += 2) {
        cancelled += many[i].cancel() ? 1 : 0;
    }
    for (int i = 0; i < 300; ++i) {
        many.push_back(executor.submit({.priority = i}, doubled, 0));  // the queue is swept meanwhile
    }
    bool timed_out = false;
    try {
        running.result(std::chrono::microseconds(1));
    } catch (const futures::timeout_error&) {
        timed_out = true;
    }
    const auto first = futures::wait(
        many, {.timeout = std::chrono::hours(1), .return_when = futures::return_when::first_completed});
    const auto none = futures::wait({running}, {.timeout = std::chrono::nanoseconds(-1)});
    const bool waits = executor.pending_count() == 450 && executor.worker_count() == 1;
    go.count_down();
    const auto all = futures::wait(many);
    const auto later = std::chrono::system_clock::now() + std::chrono::hours(1);
    const bool ready = many.back().wait_until(later) == std::future_status::ready &&
                       many.back().wait_for(std::chrono::years(1000)) == std::future_status::ready;
    auto refused = executor.submit([] {});
    refused.request_stop();
    executor.shutdown({.cancel_futures = true});
    return timed_out && cancelled == 150 && waits && !first.done.empty() && none.done.empty() &&
           all.not_done.empty() && ready && refused.done();
}

bool loops_work() {
    futures::thread_pool_executor executor(3);
    long sum = 0;
    for (const int each : executor.map(
             {.timeout = std::chrono::minutes(1), .auto_chunksize = true}, [](int x) { return x; },
             std::views::iota(0, 1000))) {
        sum += each;
    }
    for (const long each :
         executor.map([](int x, long y) { return x * y; }, std::vector{1, 2, 3}, std::views::iota(1L))) {
        sum += each;
    }
    std::vector<futures::Future<int>> trees;
    for (int i = 0; i < 20; ++i) {
        trees.push_back(executor.submit([&executor] {
            auto left = executor.submit([] { return 1; });
            auto right = executor.submit([] { return 2; });
            return left.result() + right.result();
        }));
    }
    for (auto tree : futures::as_completed(trees)) {
        sum += tree.result();
    }
    std::unordered_map<futures::Future<int>, long> by_future;
    by_future.emplace(executor.submit([] { return 4; }), 5);
    for (auto future : futures::as_completed(by_future)) {
        sum += future.result() * by_future.at(future);
    }
    const auto [one, two] = executor.invoke([] { return 1; }, [] { return 2L; });
    std::vector<int> all{1, 2, 3};
    executor.for_each([](int& each) { ++each; }, all);
    executor.for_each(
        {.chunksize = 2}, [](int& each) { ++each; }, all);
    sum += executor.reduce(all, one + two, [](long x, long y) { return x + y; });
    return sum == 999 * 500 + 14 + 60 + 20 + 15;
}

bool promises_work() {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    int told = 0;
    future.add_done_callback([&told](const futures::Future<int>& done) { told = done.result(); });
    promise.set_result(5);
    bool broken = false;
    try {
        std::exchange(promise, {}).set_running_or_notify_cancel();
    } catch (const futures::error&) {
        broken = true;
    }
    return told == 5 && broken;
}

bool composition_works() {
    futures::thread_pool_executor executor(1);
    futures::thread_pool_executor<futures::priority> other(1);
    const auto number = executor.submit([] { return 1; });
    const auto nothing = number.then(other, [](int) {});
    const auto seen = number.then([](const futures::Future<int>& done) { return done.result(); });
    const auto unwrapped = executor.submit([] { return std::string("text"); }).then([&](std::string text) {
        return other.submit([kept = std::move(text)] { return kept.size(); });
    });
    const auto all = futures::gather(nothing, seen, unwrapped);
    const auto many = futures::gather(std::vector{number, seen});
    const auto none = futures::gather(std::vector{nothing});
    none.wait();
    return std::get<1>(all.result()) == 1 && std::get<2>(all.result()) == 4 && many.result().size() == 2 &&
           executor.submit([&] { return number.then([](int x) { return x; }).result(); }).result() == 1;
}

bool any_works() {
    futures::thread_pool_executor executor(1);
    const futures::Future<int> number = executor.submit(doubled, 2);
    const futures::Future<std::string> text = executor.submit([] { return std::string("hello"); });
    const auto waited = futures::wait({number, text}, {.timeout = std::chrono::minutes(1)});
    std::size_t sum = 0;
    for (const futures::any_future& future : futures::as_completed({number, text})) {
        sum += future == text ? future.get<std::string>().result().size() : 1;
    }
    bool refused = false;
    try {
        static_cast<void>(futures::any_future(text).get<int>());
    } catch (const std::bad_cast&) {
        refused = true;
    }
    futures::completion_queue<int> queue;
    queue.add(number);
    for (auto&& future : queue) {
        sum += static_cast<std::size_t>(future.result());
    }
    futures::task_group group(executor);
    std::vector<futures::Future<int>> grouped;
    for (int i = 0; i < 4; ++i) {
        grouped.push_back(group.submit(doubled, i));
    }
    bool failed = false;
    try {
        group.wait(std::chrono::minutes(1));
    } catch (const std::invalid_argument&) {
        failed = true;
    }
    group.cancel();
    group.wait();
    return failed && grouped.front().result() == 0 && waited.done.size() == 2 && sum == 10 && refused &&
           queue.empty();
}

bool printing_works() {
    futures::Promise<std::string> promise;
    promise.set_exception(std::make_exception_ptr(std::invalid_argument("Bad value")));
    promise.get_future().exception();
    std::ostringstream stream;
    stream << promise.get_future().state() << ' ' << promise.get_future();
    return stream.str().starts_with("finished <Future at 0x") && stream.str().ends_with("invalid_argument>");
}

bool log_works() {
    std::string logged;
    futures::set_log_handler(
        [&logged](std::string_view message, const std::exception_ptr&) { logged = message; });
    futures::thread_pool_executor(1).submit([] { throw std::runtime_error("lost"); });
    futures::set_log_handler(nullptr);
    return !logged.empty();
}

}  // namespace

int main() {
    return works<futures::fifo>() && works<futures::lifo>() && works<futures::priority>() &&
                   waiting_works<futures::fifo>() && waiting_works<futures::lifo>() &&
                   waiting_works<futures::priority>() && loops_work() && promises_work() &&
                   composition_works() && any_works() && printing_works() && log_works()
               ? 0
               : 1;
}
