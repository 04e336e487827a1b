// SPDX-License-Identifier: MIT

#pragma once

#include <iterator>  // std::default_sentinel_t
#include <utility>   // std::move

#include <concurrent/futures/algorithm/completion_feed.hpp>
#include <concurrent/futures/algorithm/pull_iterator.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// A `completion_queue` gives the futures that were added to it as they become done. It does what
/// `as_completed` does, but takes more futures while it runs: a task's result may lead to further tasks.
///
/// A future that is added several times is given as often. The queue holds no future that it has given. It is
/// neither copyable nor movable. If it is destroyed, it waits for nothing, and the futures that it still has
/// go on.
///
/// Thread-safety: any threads may call `add`, `next` and `empty` at once, even done callbacks. Only one
/// thread at a time may iterate.
///
/// \tparam T what the tasks return; or `any_future`, for futures of several types
///
/// \code
/// futures::completion_queue<int> numbers;
/// numbers.add(executor.submit([] { return 3; }));
/// int sum = 0;
/// for (auto future : numbers) {
///     const int number = future.result();
///     sum += number;
///     if (number != 0)
///         numbers.add(executor.submit([number] { return number - 1; }));
/// }
/// assert(sum == 6 && numbers.empty());
/// \endcode
template <class T>
class completion_queue {
    struct body;
    using handle = detail::handle_on<T>;

public:
    /// The queue gives futures of this type: `Future<T>`, or `any_future` if `T` is `any_future`.
    using value_type = handle;
    /// The increment of this input iterator waits for the next future that is done.
    using iterator = detail::pull_iterator<body>;

    /// Makes a queue without futures.
    completion_queue() = default;
    completion_queue(const completion_queue&) = delete;
    completion_queue& operator=(const completion_queue&) = delete;
    ~completion_queue() = default;

    /// Adds a future. If it is done already, it comes after those that the queue knows to be done.
    ///
    /// \throws invalid_state_error if the future is not `valid()`
    /// \throws broken_executor in the child of a fork, if the queue is the parent's, or if the future is the
    /// parent's and not done
    /// \throws std::bad_alloc if there is no memory; then nothing is added
    ///
    /// \code
    /// futures::completion_queue<futures::any_future> queue;
    /// queue.add(executor.submit([] { return 42; }));
    /// queue.add(executor.submit([] { return std::string("hello"); }));
    /// queue.next();
    /// assert(queue.next().done());
    /// \endcode
    void add(handle future) {
        static_cast<void>(detail::future_access::state(future));
        body_.feed.add(detail::future_access::release(std::move(future)));
    }

    /// Waits for the next future that is done, at most for `limit`, and returns it.
    ///
    /// On a worker of a pool, it runs on the spot what is queued in that pool, of the tasks and of what they
    /// depend on, as long as no future of the queue is done, no other worker is idle and none can be started.
    ///
    /// \throws invalid_state_error if no future is left, as nothing would end the wait; also if another
    /// thread takes the last one meanwhile. A thread that waits for others to add first must be told by them.
    /// \throws timeout_error if `limit` passed first
    /// \throws broken_executor in the child of a fork, if the queue is the parent's
    /// \throws std::bad_alloc if a worker has no memory to find out what the futures depend on
    ///
    /// \code
    /// futures::completion_queue<int> queue;
    /// queue.add(executor.submit([] { return 42; }));
    /// assert(queue.next().result() == 42);
    /// \endcode
    handle next(const timeout& limit = {}) {
        detail::shared_state_base::handle done = body_.feed.next(limit.start());
        if (!done) {
            detail::throw_error<invalid_state_error>(
                "the completion queue is empty: there is no next future");
        }
        return detail::future_access::adopt_as<handle>(std::move(done));
    }

    /// Returns whether the queue has given all futures that were added. Never blocks.
    ///
    /// \code
    /// assert(futures::completion_queue<int>().empty());
    /// \endcode
    [[nodiscard]] bool empty() const { return body_.feed.empty(); }

    /// Waits for the next future that is done, unless the queue is empty. The iteration ends when the queue
    /// is empty. Later, another one may begin.
    ///
    /// Dereferencing the iterator gives an rvalue: `for (auto future : queue)` takes the future over. `for
    /// (auto&& future : queue)` looks at it, and it stays where it is until the next increment.
    [[nodiscard]] iterator begin() {
        if (!body_.current.valid()) {
            body_.advance();
        }
        return iterator(body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    struct body {
        [[nodiscard]] bool at_end() const noexcept { return ended; }
        [[nodiscard]] handle&& get() noexcept { return std::move(current); }

        void advance() {
            current = handle();
            detail::shared_state_base::handle done = feed.next(detail::deadline());
            ended = !done;
            if (done) {
                current = detail::future_access::adopt_as<handle>(std::move(done));
            }
        }

        detail::completion_feed feed;
        handle current;  // not valid before the iteration, and where the loop has taken it over
        bool ended = false;
    };

    body body_;
};

}}  // namespace concurrent::futures
