// SPDX-License-Identifier: MIT

#pragma once

#include <cstdio>       // std::fprintf
#include <exception>    // std::exception, std::exception_ptr
#include <functional>   // std::function
#include <memory>       // std::shared_ptr
#include <mutex>        // std::mutex
#include <string_view>  // std::string_view
#include <utility>      // std::move

#include <concurrent/futures/platform/platform.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// What is called with everything that would otherwise be lost: an exception that nobody retrieved, one that
/// a done callback threw.
///
/// \code
/// const futures::log_handler silence = [](std::string_view, std::exception_ptr) {};
/// futures::set_log_handler(silence);
/// executor.submit([] { throw std::runtime_error("nobody asks"); }).wait();
/// executor.shutdown();
/// futures::set_log_handler(nullptr);
/// \endcode
using log_handler = std::function<void(std::string_view message, std::exception_ptr exception)>;

namespace detail {

class log_registry {
public:
    // Never destroyed: a future with static storage duration may report its exception after every other
    // static is gone. One for all shared libraries.
    [[gnu::visibility("default")]] static log_registry& instance() {
        static log_registry& registry = *new log_registry;
        return registry;
    }

    // Null: the default.
    [[nodiscard]] std::shared_ptr<const log_handler> handler() {
        const std::lock_guard lock(mutex_);
        return handler_;
    }

    // False, without a change, if `expected` is not the handler any more.
    [[nodiscard]] bool exchange_handler(const std::shared_ptr<const log_handler>& expected,
                                        std::shared_ptr<const log_handler>& replacement) {
        const std::lock_guard lock(mutex_);
        const bool exchanges = handler_ == expected;
        if (exchanges) {
            handler_.swap(replacement);  // the one before is given up by the caller, without the lock
        }
        return exchanges;
    }

private:
    log_registry() {
        // Of all threads that might hold it, the child of a fork has only the one that forks.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] { instance().mutex_.unlock(); });
    }

    std::mutex mutex_;
    std::shared_ptr<const log_handler> handler_;
};

// A single call of fprintf: one line, which no other thread's output can tear.
inline void log_to_stderr(std::string_view message, const std::exception_ptr& exception) noexcept {
    const auto print = [&](const char* what) {
        std::fprintf(stderr, "concurrent::futures: %.*s: %s\n", static_cast<int>(message.size()),
                     message.data(), what);
    };
    try {
        if (exception) {
            std::rethrow_exception(exception);
        }
        print("no exception");
    } catch (const std::exception& standard) {
        print(standard.what());
    } catch (...) {
        print("an exception that is not a std::exception");
    }
}

inline void log(std::string_view message, const std::exception_ptr& exception) noexcept {
    try {
        if (const auto handler = log_registry::instance().handler()) {
            (*handler)(message, exception);
            return;
        }
    } catch (...) {
        log_to_stderr("the log handler threw", std::current_exception());
    }
    log_to_stderr(message, exception);
}

}  // namespace detail

/// Replaces what is called with exceptions that would otherwise be lost, and returns the handler before it.
///
/// The default (and what an empty `handler` restores; it is returned as an empty one) writes one line to
/// stderr. The handler is called on whatever thread found the loss, several at once too, and must not throw:
/// if it does, that and the message it was given go to stderr. Thread-safe; a call of the old handler may
/// still be under way.
///
/// \throws std::bad_alloc, and what copying a handler throws; then nothing is replaced
///
/// \code
/// std::atomic<int> lost = 0;
/// futures::set_log_handler([&lost](std::string_view, std::exception_ptr) { ++lost; });
/// executor.submit([] { throw std::runtime_error("nobody asks"); });
/// executor.shutdown();
/// futures::set_log_handler(nullptr);
/// assert(lost == 1);
/// \endcode
inline log_handler set_log_handler(log_handler handler) {
    std::shared_ptr<const log_handler> replacement;
    if (handler) {
        replacement = std::make_shared<const log_handler>(std::move(handler));
    }
    // The copy that is returned comes first, as it may fail.
    for (;;) {
        const std::shared_ptr<const log_handler> before = detail::log_registry::instance().handler();
        log_handler result = before ? *before : log_handler();
        if (detail::log_registry::instance().exchange_handler(before, replacement)) {
            return result;
        }
    }
}

}}  // namespace concurrent::futures
