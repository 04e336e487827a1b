// One at a time, in order
//
// Two tasks that use the same account, file or connection must often not run at once. A strand is a queue on
// top of a shared pool. Its tasks run one after the other; tasks of different strands run at the same time.
// No thread waits for its turn.
//
// **Warning:** `post` returns no future. So nobody can wait for a task of the strand, and the task must not
// throw: an exception would stop the strand. The library will get a `limited_executor` later, which gives
// futures.

#include <concurrent/futures.hpp>

#include <cassert>
#include <functional>
#include <mutex>
#include <queue>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

// A strand must outlive its tasks, so declare it before the executor. Tasks must not throw.
class strand {
public:
    void post(futures::thread_pool_executor<>& executor, std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        tasks_.push(std::move(task));
        if (!std::exchange(active_, true))
            executor.submit([this] { run_all(); });
    }

private:
    void run_all() {
        std::unique_lock lock(mutex_);
        while (!tasks_.empty()) {
            auto task = std::move(tasks_.front());
            tasks_.pop();
            lock.unlock();
            task();
            lock.lock();
        }
        active_ = false;
    }

    std::mutex mutex_;
    std::queue<std::function<void()>> tasks_;
    bool active_ = false;
};

int main() {
    std::vector<int> first_log, second_log;  // need no lock: only one strand uses each
    strand first, second;
    {
        futures::thread_pool_executor executor(4);
        for (int number = 0; number < 100; ++number) {
            first.post(executor, [&first_log, number] { first_log.push_back(number); });
            second.post(executor, [&second_log, number] { second_log.push_back(-number); });
        }
    }
    assert(first_log.size() == 100 && second_log.size() == 100);
    for (int number = 0; number < 100; ++number) {
        assert(first_log[static_cast<std::size_t>(number)] == number);
        assert(second_log[static_cast<std::size_t>(number)] == -number);
    }
}
