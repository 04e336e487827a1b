// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>     // std::size_t
#include <functional>  // std::identity
#include <utility>     // std::forward, std::move

#include <concurrent/futures/algorithm/for_each.hpp>
#include <concurrent/futures/algorithm/invoke.hpp>
#include <concurrent/futures/algorithm/map.hpp>
#include <concurrent/futures/algorithm/reduce.hpp>
#include <concurrent/futures/algorithm/schedule.hpp>
#include <concurrent/futures/algorithm/then.hpp>
#include <concurrent/futures/executor/executor.hpp>
#include <concurrent/futures/platform/platform.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `executor_launcher` submits the tasks of a map to an executor of any kind. Requires: the executor exists as
// long as the map submits.
template <class Executor>
class executor_launcher {
public:
    explicit executor_launcher(Executor& executor) noexcept : executor_(&executor) {}

    void throw_if_refusing() const noexcept {}  // its `submit` throws, if there is anything to submit
    template <class Fn>
    auto launch(Fn&& fn) const {
        return executor_->submit(std::forward<Fn>(fn));
    }
    [[nodiscard]] std::size_t max_workers() const {
        if constexpr (requires { static_cast<std::size_t>(executor_->max_workers()); }) {
            return static_cast<std::size_t>(executor_->max_workers());
        } else {
            return static_cast<std::size_t>(usable_cpus());
        }
    }

private:
    Executor* executor_;
};

// How branches are run by an executor of any kind: as tasks.
template <class Executor>
class submit_branching {
public:
    template <class Fn>
    using branch_for = submitted_branch<Fn>;

    // An executor may run a task at once, on top of the one that submits it.
    static constexpr bool branches_start_others = false;

    explicit submit_branching(Executor& executor) noexcept : executor_(executor) {}

    void throw_if_refusing() const noexcept {}  // its `submit` throws, if there is anything to submit
    template <class Branch>
    void start(Branch& started) const {
        started.start(executor_);
    }
    template <class Branch>
    void join(Branch& joined) const {
        joined.join();
    }
    [[nodiscard]] std::size_t max_workers() const {
        return executor_launcher<Executor>(executor_).max_workers();
    }
    // Bounded, as so many tasks are submitted at once.
    [[nodiscard]] std::size_t max_others() const {
        constexpr std::size_t most = 1'000;
        const std::size_t workers = max_workers();
        return workers < most ? workers : most;
    }

private:
    Executor& executor_;
};

// Returns the launcher of an executor, and how it runs branches: its own, if it has one.
class launcher_access {
public:
    template <class Executor>
    [[nodiscard]] static auto branching_of(Executor& executor) {
        if constexpr (requires { executor.branching(); }) {
            return executor.branching();
        } else {
            return submit_branching<Executor>(executor);
        }
    }

    template <class Executor>
    [[nodiscard]] static auto launcher_of(Executor& executor) {
        if constexpr (requires { executor.launcher(); }) {
            return executor.launcher();
        } else {
            return executor_launcher<Executor>(executor);
        }
    }
};

}  // namespace detail

/// Does what `executor_base::map` does, for any executor, even one without a member `map`. With a
/// `buffersize`, the executor must exist as long as the results are iterated.
///
/// \throws what the executor's `submit` throws
///
/// \code
/// int sum = 0;
/// for (int square : futures::map(executor, [](int x) { return x * x; }, std::vector{1, 2, 3}))
///     sum += square;
/// assert(sum == 14);
/// \endcode
template <executor Executor, class Fn, class... Ranges>
auto map(Executor& executor, Fn&& fn, Ranges&&... ranges) {
    return detail::start_map(detail::launcher_access::launcher_of(executor), map_options(),
                             std::forward<Fn>(fn), std::forward<Ranges>(ranges)...);
}
/// Does the same, with options.
///
/// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
template <executor Executor, class Fn, class... Ranges>
auto map(Executor& executor, map_options options, Fn&& fn, Ranges&&... ranges) {
    return detail::start_map(detail::launcher_access::launcher_of(executor), options, std::forward<Fn>(fn),
                             std::forward<Ranges>(ranges)...);
}

