// SPDX-License-Identifier: MIT

#pragma once

#include <functional>   // std::invoke
#include <type_traits>  // std::decay_t, std::is_invocable_v, std::invoke_result_t
#include <utility>      // std::forward, std::move
#include <version>      // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

#include <concurrent/futures/algorithm/flatten.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/algorithm/reference_to.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/task/continuation.hpp>
#include <concurrent/futures/task/takes_stop_token.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class... Each>
struct argument_list {};

// What a continuation gets of a future's value. `moves` says that the future was an rvalue.
template <class T, bool moves>
struct value_arguments {
    using type = argument_list<std::conditional_t<moves, T&&, const T&>>;
};
template <class T, bool moves>
    requires std::is_reference_v<T>
struct value_arguments<T, moves> {
    using type = argument_list<T>;
};
template <class T, bool moves>
    requires std::is_void_v<T>
struct value_arguments<T, moves> {
    using type = argument_list<>;
};

// How `Fn` is called with `Arguments`.
template <class Fn, class Arguments>
struct continuation_call;
template <class Fn, class... Args>
struct continuation_call<Fn, argument_list<Args...>> {
    static constexpr bool takes_token = takes_stop_token<Fn, Args...>;
    static constexpr bool is_possible = takes_token || std::is_invocable_v<Fn, Args...>;
};

template <class Fn, class T, bool moves>
using call_with_value = continuation_call<Fn, typename value_arguments<T, moves>::type>;

// How `Fn` continues a `Future<T>`: with the value if that is possible, else with the future. Only then the
// latter is tried, as that may compile the body of a generic callable.
template <class Fn, class T, bool moves>
struct continuation_of : call_with_value<Fn, T, moves> {
    static constexpr bool sees_failures = false;
};
template <class Fn, class T, bool moves>
    requires(!call_with_value<Fn, T, moves>::is_possible)
struct continuation_of<Fn, T, moves> : continuation_call<Fn, argument_list<Future<T>>> {
    static constexpr bool sees_failures = true;
};

template <class Fn, class T, bool moves>
inline constexpr bool can_continue = continuation_of<Fn, T, moves>::is_possible;

// A callable and the future that it continues.
template <class Fn, class T, bool moves>
class continued {
public:
    static constexpr bool sees_failures = continuation_of<Fn, T, moves>::sees_failures;

    template <class OtherFn>
    continued(OtherFn&& fn, Future<T> parent) : fn_(std::forward<OtherFn>(fn)), parent_(std::move(parent)) {}

protected:
    // Requires: the parent is done.
    template <class... Token>
    decltype(auto) call(Token... token) {
        if constexpr (sees_failures) {
            return std::invoke(std::move(fn_), std::move(token)..., std::move(parent_));
        } else if constexpr (std::is_void_v<T>) {
            return std::invoke(std::move(fn_), std::move(token)...);
        } else if constexpr (std::is_reference_v<T>) {
            return std::invoke(std::move(fn_), std::move(token)..., state().result().get());
        } else if constexpr (moves) {
            return call_with_rvalue(std::move(token)...);
        } else {
            const T& value = state().result().get();
            return std::invoke(std::move(fn_), std::move(token)..., value);
        }
    }

private:
    template <class... Token>
    auto call_with_rvalue(Token... token) -> kept_result_t<std::invoke_result_t<Fn, Token..., T>> {
        using result = std::invoke_result_t<Fn, Token..., T>;
        T& value = state().result().get();
        if constexpr (is_copyable<T>) {
            if (!state().has_one_handle()) {
                const T& shared = value;
                if constexpr (std::is_invocable_v<Fn, Token..., const T&>) {
                    if constexpr (std::is_same_v<std::invoke_result_t<Fn, Token..., const T&>, result>) {
                        return std::invoke(std::move(fn_), std::move(token)..., shared);
                    }
                }
                return std::invoke(std::move(fn_), std::move(token)..., T(shared));
            }
        }
        return std::invoke(std::move(fn_), std::move(token)..., std::move(value));
    }

    [[nodiscard]] shared_state<T>& state() const { return future_access::state(parent_); }

    Fn fn_;
    Future<T> parent_;
};

// The same as a callable, for a task.
template <class Fn, class T, bool moves>
struct continued_call : continued<Fn, T, moves> {
    using continued<Fn, T, moves>::continued;
    decltype(auto) operator()() { return this->call(); }
};
#if defined(__cpp_lib_jthread)
template <class Fn, class T, bool moves>
struct stoppable_continued_call : continued<Fn, T, moves> {
    using continued<Fn, T, moves>::continued;
    decltype(auto) operator()(std::stop_token token) { return this->call(std::move(token)); }
};
#endif

