// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <utility>

namespace tests {

// Runs a task at once, on the thread that submits it: an executor of a dozen lines, as a user would write it.
class inline_executor : public concurrent::futures::executor_base<inline_executor> {
public:
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = concurrent::futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        task();
        return future;
    }
    void shutdown(concurrent::futures::shutdown_options = {}) {}
};

}  // namespace tests