/// An executor of your own inherits this to have `map`, `for_each`, `reduce` and `invoke`, by means of its
/// `submit`: `class mine : public executor_base<mine>`. With `package`, such an executor is a dozen lines;
/// the cookbook has one.
///
/// \code
/// using pool = futures::thread_pool_executor<>;
/// static_assert(std::derived_from<pool, futures::executor_base<pool>>);
/// \endcode
template <class Derived>
class executor_base {
public:
    /// Calls `fn` with an element of each range, side by side, up to the end of the shortest, and returns an
    /// input range of the results in the order of the input. This call submits everything. Ranges are
    /// decay-copied: a container is copied or moved in, a view or a `std::ref` refers. All tasks call the
    /// same `fn` object at once; it gets references to the elements.
    ///
    /// The increment (or `begin()`) that reaches the first exception, in the order of the input, rethrows it.
    /// After that, and after an iteration that you leave midway, tasks that have not started are cancelled.
    /// You may throw away results that were never iterated: everything runs, and the log handler gets the
    /// exceptions.
    ///
    /// \throws what `submit` throws
    ///
    /// \code
    /// int sum = 0;
    /// auto multiply = [](int x, int y) { return x * y; };
    /// for (int product : executor.map(multiply, std::vector{1, 2}, std::vector{3, 4}))
    ///     sum += product;
    /// assert(sum == 11);
    /// \endcode
    template <class Fn, class... Ranges>
    auto map(Fn&& fn, Ranges&&... ranges) {
        return detail::start_map(detail::launcher_access::launcher_of(self()), map_options(),
                                 std::forward<Fn>(fn), std::forward<Ranges>(ranges)...);
    }

    /// Does the same, with options.
    ///
    /// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
    ///
    /// \code
    /// int sum = 0;
    /// for (int square : executor.map({.buffersize = 8}, [](int x) { return x * x; }, std::views::iota(0))) {
    ///     sum += square;
    ///     if (square == 100)
    ///         break;
    /// }
    /// assert(sum == 385);
    /// \endcode
    template <class Fn, class... Ranges>
    auto map(map_options options, Fn&& fn, Ranges&&... ranges) {
        return detail::start_map(detail::launcher_access::launcher_of(self()), options, std::forward<Fn>(fn),
                                 std::forward<Ranges>(ranges)...);
    }

    /// Calls all callables, the last one on this thread, and returns the tuple of their results in their
    /// order, with `std::monostate` for void. The others are called by workers, or by this thread if no
    /// worker has come by the time that it would have to wait. On a `thread_pool_executor`, this allocates
    /// nothing. Other executors get the callables by `submit`.
    ///
    /// The callables are not copied. They may refer to local variables, as this returns only when all calls
    /// have ended. If several throw, the exception of the first, in their order, is rethrown.
    ///
    /// Use it for divide and conquer: tasks may call it, to any depth that the stack allows.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, this thread makes that call.
    ///
    /// \code
    /// std::vector numbers{3, 1, 4, 1};
    /// auto [least, sum] = executor.invoke([&] { return std::ranges::min(numbers); },
    ///                                     [&] { return std::accumulate(numbers.begin(), numbers.end(), 0);
    ///                                     });
    /// assert(least == 1 && sum == 9);
    /// \endcode
    template <class... Fns>
    auto invoke(Fns&&... fns) {
        return detail::invoke_all(detail::launcher_access::branching_of(self()), std::forward<Fns>(fns)...);
    }