template <class Fn, class T, bool moves, bool takes_token>
struct continued_call_for {
    using type = continued_call<Fn, T, moves>;
};
#if defined(__cpp_lib_jthread)
template <class Fn, class T, bool moves>
struct continued_call_for<Fn, T, moves, true> {
    using type = stoppable_continued_call<Fn, T, moves>;
};
#endif

// Makes continuations.
class continuing {
public:
    // As a task of the executor that ran `parent`.
    template <bool moves, class T, class Fn>
    [[nodiscard]] static auto then(Future<T> parent, Fn&& fn) {
        shared_state<T>& state = future_access::state(parent);
        continuation_origin origin{state, false, {}, {}, {}};
        if (queued_state* const task = state.as_task()) {
            if (task->has_owner()) {
                origin.owner = task->owner_identity();
                origin.kept_owner = task->keep_owner_of_another_library();
            } else {
                origin.own_executor = task->own_executor();
            }
        }
        return start<moves>(std::move(origin), std::move(parent), std::forward<Fn>(fn));
    }

    // As a task of `executor`.
    template <bool moves, class T, class Executor, class Fn>
    [[nodiscard]] static auto then_in(Future<T> parent, Executor& executor, Fn&& fn) {
        continuation_origin origin{future_access::state(parent), false, {}, {}, {}};
        if constexpr (requires { shared_pool<pool_base>(*executor.pool_); }) {
            origin.kept_owner = shared_pool<pool_base>(*executor.pool_);
            origin.owner = pool_identity(origin.kept_owner.get());
        } else {
            origin.own_executor = reference_to(executor);
        }
        return start<moves>(std::move(origin), std::move(parent), std::forward<Fn>(fn));
    }

private:
    template <class Fn, class T, bool moves>
    using call_of =
        typename continued_call_for<Fn, T, moves, continuation_of<Fn, T, moves>::takes_token>::type;

    // Does what `flatten` does. If that throws, destroys the task `unstarted`, whose future is `outer`.
    template <class T>
    [[nodiscard]] static Future<T> flatten_unstarted(Future<Future<T>> outer, shared_state_base& unstarted) {
        const shared_state_base::handle kept(unstarted);
        try {
            return flatten(std::move(outer));
        } catch (...) {
            unstarted.note_not_queued();
            throw;
        }
    }

    template <bool moves, class T, class Fn>
    [[nodiscard]] static auto start(continuation_origin&& origin, Future<T> parent, Fn&& fn) {
        using call = call_of<std::decay_t<Fn>, T, moves>;
        using result = typename task_result<call>::type;
        throw_if_inherited(origin.parent);
        origin.sees_failures = call::sees_failures;
        // The task destroys itself when the last handle goes.
        continuation_state<result>& made = *new task_of<continuation_state<result>, call>(
            std::move(origin), call(std::forward<Fn>(fn), std::move(parent)));
        Future<result> future = future_access::adopt<result>(made);
        if constexpr (is_future<result>) {
            // Before the start: if there is no memory, the task doesn't run.
            auto flattened = flatten_unstarted(std::move(future), made);
            made.start();
            return flattened;
        } else {
            made.start();
            return future;
        }
    }
};

}  // namespace detail

template <class T>
template <class Fn>
auto Future<T>::then(Fn&& fn) const& {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, false>,
                  "then(fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, false>) {
        static_cast<void>(this->checked());
        return detail::continuing::then<false>(Future(*this), std::forward<Fn>(fn));
    }
}

template <class T>
template <class Fn>
auto Future<T>::then(Fn&& fn) && {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, true>,
                  "then(fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, true>) {
        static_cast<void>(checked());
        return detail::continuing::then<true>(std::move(*this), std::forward<Fn>(fn));
    }
}

template <class T>
template <class Executor, class Fn>
auto Future<T>::then(Executor& executor, Fn&& fn) const& {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, false>,
                  "then(executor, fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, false>) {
        static_cast<void>(this->checked());
        return detail::continuing::then_in<false>(Future(*this), executor, std::forward<Fn>(fn));
    }
}

template <class T>
template <class Executor, class Fn>
auto Future<T>::then(Executor& executor, Fn&& fn) && {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, true>,
                  "then(executor, fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, true>) {
        static_cast<void>(checked());
        return detail::continuing::then_in<true>(std::move(*this), executor, std::forward<Fn>(fn));
    }
}

}}  // namespace concurrent::futures
