// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::constructible_from
#include <exception>    // std::current_exception
#include <functional>   // std::invoke
#include <memory>       // std::addressof, std::construct_at, std::destroy_at
#include <tuple>        // std::tuple, std::apply
#include <type_traits>  // std::invoke_result_t, std::is_invocable_v, std::decay_t
#include <utility>      // std::forward, std::move
#include <version>      // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

#include <concurrent/futures/pool/stoppable.hpp>
#include <concurrent/futures/task/queued_state.hpp>
#include <concurrent/futures/task/takes_stop_token.hpp>
#include <concurrent/futures/task/value_pack.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A task keeps its result as this type. An rvalue reference may refer to something that ends with the task,
// such as a member of an argument, so the task keeps the value itself.
template <class Result>
using kept_result_t =
    std::conditional_t<std::is_rvalue_reference_v<Result>, std::remove_cvref_t<Result>, Result>;

template <class... Each>
concept can_be_kept = (std::constructible_from<std::decay_t<Each>, Each> && ...);

template <class Fn, class... Args>
concept submittable = std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...> ||
                      takes_stop_token<std::decay_t<Fn>, std::decay_t<Args>...>;

template <class Fn, class... Args>
struct task_result {
    using type = kept_result_t<std::invoke_result_t<Fn, Args...>>;
};
#if defined(__cpp_lib_jthread)
template <class Fn, class... Args>
    requires takes_stop_token<Fn, Args...>
struct task_result<Fn, Args...> {
    using type = kept_result_t<std::invoke_result_t<Fn, std::stop_token, Args...>>;
};
#endif

// A task that can't be told to stop has this in place of a stop source.
struct no_stop_source {
    static constexpr bool request_stop() noexcept { return false; }
};

template <bool takes_one>
struct stop_source_for {
    using type = no_stop_source;
};
#if defined(__cpp_lib_jthread)
template <>
struct stop_source_for<true> {
    using type = stoppable;
};
#endif

// Says whether a callable passes every failure on by itself, so that its task's own future needn't tell of
// it.
template <class Fn>
concept passes_failures_on = requires { typename Fn::passes_failures_on; };

// Says whether a result of type `T` may refer to the captures, as what `&user::name` returns of a copied user
// does. Then the captures are destroyed with the result.
template <class T>
inline constexpr bool refers_to_captures = std::is_lvalue_reference_v<T>;

// A `task_of` holds a callable with its arguments, calls it once, and holds the result. `Base` is a
// `task_state`, or derives from one.
template <class Base, class Fn, class... Args>
class task_of final : public Base {
    using result_type = typename task_result<Fn, Args...>::type;
    using base = Base;

public:
    // `owner` is null if no pool has the task; it is for the base.
    template <class Owner, class OtherFn, class... OtherArgs>
    explicit task_of(Owner&& owner, OtherFn&& fn, OtherArgs&&... args)
        : base(std::forward<Owner>(owner)),
          captures_(std::in_place, std::forward<OtherFn>(fn), std::forward<OtherArgs>(args)...) {
        if constexpr (passes_failures_on<Fn>) {
            this->mark_exception_as_looked_at();
        }
    }

    bool signal_stop() noexcept override {
        return this->state() == future_state::running && stop_source_.request_stop();
    }

    // What passes its failures on goes on with something that began elsewhere.
    [[nodiscard]] bool submitter_may_wait() noexcept override {
        return !passes_failures_on<Fn> && base::submitter_may_wait();
    }

private:
    using stop_source = typename stop_source_for<takes_stop_token<Fn, Args...>>::type;

    ~task_of() override {
        if (this->is_waiting()) {  // the task could not be queued
            discard_captures();
        } else if constexpr (refers_to_captures<result_type>) {
            if (this->has_result()) {
                discard_captures();
            }
        }
    }

    void call() noexcept override {
        try {
            this->result().emplace_from([this]() -> result_type {
                return captures_.pass_to(
                    [this](Fn& fn, Args&... args) -> result_type { return call(fn, args...); });
            });
            if constexpr (refers_to_captures<result_type>) {
                return;
            }
        } catch (...) {
            this->set_exception(std::current_exception());
        }
        discard_captures();
    }

    result_type call(Fn& fn, Args&... args) {
#if defined(__cpp_lib_jthread)
        if constexpr (std::is_same_v<stop_source, stoppable>) {
            const listed_stoppable listed(this->owner(), stop_source_);
            return std::invoke(std::move(fn), stop_source_.token(), std::move(args)...);
        } else
#endif
        {
            return std::invoke(std::move(fn), std::move(args)...);
        }
    }

    void discard_captures() noexcept override { std::destroy_at(std::addressof(captures_)); }

    void discard_result() noexcept override {
        base::discard_result();
        if constexpr (refers_to_captures<result_type>) {
            discard_captures();
        }
    }

    void dispose() noexcept override {
        if constexpr (refers_to_captures<result_type>) {
            this->dispose_at_any_depth();
        } else {
            base::dispose();
        }
    }

    // Declared before the captures: if its constructor threw, nothing would destroy them.
    [[no_unique_address]] stop_source stop_source_;
    union {
        value_pack<Fn, Args...> captures_;  // until run or cancelled, or until the result is gone
    };
};

template <class Fn, class... Args>
using task = task_of<task_state<typename task_result<Fn, Args...>::type>, Fn, Args...>;

}}}  // namespace concurrent::futures::detail
