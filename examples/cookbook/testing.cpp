// Test code that uses an executor
//
// You can test code that takes `executor auto&` without threads. An executor of your own needs a `submit`
// and a `shutdown`; `package` makes what it queues. This one keeps the tasks until the test runs them, one by
// one. So the test decides what happens in which order. An executor that runs each task inside `submit` would
// be simpler still.
//
// Run a task before you ask for its result: nobody else would run it, so `result()` would wait for ever.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <deque>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

class manual_executor : public futures::executor_base<manual_executor> {
public:
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        if (shut_down_)
            throw futures::executor_shutdown("cannot schedule new futures after shutdown");
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        tasks_.push_back(std::move(task));
        return future;
    }

    void shutdown(futures::shutdown_options options = {}) {
        shut_down_ = true;
        if (options.cancel_futures)
            tasks_.clear();  // the futures fail with broken_promise_error
        while (!tasks_.empty())
            run_one();
    }

    void run_one() {
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
    }

    std::size_t waiting() const { return tasks_.size(); }

private:
    std::deque<futures::packaged_task> tasks_;
    bool shut_down_ = false;
};
static_assert(futures::executor<manual_executor>);

// The code to be tested.
class uploader {
public:
    void add(futures::executor auto& executor, const std::string& name) {
        uploads_.push_back(executor.submit([name] {
            if (name.empty())
                throw std::invalid_argument("a file without a name");
        }));
    }

    std::string status() const {
        int done = 0, failed = 0;
        for (const auto& upload : uploads_) {
            if (upload.done())
                ++(upload.exception() ? failed : done);
        }
        return std::to_string(done) + " done, " + std::to_string(failed) + " failed";
    }

private:
    std::vector<futures::Future<void>> uploads_;
};

int main() {
    manual_executor executor;
    uploader uploads;
    uploads.add(executor, "a");
    uploads.add(executor, "");
    assert(executor.waiting() == 2);
    assert(uploads.status() == "0 done, 0 failed");
    executor.run_one();
    assert(uploads.status() == "1 done, 0 failed");
    executor.shutdown();
    assert(uploads.status() == "1 done, 1 failed");
}
