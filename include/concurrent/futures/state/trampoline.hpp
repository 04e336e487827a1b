// SPDX-License-Identifier: MIT

#pragma once

#include <new>          // std::nothrow
#include <type_traits>  // std::is_nothrow_invocable_v
#include <utility>      // std::move, std::exchange

#include <concurrent/futures/platform/definitions.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `trampoline` makes calls of user code that may lead to the next such call: a done callback completes
// another future, a result's destructor gives up the last handle on another, a capture cancels another task.
// Up to a depth, the calls run on top of each other, so each returns before its cause goes on. Deeper calls
// are postponed, and the outermost call of the thread runs them. So a chain of any length needs a bounded
// part of the stack.
class trampoline {
public:
    // Calls `fn()` now, or later if this thread is too deep in such calls. So `fn` must own what it uses.
    template <class Fn>
    static void call(Fn fn) noexcept {
        static_assert(std::is_nothrow_invocable_v<Fn&>);
        constexpr int deepest = 32;
        if (depth_ >= deepest) {
            // Null if there is no memory to postpone the call: then call at once, however deep. The
            // constructor, which moves from `fn`, has not run then.
            if (postponed* const later = new (std::nothrow) postponed_call<Fn>(std::move(fn))) {
                postpone(*later);
                return;
            }
        }
        ++depth_;
        fn();  // NOLINT(clang-analyzer-cplusplus.Move,bugprone-use-after-move): not moved from, see above
        --depth_;
        if (depth_ == 0) {
            run_postponed();
        }
    }

    // Runs this thread's postponed calls. A thread that is about to block might wait for one of them.
    static void run_postponed() noexcept {
        if (first_) {
            run_all_postponed();
        }
    }

private:
    static void run_all_postponed() noexcept;

    // No virtual functions: each `Fn` would have its own description of the type in every unit.
    struct postponed {
        void (*run)(postponed& self) noexcept;  // makes the call, and destroys `self`
        postponed* next = nullptr;
    };

    template <class Fn>
    struct postponed_call : postponed {
        explicit postponed_call(Fn&& its_fn) noexcept : postponed{run_and_delete}, fn(std::move(its_fn)) {}

        static void run_and_delete(postponed& self) noexcept {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): the constructor has seen to it
            auto* const call = static_cast<postponed_call*>(&self);
            call->fn();
            delete call;
        }

        Fn fn;
    };

    static void postpone(postponed& added) noexcept {
        (last_ ? last_->next : first_) = &added;
        last_ = &added;
    }

    static constinit inline thread_local int depth_ = 0;
    static constinit inline thread_local postponed* first_ = nullptr;
    static constinit inline thread_local postponed* last_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void trampoline::run_all_postponed() noexcept {
    while (postponed* const next = first_) {
        first_ = next->next;
        if (!first_) {
            last_ = nullptr;
        }
        ++depth_;
        next->run(*next);
        --depth_;
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
