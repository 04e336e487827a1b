// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>      // std::atomic
#include <concepts>    // std::same_as
#include <cstddef>     // std::size_t
#include <cstdio>      // std::snprintf
#include <functional>  // std::function
#include <string>      // std::string
#include <utility>     // std::forward, std::move

#include <concurrent/futures/algorithm/then.hpp>
#include <concurrent/futures/executor/executor_base.hpp>
#include <concurrent/futures/executor/options.hpp>
#include <concurrent/futures/fwd.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/shared_pool.hpp>
#include <concurrent/futures/pool/worker_pool.hpp>
#include <concurrent/futures/queue/discipline_queue.hpp>
#include <concurrent/futures/queue/fifo.hpp>
#include <concurrent/futures/queue/lifo.hpp>
#include <concurrent/futures/queue/priority.hpp>
#include <concurrent/futures/task/branch.hpp>
#include <concurrent/futures/task/pool_end.hpp>
#include <concurrent/futures/task/submit_to.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class coroutine_start;

// `pool_launcher` submits the tasks of a map to a pool. The results may outlive the executor, so the launcher
// owns the pool too.
template <class Pool>
class pool_launcher {
public:
    explicit pool_launcher(shared_pool<Pool> pool) noexcept : pool_(std::move(pool)) {}

    void throw_if_refusing() const { pool_->throw_if_refusing(); }
    template <class Fn>
    auto launch(Fn&& fn) const {
        return submit_to(*pool_, 0, std::forward<Fn>(fn));
    }
    [[nodiscard]] std::size_t max_workers() const noexcept { return pool_->max_workers(); }

private:
    shared_pool<Pool> pool_;
};

template <class Queue>
struct queue_for {
    using type = int;  // no discipline; a message says so
};
template <class Queue>
    requires requires { typename Queue::queue; }
struct queue_for<Queue> {
    using type = typename Queue::queue;
};
template <own_discipline Queue>
struct queue_for<Queue> {
    using type = discipline_queue<Queue>;
};
template <class Queue>
using queue_of = typename queue_for<Queue>::type;

// Numbers the executors of the process, across its shared libraries, for the names of their threads.
[[gnu::visibility("default")]] inline unsigned next_executor_number() noexcept {
    static std::atomic<unsigned> next{0};
    return next.fetch_add(1, std::memory_order_relaxed);  // pairs with nothing: it only counts
}

[[gnu::cold]] std::string default_thread_name_prefix();

worker_limit default_max_workers() noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION std::string default_thread_name_prefix() {
    char prefix[48];
    std::snprintf(prefix, sizeof prefix, "thread_pool_executor-%u", next_executor_number());
    return prefix;
}

