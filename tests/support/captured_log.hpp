// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

// What an exception says; what a std::exception isn't says "not a std::exception".
inline std::string what_of(const std::exception_ptr& exception) {
    if (!exception) {
        return "no exception";
    }
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& standard) {
        return standard.what();
    } catch (...) {
        return "not a std::exception";
    }
}

// Receives, in place of stderr, what goes to the log handler while this lives.
class captured_log {
public:
    captured_log()
        : replaced_(concurrent::futures::set_log_handler(
              [this](std::string_view message, std::exception_ptr exception) {
                  const std::lock_guard lock(mutex_);
                  lines_.push_back(std::string(message) + ": " + what_of(exception));
              })) {}

    captured_log(const captured_log&) = delete;
    captured_log& operator=(const captured_log&) = delete;

    ~captured_log() { concurrent::futures::set_log_handler(std::move(replaced_)); }

    std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    concurrent::futures::log_handler replaced_;
};

}  // namespace tests
