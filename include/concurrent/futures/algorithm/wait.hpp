// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>           // std::size_t
#include <initializer_list>  // std::initializer_list
#include <utility>           // std::move
#include <vector>            // std::vector

#include <concurrent/futures/algorithm/completion_watch.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// When `wait` returns: when all futures are done, when any is, or when any has failed (or all are done). A
/// future that was cancelled is done, but has not failed.
///
/// \code
/// auto good = executor.submit([] {});
/// auto bad = executor.submit([] { throw std::runtime_error("bad luck"); });
/// auto result = futures::wait({good, bad}, {.return_when = futures::return_when::first_exception});
/// assert(bad.exception() && !result.done.empty());
/// \endcode
enum class return_when {
    all_completed,    ///< when all are done
    first_completed,  ///< when any is done
    first_exception   ///< when any has failed, or all are done
};

/// For what, and for how long, to wait.
///
/// \code
/// futures::Promise<int> promise;
/// auto result = futures::wait({promise.get_future()}, {.timeout = std::chrono::milliseconds(1)});
/// assert(result.not_done.size() == 1);
/// \endcode
struct wait_options {
    /// For how long to wait at most.
    futures::timeout timeout = {};
    /// When to return, if not by the timeout.
    futures::return_when return_when = futures::return_when::all_completed;
};

/// The futures given to `wait`, each once, in their order, by whether they were done when it returned.
///
/// \code
/// auto future = executor.submit([] { return 42; });
/// auto [done, not_done] = futures::wait({future});
/// assert(done == std::vector{future} && not_done.empty());
/// \endcode
template <class T>
struct wait_result {
    /// Those that had finished or were cancelled.
    std::vector<Future<T>> done;
    /// The others.
    std::vector<Future<T>> not_done;
};

/// Waits for the futures of a range, or those that are the keys of a map, as `options` says, and returns
/// which are done. It throws no `timeout_error`, and nothing of what the tasks throw. O(n) for n futures.
///
/// On a worker of a pool, it runs those tasks on the spot that wait in that pool's queue, until there is
/// enough. If it may return before all are done (by a timeout, or by `return_when`), it does so only while no
/// other worker is idle and none can be started.
///
/// \throws invalid_state_error if a future is not `valid()`, or if a task waits for itself without a limit
/// \throws broken_executor in the child of a fork, if it would wait for a future of the parent's
///
/// \code
/// std::vector tasks{executor.submit([] { return 1; }), executor.submit([] { return 2; })};
/// auto [done, not_done] = futures::wait(tasks, {.timeout = std::chrono::hours(1)});
/// assert(done == tasks && not_done.empty());
/// \endcode
template <class Range>
auto wait(Range&& futures, const wait_options& options = {}) {
    static_assert(future_range<Range>,
                  "wait(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        using value = typename detail::future_in<Range>::value_type;
        detail::completion_watch<value> watch(detail::unique_futures(futures));
        const std::size_t wanted = options.return_when == return_when::first_completed
                                       ? std::size_t(watch.size() != 0)
                                       : watch.size();
        const detail::deadline until = options.timeout.start();
        const bool to_the_end = options.return_when == return_when::all_completed && until.is_never();
        watch.wait_for(wanted, options.return_when == return_when::first_exception, to_the_end, until);
        watch.stop_watching();
        wait_result<value> result;
        for (auto& each : watch.entries()) {
            auto& group = each.future.done() ? result.done : result.not_done;
            group.push_back(std::move(each.future));
        }
        return result;
    }
}

/// The same of futures that are listed.
///
/// \code
/// auto first = executor.submit([] { return 1; });
/// auto second = executor.submit([] { return 2; });
/// assert(futures::wait({first, second}).done.size() == 2);
/// \endcode
template <class T>
wait_result<T> wait(std::initializer_list<Future<T>> futures, const wait_options& options = {}) {
    return wait<std::initializer_list<Future<T>>&>(futures, options);
}

}}  // namespace concurrent::futures
