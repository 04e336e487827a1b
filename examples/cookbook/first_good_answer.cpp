// The first good answer wins
//
// Several servers are asked at once. `as_completed` gives the answers as they come; one that failed is passed
// over, the first good one is taken, and the others are no longer waited for. Tasks that look at a stop token
// or have timeouts of their own end soon after; until then the executor's scope waits for them. (What a loser
// throws that nobody looks at goes to the log handler.)

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
}
