// A bit of everything, to be compiled with other flags than the tests are.

#include <chrono>
#include <concurrent/futures.hpp>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
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
                   promises_work() && printing_works() && log_works()
               ? 0
               : 1;
}
