// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <utility>

namespace tests {

// Makes futures, and forgets their tasks.
class forgetful_executor : public concurrent::futures::executor_base<forgetful_executor> {
public:
    template <class Fn>
    auto submit(Fn fn) {
        return concurrent::futures::package(std::move(fn)).future;
    }
    void shutdown(concurrent::futures::shutdown_options = {}) {}
};

}  // namespace tests
