// SPDX-License-Identifier: MIT

#pragma once

#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange
#include <version>  // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_source, std::stop_token
#endif

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

#if defined(__cpp_lib_jthread)

// The stop source of a task.
class stoppable {
public:
    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }
    bool request_stop() noexcept { return source_.request_stop(); }

private:
    friend class running_stoppables;

    std::stop_source source_;
    // Guarded by the mutex of `running_stoppables`.
    stoppable* next_ = nullptr;
    stoppable* previous_ = nullptr;
    bool asked_ = false;
};

// The running tasks of a pool that can be asked to stop.
class running_stoppables {
public:
    // Requires: the task runs, and is added once. If all were asked to stop, asks this one too.
    void add(stoppable& added) noexcept {
        bool asked = false;
        {
            const std::lock_guard lock(mutex_);
            ask_each_ = ask_each;
            asked = all_asked_;
            added.asked_ = asked;
            added.next_ = std::exchange(first_, &added);
            if (added.next_) {
                added.next_->previous_ = &added;
            }
        }
        if (asked) {
            added.request_stop();
        }
    }

    void remove(stoppable& removed) noexcept {
        const std::lock_guard lock(mutex_);
        (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
        if (removed.next_) {
            removed.next_->previous_ = removed.previous_;
        }
    }

    // Asks all to stop, and each that is added from now on.
    void request_stop() noexcept {
        mutex_.lock();
        all_asked_ = true;
        void (*const ask)(running_stoppables&) noexcept = ask_each_;
        mutex_.unlock();
        if (ask) {
            ask(*this);
        }
    }

private:
    [[gnu::cold, gnu::noinline]] static void ask_each(running_stoppables& self) noexcept {
        for (;;) {
            std::stop_source next(std::nostopstate);
            {
                const std::lock_guard lock(self.mutex_);
                stoppable* each = self.first_;
                while (each && each->asked_) {
                    each = each->next_;
                }
                if (!each) {
                    return;
                }
                each->asked_ = true;
                next = each->source_;
            }
            // Requires: `mutex_` not held, as stop callbacks are user code. The task may have ended, so
            // `next` shares its stop state.
            next.request_stop();  // NOLINT(clang-analyzer-cplusplus.Move): copied, not moved from
        }
    }

    sync::mutex mutex_;
    // Guarded by `mutex_`. The function is null as long as no task was added: so a unit whose tasks take no
    // token doesn't compile it.
    void (*ask_each_)(running_stoppables&) noexcept = nullptr;
    stoppable* first_ = nullptr;
    bool all_asked_ = false;
};

#else

class running_stoppables {
public:
    void request_stop() noexcept {}
};

#endif

}}}  // namespace concurrent::futures::detail
