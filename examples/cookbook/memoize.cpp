// The same work only once
//
// A future can be copied, and many threads can wait for it. So this cache holds futures, not values. The
// first call starts the work. Every other call gets the same future, even while the work goes on. A failure
// stays in the cache too.

#include <concurrent/futures.hpp>

#include <atomic>
#include <cassert>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

class cache {
public:
    using loader = std::function<std::string(const std::string&)>;

    cache(futures::thread_pool_executor<>& executor, loader load)
        : executor_(executor), load_(std::move(load)) {}

    futures::Future<std::string> look_up(const std::string& name) {
        const std::lock_guard lock(mutex_);
        auto& future = known_[name];
        if (!future.valid())
            future = executor_.submit(load_, name);
        return future;
    }

private:
    futures::thread_pool_executor<>& executor_;
    const loader load_;
    std::mutex mutex_;
    std::unordered_map<std::string, futures::Future<std::string>> known_;
};

int main() {
    std::atomic<int> loads = 0;
    auto load = [&loads](const std::string& name) {
        ++loads;
        return "contents of " + name;
    };

    futures::thread_pool_executor executor(4);
    cache files(executor, load);
    std::vector<futures::Future<std::string>> answers;
    for (int round = 0; round < 100; ++round)
        answers.push_back(files.look_up(round % 2 == 0 ? "even" : "odd"));

    assert(answers[98].result() == "contents of even");
    assert(answers[99].result() == "contents of odd");
    assert(answers[98] == answers[0]);  // the same future
    assert(loads == 2);
}