    /// Calls `fn` with each element of the range, on workers and on this thread, and returns when all calls
    /// have ended. The range is not copied, and `fn` gets references to its elements; only an input range
    /// that is no forward range gives its elements away. All threads call the same `fn` object at once. They
    /// take chunks of the range in its order. Without options, the loop chooses the chunks, for about four to
    /// a worker.
    ///
    /// If calls throw, the first exception in the order of the input is rethrown. Chunks that have begun are
    /// finished, and no further chunk begins.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, fewer threads do the work.
    ///
    /// \code
    /// std::vector numbers{1, 2, 3};
    /// executor.for_each([](int& number) { number *= 2; }, numbers);
    /// assert((numbers == std::vector{2, 4, 6}));
    /// \endcode
    template <class Fn, class Range>
    void for_each(Fn&& fn, Range&& range) {
        detail::for_each_in(detail::launcher_access::branching_of(self()), timeout_duration(), 0, fn, range);
    }

    /// Does the same, with options. A chunk has `options.chunksize` elements, unless
    /// `options.auto_chunksize`. When `options.timeout` has passed, no further chunk begins; if one was left,
    /// this throws as soon as those that have begun are finished. `options.buffersize` has no effect.
    ///
    /// \throws timeout_error if the time passed before the last chunk began
    /// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
    ///
    /// \code
    /// std::atomic<int> sum = 0;
    /// executor.for_each({.chunksize = 10}, [&sum](int number) { sum += number; }, std::views::iota(0, 100));
    /// assert(sum == 4950);
    /// \endcode
    template <class Fn, class Range>
    void for_each(map_options options, Fn&& fn, Range&& range) {
        detail::for_each_in(detail::launcher_access::branching_of(self()), options, fn, range);
    }

    /// Combines `init` and the elements of the range to one value of the type of `init`, on workers and on
    /// this thread. The combination is in the order of the input, so `combine` need not be commutative. But
    /// it must be associative, as neighbours may be combined first. Each element must convert to the type of
    /// `init`. For an empty range, this returns `init`.
    ///
    /// All threads call the same `combine` object at once. Exceptions are treated as in `for_each`.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, fewer threads do the work.
    ///
    /// \code
    /// std::vector<std::string> words{"in ", "this ", "order"};
    /// assert(executor.reduce(words, std::string("all "), std::plus<>()) == "all in this order");
    /// \endcode
    template <class Range, class T, class Combine>
    T reduce(Range&& range, T init, Combine&& combine) {
        std::identity transform;
        return detail::reduce_in(detail::launcher_access::branching_of(self()), range, std::move(init),
                                 combine, transform);
    }

    /// Does the same with what `transform` returns for each element.
    ///
    /// \code
    /// std::vector<std::string> words{"a", "bc", "def"};
    /// assert(executor.reduce(words, std::size_t(0), std::plus<>(), &std::string::size) == 6);
    /// \endcode
    template <class Range, class T, class Combine, class Transform>
    T reduce(Range&& range, T init, Combine&& combine, Transform&& transform) {
        return detail::reduce_in(detail::launcher_access::branching_of(self()), range, std::move(init),
                                 combine, transform);
    }

    /// In a coroutine of any type, `co_await executor.schedule()` goes on as a task of this executor. A
    /// coroutine that has an executor goes on as a task of that again after its next await, even of what is
    /// done, unless that await throws before it begins to wait.
    ///
    /// \throws what `submit` throws
    /// \throws cancelled_error if the executor drops the task uncalled
    ///
    /// \code
    /// auto name_of_worker = [](auto& pool, bool) -> futures::Future<std::string> {
    ///     co_await pool.schedule();
    ///     co_return futures::this_thread_name();
    /// };
    /// assert(name_of_worker(executor, true).result() != futures::this_thread_name());
    /// \endcode
    [[nodiscard]] auto schedule() noexcept { return detail::schedule_awaiter<Derived>(self()); }

protected:
    executor_base() = default;
    ~executor_base() = default;

private:
    [[nodiscard]] Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}}  // namespace concurrent::futures
