// SPDX-License-Identifier: MIT

#pragma once

#include <new>          // std::nothrow
#include <type_traits>  // std::is_nothrow_invocable_v
#include <utility>      // std::move, std::exchange

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Calls of users' code that may lead to the next such call: a done callback that completes another future, a
// result whose destructor gives up the last handle on another, a capture that cancels another task. Up to a
// depth they run on top of each other, so that each has returned when what led to it goes on. What is deeper
// waits in a list that the outermost call of the thread works off. So a chain of any length needs a bounded
// part of the stack.
class trampoline {
public:
    // Calls `fn()` now, or, if this thread is too deep in such calls, later. `fn` must bear both, and so owns
    // what it uses.
    template <class Fn>
    static void call(Fn fn) noexcept {
        static_assert(std::is_nothrow_invocable_v<Fn&>);
        constexpr int deepest = 32;
        if (depth_ >= deepest) {
            // Null if there is no memory to remember it: then it is called at once, however deep. The
            // constructor, which moves from `fn`, is not called then.
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

    // Calls now what waits to be called on this thread: whoever blocks might wait for the outcome.
    static void run_postponed() noexcept {
        while (postponed* const next = first_) {
            first_ = next->next;
            if (!first_) {
                last_ = nullptr;
            }
            ++depth_;
            next->run();
            --depth_;
            delete next;
        }
    }

private:
    struct postponed {
        postponed() = default;
        postponed(const postponed&) = delete;
        postponed& operator=(const postponed&) = delete;
        virtual ~postponed() = default;
        virtual void run() noexcept = 0;

        postponed* next = nullptr;
    };

    template <class Fn>
    struct postponed_call final : postponed {
        explicit postponed_call(Fn&& its_fn) noexcept : fn(std::move(its_fn)) {}
        void run() noexcept override { fn(); }

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

}}}  // namespace concurrent::futures::detail
