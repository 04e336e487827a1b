// The first good answer wins
//
// The program asks several servers at once. `as_completed` gives the answers as they come. The loop passes
// over those that failed, takes the first good one, and asks the others to stop. A question that looks at a
// stop token, or has a timeout of its own, ends soon after that; until then its executor's scope waits for
// it. If another question fails later, nobody looks at its exception, so the log handler gets it.
//
// A task of the same pool may do this too. It leaves the questions to other workers, and asks one itself only
// if no other worker is free. On a pool of one worker it asks them one after the other, up to the first good
// answer.

#include <concurrent/futures.hpp>

#include <cassert>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

template <class T>
std::optional<T> first_good(const std::vector<futures::Future<T>>& questions) {
    for (auto future : futures::as_completed(questions)) {
        if (!future.exception()) {
            for (const auto& question : questions)
                question.request_stop();
            return future.result();
        }
    }
    return std::nullopt;
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
    assert(first_good<std::string>({executor.submit(down), executor.submit(slow), executor.submit(fast)}) ==
           "fast");
    answered.count_down();
    assert(first_good<std::string>({executor.submit(down)}) == std::nullopt);

    futures::thread_pool_executor small(1);
    auto spare = []() -> std::string { return "spare"; };
    auto in_task = small.submit([&] {
        std::vector<futures::Future<std::string>> questions{small.submit(down), small.submit(fast),
                                                            small.submit(spare)};
        return first_good(questions) == "fast" && questions[2].cancelled();
    });
    assert(in_task.result());
}