CONCURRENT_FUTURES_FUNCTION worker_limit default_max_workers() noexcept {
    constexpr int most = 32;
    const int workers = usable_cpus() + 4;
    return workers < most ? workers : most;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// A `queue_discipline` is the order in which a pool's queued tasks start: `fifo`, `lifo`, `priority`, or a
/// class of your own. Such a class can be default-constructed and has the two members below. The pool calls
/// them one at a time, on any thread that submits or runs a task. They must not use the pool.
///
/// - `push(queued_task&)` adds a task. If it throws, it must not have added the task, and the submit throws.
/// - `pop()` removes the task that starts next and returns its `queued_task*`, or null only if there is none.
///   It must not throw.
///
/// A cancelled task stays in such a queue until its turn comes. See `queued_task` for an example.
///
/// \code
/// static_assert(futures::queue_discipline<futures::lifo> && !futures::queue_discipline<int>);
/// \endcode
template <class Queue>
concept queue_discipline = std::same_as<Queue, fifo> || std::same_as<Queue, lifo> ||
                           std::same_as<Queue, priority> || detail::own_discipline<Queue>;

/// A `thread_pool_executor` runs what is submitted to it on a pool of threads.
///
/// A submit starts a thread only if no worker is idle and the limit is not reached. Each thread is named
/// `<prefix>_<n>` (see `this_thread_name`). If a worker waits for a future of its own pool that has not
/// started, it runs the task on the spot. So tasks may submit tasks and wait for them, to any depth that the
/// stack allows, on a pool of any size.
///
/// Thread-safety: any threads may call all members at once, even tasks of the pool.
///
/// After a `fork()`, the threads belong to the parent. In the child, shutting down and destroying an executor
/// of the parent do nothing. `submit` and `map` throw `broken_executor`, and so does a call that would wait
/// for one of its futures that was not done; such futures may be cancelled and dropped. If the task that
/// forked returns, its thread ends in the child. New executors work as ever.
///
/// \code
/// futures::thread_pool_executor pool(8);  // or thread_pool_executor<futures::priority> pool(8)
/// futures::Future<int> future = pool.submit([](int x, int y) { return x + y; }, 40, 2);
/// assert(future.result() == 42);
/// \endcode
template <class Queue>
class thread_pool_executor : public executor_base<thread_pool_executor<Queue>> {
    static_assert(queue_discipline<Queue>,
                  "thread_pool_executor<Queue>: Queue is fifo, lifo or priority, or a class with "
                  "push(queued_task&) and queued_task* pop()");

public:
    /// Starts at most `min(32, usable_cpus() + 4)` threads.
    thread_pool_executor() : pool_(make_pool(detail::default_max_workers())) {}

    /// Starts at most `max_workers` threads. The number may be of any integral type.
    ///
    /// \throws std::invalid_argument if `max_workers` is less than 1 or greater than an int can be
    ///
    /// \code
    /// futures::thread_pool_executor one_for_each_element{std::vector<int>(3).size()};
    /// assert(one_for_each_element.max_workers() == 3);
    /// \endcode
    template <detail::whole_number Number>
    explicit thread_pool_executor(Number max_workers) : pool_(make_pool(max_workers)) {}

    /// Makes an executor as `options` say. Empty braces mean options with all defaults.
    ///
    /// \throws std::invalid_argument if `options.max_workers` is less than 1 or greater than an int can be
    ///
    /// \code
    /// futures::thread_pool_executor by_default({});
    /// assert(by_default.max_workers() > 1);
    /// \endcode
    explicit thread_pool_executor(thread_pool_options options)
        : pool_(make_pool(options.max_workers ? *options.max_workers : detail::default_max_workers(),
                          std::move(options))) {}

    // The parameter is not const: `{}` could make a const one as well as options, so `executor({})` would be
    // ambiguous.
    thread_pool_executor(thread_pool_executor&) = delete;
    thread_pool_executor& operator=(const thread_pool_executor&) = delete;

    /// Shuts down as `shutdown()` does: everything that was submitted runs, and every thread ends before this
    /// returns. On one of the executor's own threads, it returns at once, and everything still runs; those
    /// threads are joined at the end of the process, if not before. If a task has called `exit()`, which
    /// destroys this executor, it returns at once, too, and the process ends while other tasks run.
    [[gnu::noinline]] ~thread_pool_executor() { end(*pool_); }

    /// Has a worker call `fn(args...)`, and returns the future of the result. The callable and the arguments
    /// are decay-copied, as by `std::thread` (`std::ref` passes a reference), and called as rvalues. They are
    /// destroyed before the result can be seen, or with the result if that is an lvalue reference. If `fn`
    /// returns an rvalue reference, the future keeps the value.
    ///
    /// If the first parameter of the callable is a `std::stop_token`, by name, the callable gets a token
    /// before the arguments, and `Future::request_stop` signals it. A parameter that takes anything gets no
    /// token. A callable with several signatures gets no token if it takes the arguments as they are.
    ///
    /// \throws executor_shutdown after `shutdown`
    /// \throws broken_thread_pool once an initializer has thrown
    /// \throws broken_executor in a child of the process that made the executor
    /// \throws std::system_error if there is no worker and no thread can be started
    /// \throws std::bad_alloc, and what copying or moving `fn` and `args` throws; whatever it throws, nothing
    /// is queued
    ///
    /// \code
    /// std::string name = "a";
    /// auto length = executor.submit([](const std::string& text) { return text.size(); }, name);
    /// auto change = executor.submit([](std::string& text) { text += 'b'; }, std::ref(name));
    /// change.result();
    /// assert(length.result() == 1 && name == "ab");
    /// \endcode
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return submit(submit_options(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// Does the same, with options.
    ///
    /// \code
    /// futures::thread_pool_executor<futures::priority> urgent_first(1);
    /// auto urgent = urgent_first.submit({.priority = 10}, [] { return 42; });
    /// assert(urgent.result() == 42);
    /// \endcode
    template <class Fn, class... Args>
    auto submit(submit_options options, Fn&& fn, Args&&... args) {
        static_assert(
            detail::can_be_kept<Fn, Args...>,
            "submit(fn, args...): fn or an argument can't be copied: pass it by std::move or std::ref");
        if constexpr (detail::can_be_kept<Fn, Args...>) {
            static_assert(detail::submittable<Fn, Args...>,
                          "submit(fn, args...): fn can't be called with these arguments as rvalues (a "
                          "reference needs std::ref, a member function its object first)");
            if constexpr (detail::submittable<Fn, Args...>) {
                return detail::submit_to(*pool_, options.priority, std::forward<Fn>(fn),
                                         std::forward<Args>(args)...);
            }
        }
    }

    /// Refuses further work: `submit` and `map` throw `executor_shutdown` from now on. Queued tasks still
    /// run, unless `options.cancel_futures`. With `options.request_stop`, tasks that took a `std::stop_token`
    /// are asked to stop, queued tasks as soon as they start. If `options.wait`, this returns once every
    /// thread has ended; but on one of the pool's own threads, which can't wait for itself, it returns at
    /// once, and so it does in what a task's `exit()` calls. It may be called again.
    ///
    /// \code
    /// auto future = executor.submit([] { return 42; });
    /// executor.shutdown();
    /// assert(future.done());
    /// \endcode
    [[gnu::noinline]] void shutdown(shutdown_options options = {}) {
        // A task that this cancels may own the last reference to this executor.
        const detail::shared_pool<pool> kept = pool_;
        if (kept->is_inherited()) {
            return;
        }
        kept->shut_down(options.cancel_futures, options.request_stop);
        if (options.wait && !kept->may_wait_for_this_thread()) {
            detail::await_end(*kept);
            kept->join();
        }
    }

    /// Returns how many threads the executor starts at most.
    ///
    /// \code
    /// assert(futures::thread_pool_executor(8).max_workers() == 8);
    /// \endcode
    [[nodiscard]] int max_workers() const noexcept { return static_cast<int>(pool_->max_workers()); }

    /// Returns how many threads the executor has started so far.
    ///
    /// \code
    /// executor.submit([] {}).wait();
    /// assert(executor.worker_count() == 1);
    /// \endcode
    [[nodiscard]] int worker_count() const { return static_cast<int>(pool_->worker_count()); }

    /// Returns how many tasks are queued.
    ///
    /// \code
    /// assert(executor.pending_count() == 0);
    /// \endcode
    [[nodiscard]] std::size_t pending_count() const { return pool_->pending_count(); }

private:
    friend class detail::launcher_access;
    friend class detail::continuing;
    friend class detail::coroutine_start;

    using pool = detail::worker_pool<detail::queue_of<Queue>>;

    [[nodiscard]] auto launcher() const noexcept { return detail::pool_launcher<pool>(pool_); }
    [[nodiscard]] auto branching() const noexcept { return detail::pool_branching<pool>(*pool_); }

    // Not inlined: nothing is gained where an executor is made or destroyed.
    [[gnu::noinline]] static detail::shared_pool<pool> make_pool(detail::worker_limit max_workers) {
        return make_pool(max_workers, thread_pool_options());
    }
    [[gnu::noinline]] static detail::shared_pool<pool> make_pool(detail::worker_limit max_workers,
                                                                 thread_pool_options&& options) {
        const std::size_t checked_max_workers = max_workers.checked();
        std::string& chosen = options.thread_name_prefix;
        std::string by_default = chosen.empty() ? detail::default_thread_name_prefix() : std::string();
        return detail::shared_pool<pool>::adopt(*new pool(checked_max_workers,
                                                          std::move(chosen.empty() ? by_default : chosen),
                                                          std::move(options.initializer)));
    }

    [[gnu::noinline]] static void end(pool& ending) {
        if (ending.is_inherited()) {
            ending.keep();
            return;
        }
        ending.shut_down(false, false);
        if (ending.may_wait_for_this_thread()) {
            ending.orphan();
        } else {
            detail::await_end(ending);
            ending.join();
        }
    }

    const detail::shared_pool<pool> pool_;
};

#if defined(CONCURRENT_FUTURES_COMPILED)
namespace detail {
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<fifo>>;
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<lifo>>;
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<priority>>;
}  // namespace detail
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<fifo>;
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<lifo>;
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<priority>;
#endif

}}  // namespace concurrent::futures
