// Callbacks on a thread of your own
//
// A done callback runs on the thread that completes or cancels the task. If the task is done already, the
// callback runs at once, on the thread that adds it. A user interface or an event loop seldom wants it there.
// So let the callback only hand the future over to the loop, which does the rest on its own thread. A
// callback that blocks holds up its thread, and the callbacks after it.

#include <concurrent/futures.hpp>

#include <cassert>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>

namespace futures = concurrent::futures;

class event_loop {
public:
    // Any thread may call this.
    void post(std::function<void()> event) {
        {
            const std::lock_guard lock(mutex_);
            events_.push(std::move(event));
        }
        posted_.notify_one();
    }

    void run_one() {
        std::unique_lock lock(mutex_);
        posted_.wait(lock, [this] { return !events_.empty(); });
        auto event = std::move(events_.front());
        events_.pop();
        lock.unlock();
        event();
    }

private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::queue<std::function<void()>> events_;
};

int main() {
    event_loop loop;
    const auto this_thread = std::this_thread::get_id();
    int sum = 0;  // needs no lock: only the loop's thread uses it
    auto show = [&](const futures::Future<int>& future) {
        assert(std::this_thread::get_id() == this_thread);
        sum += future.result();
    };

    futures::thread_pool_executor executor(4);
    for (int number = 1; number <= 10; ++number) {
        executor.submit([number] { return number; })
            .add_done_callback(
                [&](const futures::Future<int>& future) { loop.post([&show, future] { show(future); }); });
    }
    for (int event = 0; event < 10; ++event)
        loop.run_one();
    assert(sum == 55);
}
