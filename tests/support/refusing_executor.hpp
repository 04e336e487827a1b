// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

namespace tests {

// Makes a task, and then throws, so that the task is dropped.
class refusing_executor : public concurrent::futures::executor_base<refusing_executor> {
public:
    template <class Fn>
    auto submit(Fn fn) {
        auto made = concurrent::futures::package(std::move(fn));
        if (made.task.valid()) {
            throw std::logic_error("refused");
        }
        return std::move(made.future);
    }
    void shutdown(concurrent::futures::shutdown_options = {}) {}
};

// Queues a task, or runs it at once, and throws nevertheless.
class throwing_executor : public concurrent::futures::executor_base<throwing_executor> {
public:
    explicit throwing_executor(bool runs_at_once) : runs_at_once_(runs_at_once) {}

    template <class Fn>
    auto submit(Fn fn) {
        auto made = concurrent::futures::package(std::move(fn));
        if (runs_at_once_) {
            made.task();
        } else {
            queued_.push_back(std::move(made.task));
        }
        if (!made.task.valid()) {
            throw std::logic_error("refused");
        }
        return std::move(made.future);
    }
    std::size_t run_all() {
        for (concurrent::futures::packaged_task& each : queued_) {
            each();
        }
        return queued_.size();
    }
    void shutdown(concurrent::futures::shutdown_options = {}) {}

private:
    const bool runs_at_once_;
    std::vector<concurrent::futures::packaged_task> queued_;
};

}  // namespace tests
