// SPDX-License-Identifier: MIT

// A program that has the library by `import` alone, and uses each name of it.

#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

import concurrent.futures;

namespace futures = concurrent::futures;

namespace {

int failures = 0;

void check(bool holds, std::string_view what) {
    if (!holds) {
        std::cout << "it doesn't hold that " << what << '\n';
        ++failures;
    }
}

template <class Error, class Call>
bool throws(Call call) {
    try {
        call();
        return false;
    } catch (const Error&) {
        return true;
    }
}

int twice(int x) {
    return 2 * x;
}

template <futures::executor Executor>
void check_submit(Executor& executor) {
    check(executor.submit(twice, 21).result() == 42, "a task runs");
}

static_assert(futures::queue_discipline<futures::fifo>);
static_assert(futures::queue_discipline<futures::lifo>);
static_assert(futures::queue_discipline<futures::priority>);
static_assert(futures::future_type<futures::Future<int>>);
static_assert(futures::future_range<std::vector<futures::Future<int>>>);
static_assert(futures::future_map<std::unordered_map<futures::Future<int>, int>>);
static_assert(futures::version >= futures::version_number{0, 1, 0});
static_assert(std::is_base_of_v<futures::error, futures::cancelled_error>);

void check_executors() {
    futures::thread_pool_executor executor(2);
    check_submit(executor);

    futures::thread_pool_options options;
    options.max_workers = futures::usable_cpus();
    options.thread_name_prefix = "named";
    futures::thread_pool_executor<futures::priority> named(options);
    futures::submit_options first;
    first.priority = 3;
    check(named.submit(first, [] { return futures::this_thread_name(); }).result() == "named_0",
          "a thread has its name");

    futures::shutdown_options at_once;
    at_once.cancel_futures = true;
    executor.shutdown(at_once);
    check(throws<futures::executor_shutdown>([&] { executor.submit(twice, 1); }),
          "what is shut down runs no more");

    options.initializer = [] { throw 1; };
    futures::thread_pool_executor<futures::lifo> broken(options);
    const auto failed = [&] { broken.submit(twice, 1).result(); };
    check(throws<futures::broken_thread_pool>(failed), "a pool breaks");
    check(throws<futures::broken_executor>(failed), "a broken pool is a broken executor");
}

void check_futures() {
    futures::Promise<int> promise;
    const futures::Future<int> future = promise.get_future();
    check(future.state() == futures::future_state::pending, "a future pends");
    check(throws<futures::timeout_error>([&] { future.result(futures::timeout(std::chrono::seconds(0))); }),
          "a timeout passes");
    check(throws<futures::invalid_state_error>([] { futures::Future<int>().result(); }),
          "an empty handle throws");
    promise.set_result(1);
    check(future == promise.get_future(), "handles on one state are equal");
    std::ostringstream stream;
    stream << future.state() << ' ' << future;
    check(stream.str().find("finished <Future at 0x") == 0, "futures are written");

    futures::Promise<int> cancelled;
    cancelled.get_future().cancel();
    check(throws<futures::cancelled_error>([&] { cancelled.get_future().result(); }),
          "a future is cancelled");

    futures::Future<int> orphan;
    {
        futures::Promise<int> broken;
        orphan = broken.get_future();
    }
    check(throws<futures::broken_promise_error>([&] { orphan.result(); }), "a promise is broken");

    int lost = 0;
    const futures::log_handler before =
        futures::set_log_handler([&](std::string_view, std::exception_ptr) { ++lost; });
    {
        futures::Promise<int> unseen;
        unseen.set_exception(std::make_exception_ptr(std::runtime_error("unseen")));
    }
    futures::set_log_handler(before);
    check(lost == 1, "a lost exception is logged");
}

void check_algorithms() {
    futures::thread_pool_executor executor(2);
    std::unordered_map<futures::Future<int>, int> items;  // by std::hash
    for (int i = 0; i < 5; ++i) {
        items.emplace(executor.submit(twice, i), i);
    }
    int seen = 0;
    futures::as_completed_range<int> range = futures::as_completed(items);
    for (auto future : range) {
        check(future.result() == 2 * items.at(future), "results come with their items");
        ++seen;
    }
    check(seen == 5, "each comes once");

    futures::wait_options all;
    all.return_when = futures::return_when::all_completed;
    const futures::wait_result<int> result = futures::wait(items, all);
    check(result.done.size() == 5 && result.not_done.empty(), "all are done");

    futures::map_options by_two;
    by_two.chunksize = 2;
    int sum = 0;
    for (const int doubled : executor.map(by_two, twice, std::vector<int>{1, 2, 3})) {
        sum += doubled;
    }
    check(sum == 12, "map maps");
}

void check_groups() {
    futures::thread_pool_executor executor(2);
    const futures::Future<int> number = executor.submit(twice, 21);
    const futures::any_future any = number;
    std::unordered_map<futures::any_future, int> values{{any, 42}};  // by std::hash
    check(values.at(number) == any.get<int>().result(), "an any_future gives its future back");
    check(futures::wait({number, executor.submit([] {})}).done.size() == 2, "all kinds are waited for");

    futures::completion_queue<int> queue;
    queue.add(number);
    check(queue.next() == number && queue.empty(), "a queue gives what was added");

    futures::task_group group(executor);
    const futures::Future<int> task = group.submit(twice, 1);
    group.wait();
    check(task.done(), "a group waits");
}

}  // namespace

int main() {
    check_executors();
    check_futures();
    check_algorithms();
    check_groups();
    return failures == 0 ? 0 : 1;
}
