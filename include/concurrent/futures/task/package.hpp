// SPDX-License-Identifier: MIT

#pragma once

#include <type_traits>  // std::decay_t
#include <utility>      // std::forward, std::exchange

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class packaging;

}  // namespace detail

/// A `packaged_task` runs a task and completes its future; `package` makes it. It is movable, not copyable,
/// and of one type, so a queue can hold tasks of all kinds.
///
/// If a task is destroyed before it is called, its future fails with `broken_promise_error`. If the future
/// was cancelled, a call does nothing.
///
/// Thread-safety: only one thread at a time may use a task; any thread may use its future.
///
/// \code
/// std::vector<futures::packaged_task> queue;
/// auto [task, future] = futures::package([](int x) { return 2 * x; }, 21);
/// queue.push_back(std::move(task));
/// queue.back()();
/// assert(future.result() == 42);
/// \endcode
class packaged_task {
public:
    /// Makes an object without a task.
    packaged_task() noexcept = default;
    /// Takes over the task of `other`.
    packaged_task(packaged_task&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    /// Takes over the task of `other`. If this object had a task, its future fails with
    /// `broken_promise_error`.
    packaged_task& operator=(packaged_task&& other) noexcept {
        if (this != &other) {
            abandon();
            task_ = std::exchange(other.task_, nullptr);
        }
        return *this;
    }
    /// If the task was not called, its future fails with `broken_promise_error`.
    ~packaged_task() { abandon(); }

    /// Returns whether there is a task to call.
    [[nodiscard]] bool valid() const noexcept { return task_ != nullptr; }

    /// Runs the task on this thread, and completes its future with what the callable returns or throws. The
    /// callable may destroy this object.
    ///
    /// \throws invalid_state_error if there is no task: it was called before, or moved from
    void operator()() {
        if (!valid()) {
            detail::throw_error<invalid_state_error>(
                "there is no task to be called: it was called before, or moved from");
        }
        std::exchange(task_, nullptr)->run_packaged();
    }

private:
    friend class detail::packaging;

    explicit packaged_task(detail::queued_state& task) noexcept : task_(&task) {}

    void abandon() noexcept {
        if (detail::queued_state* const abandoned = std::exchange(task_, nullptr)) {
            abandoned->fail_dropped(detail::make_error<broken_promise_error>(
                "the packaged task was destroyed before it was called"));
        }
    }

    detail::queued_state* task_ = nullptr;
};

/// `package` returns a task together with its future.
template <class T>
struct packaged {
    packaged_task task;  ///< call it once, on any thread
    Future<T> future;    ///< receives what the task returns or throws
};

namespace detail {

class packaging {
public:
    template <class Fn, class... Args>
    [[nodiscard]] static auto package(Fn&& fn, Args&&... args) {
        using task_type = task<std::decay_t<Fn>, std::decay_t<Args>...>;
        using result_type = typename task_result<std::decay_t<Fn>, std::decay_t<Args>...>::type;
        // The task destroys itself when the last handle goes.
        task_state<result_type>& made =
            *new task_type(nullptr, std::forward<Fn>(fn), std::forward<Args>(args)...);
        return packaged<result_type>{packaged_task(made), future_access::adopt<result_type>(made)};
    }
};

}  // namespace detail

/// Makes a task of `fn(args...)` and the future of its result, for executors of your own: whoever calls the
/// task completes the future. One allocation holds both. The task keeps and calls `fn` and `args` as
/// `thread_pool_executor::submit` does.
///
/// \throws std::bad_alloc, and what copying or moving `fn` and `args` throws
///
/// \code
/// auto [task, future] = futures::package([](std::string name) { return name + "!"; }, "hello");
/// std::thread runs(std::move(task));
/// assert(future.result() == "hello!");
/// runs.join();
/// \endcode
template <class Fn, class... Args>
[[nodiscard]] auto package(Fn&& fn, Args&&... args) {
    static_assert(
        detail::can_be_kept<Fn, Args...>,
        "package(fn, args...): fn or an argument can't be copied: pass it by std::move or std::ref");
    if constexpr (detail::can_be_kept<Fn, Args...>) {
        static_assert(detail::submittable<Fn, Args...>,
                      "package(fn, args...): fn can't be called with these arguments as rvalues (a reference "
                      "needs std::ref, a member function its object first)");
        if constexpr (detail::submittable<Fn, Args...>) {
            return detail::packaging::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        }
    }
}

}}  // namespace concurrent::futures
