// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <vector>

namespace tests {

// Tasks that keep `count` workers of an executor busy until they are released. Once it is constructed, they
// run.
class busy_workers {
public:
    explicit busy_workers(concurrent::futures::executor auto& executor, int count = 1) : arrivals_(count) {
        tasks_.reserve(static_cast<std::size_t>(count));
        for (int index = 0; index < count; ++index) {
            tasks_.push_back(executor.submit([this] {
                arrivals_.count_down();
                released_.wait();
            }));
        }
        arrivals_.wait();
    }

    busy_workers(const busy_workers&) = delete;
    busy_workers& operator=(const busy_workers&) = delete;

    ~busy_workers() { release(); }

    // Returns once the tasks are done.
    void release() {
        if (!released_.try_wait()) {
            released_.count_down();
        }
        for (const auto& task : tasks_) {
            task.wait();
        }
    }

    const concurrent::futures::Future<void>& task(std::size_t index = 0) const { return tasks_[index]; }

private:
    std::latch arrivals_;
    std::latch released_{1};
    std::vector<concurrent::futures::Future<void>> tasks_;
};

}  // namespace tests
