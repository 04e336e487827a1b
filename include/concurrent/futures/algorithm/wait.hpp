#pragma once

#include <cstddef>           // std::size_t
#include <initializer_list>  // std::initializer_list
#include <utility>           // std::move
#include <vector>            // std::vector

#include <concurrent/futures/algorithm/completion_watch.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures {

/// When `wait` returns: when all futures are done, when any is, or when any has failed (or all are done). A
/// future that was cancelled is done, but has not failed.
enum class return_when { all_completed, first_completed, first_exception };

struct wait_options {
    /// For how long to wait at most.
    futures::timeout timeout = {};
    futures::return_when return_when = futures::return_when::all_completed;
};

/// The futures given to `wait`, each once, in their order, by whether they were done when it returned.
template <class T>
struct wait_result {
    std::vector<Future<T>> done;
    std::vector<Future<T>> not_done;
};

/// Waits for the futures of a range, or those that are the keys of a map, as `options` says, and returns
/// which are done. It throws no `timeout_error`, and nothing of what the tasks throw. O(n) for n futures.
///
/// On a worker of a pool, it runs those tasks on the spot that wait in that pool's queue, until there is
/// enough.
///
/// \throws invalid_state_error if a future is not `valid()`
template <class Range>
[[nodiscard]] auto wait(Range&& futures, const wait_options& options = {}) {
    static_assert(future_range<Range>,
                  "wait(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        using value = typename detail::future_in<Range>::value_type;
        detail::completion_watch<value> watch(detail::unique_futures(futures));
        const std::size_t wanted = options.return_when == return_when::first_completed
                                       ? std::size_t(watch.size() != 0)
                                       : watch.size();
        watch.wait_for(wanted, options.return_when == return_when::first_exception, options.timeout.start());
        watch.stop_watching();
        wait_result<value> result;
        for (auto& each : watch.entries()) {
            auto& group = each.future.done() ? result.done : result.not_done;
            group.push_back(std::move(each.future));
        }
        return result;
    }
}

template <class T>
[[nodiscard]] wait_result<T> wait(std::initializer_list<Future<T>> futures,
                                  const wait_options& options = {}) {
    return wait<std::initializer_list<Future<T>>&>(futures, options);
}

}  // namespace concurrent::futures
