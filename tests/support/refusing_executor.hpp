// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <stdexcept>
#include <utility>

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

}  // namespace tests
