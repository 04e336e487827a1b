// Retry with backoff
//
// `retry` calls a function again if it fails with an error that may pass, after a pause that doubles each
// time. The loop is inside the task, so the future has only the last outcome. A pause keeps a worker: give
// the pool as many workers as requests may be under way or pausing at once.

#include <concurrent/futures.hpp>

#include <atomic>
#include <cassert>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace futures = concurrent::futures;

template <class Fn>
auto retry(int attempts, std::chrono::milliseconds pause, Fn fn) {
    for (;;) {
        try {
            return fn();
        } catch (const std::runtime_error&) {  // may pass; anything else leaves at once
            if (--attempts == 0)
                throw;
        }
        std::this_thread::sleep_for(pause);
        pause *= 2;
    }
}

int main() {
    using namespace std::chrono_literals;
    std::atomic<int> calls = 0;
    auto flaky = [&calls]() -> std::string {
        if (++calls < 3)
            throw std::runtime_error("try again");
        return "answer";
    };
    auto hopeless = []() -> std::string { throw std::runtime_error("no route to host"); };

    futures::thread_pool_executor executor(4);
    auto answer = executor.submit([flaky] { return retry(5, 1ms, flaky); });
    auto failure = executor.submit([hopeless] { return retry(2, 1ms, hopeless); });

    assert(answer.result() == "answer");
    assert(calls == 3);
    assert(failure.exception() != nullptr);
}
