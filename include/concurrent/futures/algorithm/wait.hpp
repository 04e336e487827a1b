// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>           // std::size_t
#include <initializer_list>  // std::initializer_list
#include <type_traits>       // std::type_identity_t
#include <utility>           // std::move
#include <vector>            // std::vector

#include <concurrent/futures/algorithm/completion_watch.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// `return_when` says when `wait` returns. A future that was cancelled is done, but has not failed.
///
/// \code
/// auto good = executor.submit([] {});
/// auto bad = executor.submit([] { throw std::runtime_error("bad luck"); });
/// auto result = futures::wait({good, bad}, {.return_when = futures::return_when::first_exception});
/// assert(bad.exception() && !result.done.empty());
/// \endcode
enum class return_when {
    all_completed,    ///< all are done
    first_completed,  ///< any is done
    first_exception   ///< any has failed, or all are done
};

/// `wait_options` say for what, and for how long, `wait` waits.
///
/// \code
/// futures::Promise<int> promise;
/// auto result = futures::wait({promise.get_future()}, {.timeout = std::chrono::milliseconds(1)});
/// assert(result.not_done.size() == 1);
/// \endcode
struct wait_options {
    /// `wait` waits for this long at most.
    futures::timeout timeout = {};
    /// `wait` returns earlier if this is so.
    futures::return_when return_when = futures::return_when::all_completed;
};

/// `wait` returns its futures, each once and in their order, separated by whether they were done: as
/// `Future<T>`, or as `any_future` if `T` is `any_future`.
///
/// \code
/// auto future = executor.submit([] { return 42; });
/// auto [done, not_done] = futures::wait({future});
/// assert(done == std::vector{future} && not_done.empty());
/// \endcode
template <class T>
struct wait_result {
    /// These futures had finished or were cancelled.
    std::vector<detail::handle_on<T>> done;
    /// These had not.
    std::vector<detail::handle_on<T>> not_done;
};

namespace detail {

// See `wait`, below.
template <class Range>
auto wait_for_each(Range& futures, const wait_options& options) {
    using value = typename future_in<Range&>::value_type;
    completion_watch watch(unique_futures(futures));
    const std::size_t wanted =
        options.return_when == return_when::first_completed ? std::size_t(watch.size() != 0) : watch.size();
    const deadline until = options.timeout.start();
    const bool to_the_end = options.return_when == return_when::all_completed && until.is_never();
    watch.wait_for(wanted, options.return_when == return_when::first_exception, to_the_end, until);
    watch.stop_watching();
    wait_result<value> result;
    for (auto& each : watch.entries()) {
        auto& group = each.future.state().done() ? result.done : result.not_done;
        group.push_back(future_access::adopt_as<handle_on<value>>(std::move(each.future)));
    }
    return result;
}

}  // namespace detail

/// Waits for the futures of a range, or for the keys of a map, as `options` say, and returns which are done.
/// It doesn't throw `timeout_error`, or anything that the tasks throw. It costs O(n) for n futures.
///
/// On a worker, it runs tasks that are queued in the worker's pool on the spot, until enough are done. If it
/// may return before all are done (by a timeout, or by `return_when`), it does so only while no other worker
/// is idle and none can be started.
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
    requires detail::no_list_of_any_future<Range>
auto wait(Range&& futures, const wait_options& options = {}) {
    static_assert(future_range<Range>,
                  "wait(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        return detail::wait_for_each(futures, options);
    }
}

/// Does the same for a list of futures.
///
/// \code
/// auto first = executor.submit([] { return 1; });
/// auto second = executor.submit([] { return 2; });
/// assert(futures::wait({first, second}).done.size() == 2);
/// \endcode
template <class T>
wait_result<T> wait(std::initializer_list<Future<T>> futures, const wait_options& options = {}) {
    return detail::wait_for_each(futures, options);
}

/// Does the same for a list of futures of several types.
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("hello"); });
/// auto [done, not_done] = futures::wait({number, text});
/// assert(done.size() == 2 && done[0] == number && done[1].get<std::string>().result() == "hello");
/// \endcode
template <class Any = any_future>
wait_result<Any> wait(std::initializer_list<std::type_identity_t<Any>> futures,
                      const wait_options& options = {}) {
    return detail::wait_for_each(futures, options);
}

}}  // namespace concurrent::futures
