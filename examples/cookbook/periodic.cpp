// Periodic tasks
//
// A pool runs what it is given; a clock decides when. One thread waits for the next tick and submits a task.
// It skips a tick if the last task is not done. The destructor wakes this thread at once.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>
#include <utility>

namespace futures = concurrent::futures;

class ticker {
public:
    ticker(futures::executor auto& executor, std::chrono::milliseconds interval, std::function<void()> fn)
        : thread_([this, &executor, interval, fn = std::move(fn)] {
              futures::Future<void> latest;
              for (auto next = std::chrono::steady_clock::now(); !stopped_before(next); next += interval) {
                  if (!latest.valid() || latest.done())
                      latest = executor.submit(fn);
              }
          }) {}

    ~ticker() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        woken_.notify_one();
        thread_.join();
    }

    ticker(const ticker&) = delete;
    ticker& operator=(const ticker&) = delete;

private:
    bool stopped_before(std::chrono::steady_clock::time_point when) {
        std::unique_lock lock(mutex_);
        return woken_.wait_until(lock, when, [this] { return stopped_; });
    }

    std::mutex mutex_;
    std::condition_variable woken_;
    bool stopped_ = false;
    std::thread thread_;  // last, so started last: it uses the others
};

int main() {
    using namespace std::chrono_literals;
    int ticks = 0;  // needs no lock: one tick at a time
    std::latch third_tick{1};
    {
        futures::thread_pool_executor executor(2);
        ticker clock(executor, 1ms, [&] {
            if (++ticks == 3)
                third_tick.count_down();
        });
        third_tick.wait();
    }  // first the ticker stops, then the executor
    assert(ticks >= 3);
}
