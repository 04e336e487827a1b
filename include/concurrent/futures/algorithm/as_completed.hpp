// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>           // std::size_t
#include <cstdio>            // std::snprintf
#include <initializer_list>  // std::initializer_list
#include <iterator>          // std::default_sentinel_t
#include <memory>            // std::unique_ptr
#include <ranges>            // std::ranges::view_base
#include <type_traits>       // std::type_identity_t
#include <utility>           // std::move
#include <vector>            // std::vector

#include <concurrent/futures/algorithm/completion_watch.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/algorithm/pull_iterator.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

[[noreturn, gnu::cold]] void throw_unfinished(std::size_t unfinished, std::size_t futures);

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void throw_unfinished(std::size_t unfinished, std::size_t futures) {
    char message[80];
    std::snprintf(message, sizeof message, "%zu (of %zu) futures unfinished", unfinished, futures);
    throw timeout_error(message);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// `as_completed` returns this input range of `Future<T>`, or of `any_future` if `T` is `any_future`. It is
/// movable, not copyable; only one thread at a time may use it.
///
/// Dereferencing the iterator gives an rvalue. `for (auto future : range)` takes the future over, so the
/// range holds no future that it has yielded. `for (auto&& future : range)` looks at the future in the range,
/// where it stays until the next increment.
///
/// \code
/// futures::as_completed_range<int> done = futures::as_completed({executor.submit([] { return 42; })});
/// for (auto future : done)
///     assert(future.result() == 42);
/// \endcode
template <class T>
class as_completed_range {
    using handle = detail::handle_on<T>;
    struct body;

public:
    /// The increment of this input iterator waits for the next future that is done.
    ///
    /// \throws timeout_error if the timeout of the range has passed first; then there is no next future
    using iterator = detail::pull_iterator<body>;

    /// Makes what `as_completed` returns. Requires: `futures` contains each future once.
    as_completed_range(std::vector<detail::handle_on<T>> futures, const timeout& limit)
        : body_(std::make_unique<body>(std::move(futures), limit)) {}

    /// The first call waits for the first future that is done. A later call returns the present position.
    ///
    /// \throws timeout_error if the timeout of the range has passed first
    [[nodiscard]] iterator begin() {
        if (!body_->begun) {
            body_->begun = true;
            body_->advance();
        }
        return iterator(*body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    // A move of the range leaves `body` where it is.
    struct body {
        body(std::vector<handle> futures, const timeout& limit)
            : until(limit.start()), watch(std::move(futures)), unfinished(watch.size()) {}

        [[nodiscard]] bool at_end() const noexcept { return ended; }
        [[nodiscard]] handle&& get() noexcept { return std::move(current); }

        void advance() {
            current = handle();
            ended = true;
            if (unfinished == 0 || timed_out) {
                return;
            }
            detail::completion_watch::entry* const next = watch.next(until);
            if (!next) {
                timed_out = true;
                detail::throw_unfinished(unfinished, watch.size());
            }
            current = detail::future_access::adopt_as<handle>(std::move(next->future));
            ended = false;
            --unfinished;
        }

        const detail::deadline until;
        detail::completion_watch watch;
        std::size_t unfinished;
        handle current;  // not valid before the iteration, and where the loop has taken it over
        bool begun = false;
        bool ended = true;
        bool timed_out = false;
    };

    std::unique_ptr<body> body_;
};

/// Returns a range of the futures in `futures`, each once, as they become done: first those that are done
/// already, in their order, then the others in the order of completion. A range over n futures costs O(n).
/// You may leave the range midway.
///
/// On a worker of a pool, the range runs tasks that are queued in that pool on the spot, as long as no future
/// is done, no other worker is idle and none can be started.
///
/// \param futures any range of futures, or a map keyed by futures
/// \param limit counted from this call; `begin()` or the increment that would pass it throws `timeout_error`
/// \throws invalid_state_error if a future is not `valid()`
/// \throws broken_executor from the increment that would wait, in the child of a fork, for a future of the
/// parent's
///
/// \code
/// std::unordered_map<futures::Future<int>, std::string> tasks;
/// tasks.emplace(executor.submit([] { return 3; }), "one");
/// tasks.emplace(executor.submit([] { return 5; }), "three");
/// for (auto future : futures::as_completed(tasks, std::chrono::hours(1)))
///     assert(future.result() == static_cast<int>(tasks.at(future).size()));
/// \endcode
template <class Range>
    requires detail::no_list_of_any_future<Range>
[[nodiscard]] auto as_completed(Range&& futures, const timeout& limit = {}) {
    static_assert(future_range<Range>,
                  "as_completed(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        using value = typename detail::future_in<Range>::value_type;
        return as_completed_range<value>(detail::unique_futures(futures), limit);
    }
}

/// Does the same for a list of futures.
///
/// \code
/// auto first = executor.submit([] { return 1; });
/// auto second = executor.submit([] { return 2; });
/// int sum = 0;
/// for (auto future : futures::as_completed({first, second}))
///     sum += future.result();
/// assert(sum == 3);
/// \endcode
template <class T>
[[nodiscard]] as_completed_range<T> as_completed(std::initializer_list<Future<T>> futures,
                                                 const timeout& limit = {}) {
    return as_completed_range<T>(detail::unique_futures(futures), limit);
}

/// Does the same for a list of futures of several types.
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("hello"); });
/// for (futures::any_future future : futures::as_completed({number, text}))
///     assert(future == number || future.get<std::string>().result() == "hello");
/// \endcode
template <class Any = any_future>
[[nodiscard]] as_completed_range<Any> as_completed(std::initializer_list<std::type_identity_t<Any>> futures,
                                                   const timeout& limit = {}) {
    return as_completed_range<Any>(detail::unique_futures(futures), limit);
}

}}  // namespace concurrent::futures
