// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::current_exception
#include <memory>     // std::shared_ptr, std::make_shared
#include <utility>    // std::move

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call that an executor of any kind makes, or drops: then `when_dropped()` is called instead.
template <class Fn, class WhenDropped>
class submitted_call {
    // How far the submit has got. As long as it goes on, it may drop the call and throw why. It may also have
    // queued the call and throw nevertheless: then the call is not made any more.
    enum class phase { submitting, submitted, dropped, called, refused };

public:
    using passes_failures_on = void;  // see `detail::passes_failures_on`

    submitted_call(submitted_call&&) noexcept = default;
    submitted_call& operator=(submitted_call&&) = delete;
    // Acquire and release, here and below: one of `submit` and the others sees what the other did.
    ~submitted_call() {
        if (phase_ && phase_->exchange(phase::dropped, std::memory_order_acq_rel) == phase::submitted) {
            when_dropped_();
        }
    }

    void operator()() {
        const std::shared_ptr<sync::atomic<phase>> shared = std::move(phase_);
        if (shared->exchange(phase::called, std::memory_order_acq_rel) != phase::refused) {
            fn_();
        }
    }

    // Submits the call, and returns a handle on the future of it. If this throws, neither is called. If the
    // executor throws although it has called, that is logged, and the handle is empty.
    template <class Executor>
    [[nodiscard]] static shared_state_base::handle submit(Executor& executor, Fn fn,
                                                          WhenDropped when_dropped) {
        auto shared = std::make_shared<sync::atomic<phase>>(phase::submitting);
        shared_state_base::handle submitted;
        try {
            auto future = future_access::disregard(executor.submit(submitted_call(shared, fn, when_dropped)));
            if (future.valid()) {
                submitted = future_access::release(std::move(future));
            }
        } catch (...) {
            if (shared->exchange(phase::refused, std::memory_order_acq_rel) != phase::called) {
                throw;
            }
            log("an executor has run a task, and has thrown nevertheless", std::current_exception());
            return submitted;
        }
        if (shared->exchange(phase::submitted, std::memory_order_acq_rel) == phase::dropped) {
            when_dropped();
        }
        return submitted;
    }

private:
    submitted_call(std::shared_ptr<sync::atomic<phase>> shared, Fn fn, WhenDropped when_dropped) noexcept
        : phase_(std::move(shared)), fn_(std::move(fn)), when_dropped_(std::move(when_dropped)) {}

    std::shared_ptr<sync::atomic<phase>> phase_;  // null once it was called
    Fn fn_;
    WhenDropped when_dropped_;
};

// Submits a call of `fn()` to `executor`. See `submitted_call`.
template <class Executor, class Fn, class WhenDropped>
[[nodiscard]] shared_state_base::handle submit_call(Executor& executor, Fn fn, WhenDropped when_dropped) {
    return submitted_call<Fn, WhenDropped>::submit(executor, std::move(fn), std::move(when_dropped));
}

}}}  // namespace concurrent::futures::detail
