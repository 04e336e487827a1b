// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <tuple>        // std::tuple, std::get, std::forward_as_tuple
#include <type_traits>  // std::is_invocable_v
#include <utility>      // std::index_sequence, std::forward

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/task/branch.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A branch that an executor of any kind runs as a task.
template <class Fn>
class submitted_branch : public call_result<Fn> {
public:
    explicit submitted_branch(std::remove_reference_t<Fn>& fn) noexcept : call_result<Fn>(fn) {}

    template <class Executor>
    void start(Executor& executor) {
        task_ = executor.submit([this]() noexcept {
            this->call();
            called_ = true;
        });
    }

    // If nobody has begun the task, this thread makes the call. The executor may also have thrown the task
    // away.
    void join() {
        if (task_.valid() && !task_.cancel()) {
            static_cast<void>(task_.exception());  // waits; an exception says that it was thrown away
        }
        if (!called_) {
            this->call();
        }
    }

private:
    Future<void> task_;
    bool called_ = false;  // read when the task is done
};

// Starts the branches, makes the last call on this thread, and joins the branches. `Branching` is how they
// are run: a `pool_branching`, or a `submit_branching`.
template <class Branching, class Calls, std::size_t... index>
auto invoke_branches(const Branching& branching, Calls calls, std::index_sequence<index...>) {
    constexpr std::size_t count = sizeof...(index);
    [[maybe_unused]] std::tuple<
        typename Branching::template branch_for<std::tuple_element_t<index, Calls>>...>
    branches(std::get<index>(calls)...);
    call_result<std::tuple_element_t<count, Calls>> last(std::get<count>(calls));
    if constexpr (count == 0) {
        branching.throw_if_refusing();
    }
    // If the first is refused, nothing has run. If another is refused, as the pool was closed meanwhile, it
    // is called when it is joined.
    [[maybe_unused]] const auto start = [&branching](auto& each, bool first) {
        try {
            branching.start(each);
        } catch (...) {
            if (first) {
                throw;
            }
        }
    };
    (start(std::get<index>(branches), index == 0), ...);
    last.call();
    // The newest first: it has most likely not been taken.
    (branching.join(std::get<count - 1 - index>(branches)), ...);
    (std::get<index>(branches).rethrow_failure(), ...);
    last.rethrow_failure();
    return std::tuple<typename call_result<std::tuple_element_t<index, Calls>>::type...,
                      typename call_result<std::tuple_element_t<count, Calls>>::type>(
        std::get<index>(branches).take()..., last.take());
}

template <class Branching, class... Fns>
auto invoke_all(const Branching& branching, Fns&&... fns) {
    static_assert(sizeof...(Fns) != 0, "invoke(f, g, ...): it needs at least one callable");
    static_assert((std::is_invocable_v<Fns> && ...),
                  "invoke(f, g, ...): each argument must be callable without arguments");
    if constexpr (sizeof...(Fns) != 0 && (std::is_invocable_v<Fns> && ...)) {
        return detail::invoke_branches(branching, std::tuple<Fns&&...>(std::forward<Fns>(fns)...),
                                       std::make_index_sequence<sizeof...(Fns) - 1>());
    }
}

}}}  // namespace concurrent::futures::detail
