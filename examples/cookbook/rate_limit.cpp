// Rate limit
//
// This class limits how many requests start in a second, however many workers there are. Each request takes
// the next free moment under a lock, and sleeps until then without the lock. To limit how many run at once,
// `max_workers` is enough.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <mutex>
#include <ranges>
#include <thread>
#include <vector>

namespace futures = concurrent::futures;

class rate_limit {
public:
    using clock = std::chrono::steady_clock;

    explicit rate_limit(clock::duration interval) : interval_(interval) {}

    // Waits until it is the caller's turn.
    void wait() {
        std::unique_lock lock(mutex_);
        const auto turn = std::max(next_, clock::now());
        next_ = turn + interval_;
        lock.unlock();
        std::this_thread::sleep_until(turn);
    }

private:
    const clock::duration interval_;
    std::mutex mutex_;
    clock::time_point next_{};
};

int main() {
    using namespace std::chrono_literals;
    rate_limit limit(1ms);
    auto request = [&limit](int) {
        limit.wait();
        return rate_limit::clock::now();
    };

    const auto start = rate_limit::clock::now();
    futures::thread_pool_executor executor(8);
    std::vector<rate_limit::clock::time_point> sent;
    for (auto when : executor.map(request, std::views::iota(0, 20)))
        sent.push_back(when);

    std::ranges::sort(sent);
    for (int number = 0; const auto& when : sent)
        assert(when >= start + number++ * 1ms);
}
