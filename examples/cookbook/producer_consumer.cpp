// Producer and consumers
//
// In most cases the executor is the queue: submit each item as soon as it is produced. Some consumers must
// live long, because each has a state of its own. Let those take their items from a queue that can be closed.
// Each holds its worker all the while, so the pool needs a worker for each.

#include <concurrent/futures.hpp>

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

template <class T>
class channel {
public:
    void push(T item) {
        {
            const std::lock_guard lock(mutex_);
            items_.push(std::move(item));
        }
        changed_.notify_one();
    }

    // Says that no more items will come.
    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        changed_.notify_all();
    }

    // Waits for an item. Returns none once the channel is closed and empty.
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
        if (items_.empty())
            return std::nullopt;
        T item = std::move(items_.front());
        items_.pop();
        return item;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::queue<T> items_;
    bool closed_ = false;
};

int main() {
    channel<int> numbers;
    auto consume = [&numbers] {
        int sum = 0;
        while (auto number = numbers.pop())
            sum += *number;
        return sum;
    };

    futures::thread_pool_executor executor(3);
    std::vector<futures::Future<int>> consumers;
    for (int number = 0; number < 3; ++number)
        consumers.push_back(executor.submit(consume));
    for (int number = 1; number <= 1000; ++number)
        numbers.push(number);
    numbers.close();

    int sum = 0;
    for (const auto& consumer : consumers)
        sum += consumer.result();
    assert(sum == 500'500);
}
