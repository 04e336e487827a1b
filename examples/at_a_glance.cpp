#include <concurrent/futures.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace futures = concurrent::futures;

int main() {
    futures::thread_pool_executor executor(1);  // one thread is enough for all of this
    auto page = executor.submit([&executor] {
        auto text = executor.submit([] { return std::string("text"); });
        auto advert = executor.submit([] { return std::string("advert"); });
        advert.cancel();                      // still queued, so it never runs
        return "page with " + text.result();  // a task waits for a task: no deadlock
    });
    auto broken = executor.submit([]() -> std::string { throw std::runtime_error("no such host"); });
    for (auto future : futures::as_completed({page, broken})) {  // whichever is done next
        try {
            std::cout << future.result() << '\n';
        } catch (const std::exception& error) {
            std::cout << "failed: " << error.what() << '\n';
        }
    }
    executor.submit([] { throw std::runtime_error("disk full"); });  // nobody asks for the result
}  // waits for all tasks, and ends the thread
