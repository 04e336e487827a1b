// Retry with backoff
//
// `retry` calls a function again if it fails with an error that may pass, after a pause that doubles each
// time. It is a coroutine, which always goes on as a task of its first parameter, and its future has only the
// last outcome. The pauses are tasks of another pool, whose threads do nothing but sleep, so a pause holds
// none of the workers: one worker may retry many requests, and even wait for them in a task.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

namespace futures = concurrent::futures;

template <class Fn>
futures::Future<std::invoke_result_t<Fn&>> retry(futures::thread_pool_executor<>&,
                                                 futures::thread_pool_executor<>& sleepers, int attempts,
                                                 std::chrono::milliseconds pause, Fn fn) {
    for (;; pause *= 2) {
        try {
            co_return fn();
        } catch (const std::runtime_error&) {  // may pass; anything else leaves at once
            if (--attempts == 0)
                throw;
        }
        co_await sleepers.submit([pause] { std::this_thread::sleep_for(pause); });
    }
}

int main() {
    using namespace std::chrono_literals;
    int calls = 0;
    auto flaky = [&calls]() -> std::string {
        if (++calls < 3)
            throw std::runtime_error("try again");
        return "answer";
    };
    auto hopeless = []() -> std::string { throw std::runtime_error("no route to host"); };

    futures::thread_pool_executor sleepers(8);
    futures::thread_pool_executor executor(1);
    auto waits = executor.submit([&] {
        auto answer = retry(executor, sleepers, 5, 1ms, flaky);
        auto failure = retry(executor, sleepers, 2, 1ms, hopeless);
        return answer.result() == "answer" && failure.exception() != nullptr;
    });
    assert(waits.result());
    assert(calls == 3);
}
