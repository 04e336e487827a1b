// The first good answer wins
//
// The program asks several servers at once. `as_completed` gives the answers as they come. The loop passes
// over those that failed, takes the first good one, and waits for no other. A task that looks at a stop
// token, or has a timeout of its own, ends soon after that; until then the executor's scope waits for it. If
// another task throws later, nobody looks at its exception, so the log handler gets it.
//
// A task of the same pool may do this too. It leaves the others to free workers. If no other worker is free,
// it runs one of them itself, and has to wait until that one ends, even if it is slow. So give the pool a
// worker for each server, and one for the task.

#include <concurrent/futures.hpp>

#include <cassert>
#include <exception>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

template <class T>
std::optional<T> first_good(const std::vector<futures::Future<T>>& tasks) {
    std::optional<T> answer;
    for (auto future : futures::as_completed(tasks)) {
        if (!future.exception()) {
            answer = future.result();
            break;
        }
    }
    for (const auto& task : tasks)
        task.request_stop();
    return answer;
}

int main() {
    std::latch answered{1};
    auto down = []() -> std::string { throw std::runtime_error("connection refused"); };
    auto fast = []() -> std::string { return "fast"; };
    auto slow = [&answered]() -> std::string {
        answered.wait();
        return "slow";
    };

    futures::thread_pool_executor executor(3);
    std::vector<futures::Future<std::string>> mirrors{executor.submit(down), executor.submit(slow),
                                                      executor.submit(fast)};
    const auto answer = first_good(mirrors);
    answered.count_down();
    assert(answer == "fast");

    std::vector<futures::Future<std::string>> none{executor.submit(down)};
    assert(first_good(none) == std::nullopt);

    // A task may ask too. This pool has no other worker, so the task runs the others itself, in their order.
    futures::thread_pool_executor small(1);
    bool asked_in_vain = false;
    auto spare = [&asked_in_vain]() -> std::string {
        asked_in_vain = true;
        return "spare";
    };
    auto asking = small.submit([&] {
        std::vector<futures::Future<std::string>> servers{small.submit(down), small.submit(fast),
                                                          small.submit(spare)};
        return first_good(servers);
    });
    assert(asking.result() == "fast");
    assert(!asked_in_vain);  // request_stop() has cancelled it
}
