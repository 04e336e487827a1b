// SPDX-License-Identifier: MIT

#pragma once

#include <memory>   // std::shared_ptr, std::make_shared
#include <utility>  // std::move

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call that an executor of any kind makes, or drops: then `when_dropped()` is called instead.
template <class Fn, class WhenDropped>
class submitted_call {
    // How far the submit has got. As long as it goes on, it may drop the call and throw why.
    enum class phase { submitting, submitted, dropped };

public:
    using passes_failures_on = void;  // see `detail::passes_failures_on`

    submitted_call(submitted_call&&) noexcept = default;
    submitted_call& operator=(submitted_call&&) = delete;
    // Acquire and release: pairs with that of `submit`, so one of both sees the other's.
    ~submitted_call() {
        if (phase_ && phase_->exchange(phase::dropped, std::memory_order_acq_rel) == phase::submitted) {
            when_dropped_();
        }
    }

    void operator()() {
        phase_.reset();
        fn_();
    }

    // Submits the call, and returns the future of it. If this throws, neither is called.
    template <class Executor>
    [[nodiscard]] static auto submit(Executor& executor, Fn fn, WhenDropped when_dropped) {
        auto shared = std::make_shared<sync::atomic<phase>>(phase::submitting);
        auto future = executor.submit(submitted_call(shared, fn, when_dropped));
        if (shared->exchange(phase::submitted, std::memory_order_acq_rel) == phase::dropped) {
            when_dropped();
        }
        return future;
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
[[nodiscard]] auto submit_call(Executor& executor, Fn fn, WhenDropped when_dropped) {
    return submitted_call<Fn, WhenDropped>::submit(executor, std::move(fn), std::move(when_dropped));
}

}}}  // namespace concurrent::futures::detail
