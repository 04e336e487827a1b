// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdio>       // std::fprintf
#include <exception>    // std::exception, std::exception_ptr
#include <functional>   // std::function
#include <mutex>        // std::mutex
#include <string_view>  // std::string_view
#include <utility>      // std::move, std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/no_destructor.hpp>
#include <concurrent/futures/platform/platform.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// A log handler is called with exceptions that would otherwise be lost: nobody retrieved them, or a done
/// callback threw them.
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
    // The registry is never destroyed: a future with static storage duration may report its exception after
    // all other statics are gone. All shared libraries share one registry.
    [[gnu::visibility("default"), gnu::noinline]] static log_registry& instance() noexcept {
        static no_destructor<log_registry> registry;
        return registry.get();
    }

    // A handler that was set. It counts its references: one is the registry's. Every unit compiles this code,
    // and `std::shared_ptr` takes more.
    struct kept_handler {
        const log_handler fn;
        std::size_t references = 1;  // guarded by `mutex_`
    };

    // A reference to a handler, or null, which stands for the default handler.
    class reference {
    public:
        // Takes over a reference.
        explicit reference(kept_handler* kept) noexcept : kept_(kept) {}
        reference(const reference&) = delete;
        reference& operator=(const reference&) = delete;
        ~reference();

        [[nodiscard]] explicit operator bool() const noexcept { return kept_ != nullptr; }
        [[nodiscard]] const log_handler& fn() const noexcept { return kept_->fn; }

    private:
        friend class log_registry;

        kept_handler* kept_;
    };

    // Returns the handler in use.
    [[nodiscard]] reference handler();

    // Changes nothing and returns false if `expected` is no longer the handler. Else `replacement` becomes
    // the old handler, which its owner destroys without the lock.
    [[nodiscard]] bool exchange_handler(const reference& expected, reference& replacement);

private:
    friend class no_destructor<log_registry>;

    [[nodiscard, gnu::cold]] bool is_last(kept_handler& kept);

    [[gnu::cold]] log_registry() noexcept {
        // A thread that holds `mutex_` at a fork doesn't exist in the child. So the forking thread holds
        // `mutex_` itself.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] { instance().mutex_.unlock(); });
    }

    std::mutex mutex_;
    kept_handler* handler_ = nullptr;  // guarded by `mutex_`
};

// One call of `fprintf` writes the whole line, so no other thread's output can tear it.
[[gnu::cold]] void log_to_stderr(std::string_view message, const std::exception_ptr& exception) noexcept;

// Has the handler log an exception that would otherwise be lost.
[[gnu::cold]] void log(std::string_view message, const std::exception_ptr& exception) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION log_registry::reference::~reference() {
    if (kept_ && instance().is_last(*kept_)) {
        delete kept_;
    }
}

CONCURRENT_FUTURES_FUNCTION log_registry::reference log_registry::handler() {
    const std::lock_guard lock(mutex_);
    if (handler_) {
        ++handler_->references;
    }
    return reference(handler_);
}

CONCURRENT_FUTURES_FUNCTION bool log_registry::exchange_handler(const reference& expected,
                                                                reference& replacement) {
    const std::lock_guard lock(mutex_);
    const bool exchanges = handler_ == expected.kept_;
    if (exchanges) {
        replacement.kept_ = std::exchange(handler_, replacement.kept_);
    }
    return exchanges;
}

CONCURRENT_FUTURES_FUNCTION bool log_registry::is_last(kept_handler& kept) {
    const std::lock_guard lock(mutex_);
    return --kept.references == 0;
}

CONCURRENT_FUTURES_FUNCTION void log_to_stderr(std::string_view message,
                                               const std::exception_ptr& exception) noexcept {
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

CONCURRENT_FUTURES_FUNCTION void log(std::string_view message, const std::exception_ptr& exception) noexcept {
    try {
        if (const log_registry::reference handler = log_registry::instance().handler()) {
            handler.fn()(message, exception);
            return;
        }
    } catch (...) {
        log_to_stderr("the log handler threw", std::current_exception());
    }
    log_to_stderr(message, exception);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Replaces the handler of exceptions that would otherwise be lost, and returns the previous handler.
///
/// The default handler writes one line to stderr. An empty `handler` restores the default; an empty return
/// value stands for the default. Several threads may call the handler at once, each where it found the loss.
/// The handler must not throw: if it does, its exception and the message go to stderr. Thread-safe; a call of
/// the old handler may still be running when this returns.
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
    using registry = detail::log_registry;
    registry::reference replacement(handler ? new registry::kept_handler{std::move(handler)} : nullptr);
    // Copy first, as copying may throw.
    for (;;) {
        const registry::reference before = registry::instance().handler();
        log_handler result = before ? before.fn() : log_handler();
        if (registry::instance().exchange_handler(before, replacement)) {
            return result;
        }
    }
}

}}  // namespace concurrent::futures
