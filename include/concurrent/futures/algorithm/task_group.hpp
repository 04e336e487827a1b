// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint64_t
#include <cstdio>     // std::snprintf
#include <exception>  // std::exception_ptr, std::rethrow_exception, std::uncaught_exceptions
#include <utility>    // std::declval, std::exchange, std::forward, std::move

#include <concurrent/futures/algorithm/composed_state.hpp>
#include <concurrent/futures/algorithm/outstanding_futures.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_awaiter.hpp>
#include <concurrent/futures/future/future_base.hpp>
#include <concurrent/futures/fwd.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/package.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `group_state` is a `task_group` without its executor. It lives until the group was destroyed, all its tasks
// are done, and no `awaited_end` is left.
//
// It holds the future of the first task that failed. So the log handler gets the exception, as it gets that
// of any future, unless `wait` has rethrown it or somebody has looked at the future.
class group_state {
    class member;
    class awaited_end;

public:
    // Lets one task into the group, or nobody if it is destroyed before `follow` was called.
    class admission {
    public:
        explicit admission(group_state& group) : member_(new_member(group)), cancelled_(group.admit()) {}
        admission(const admission&) = delete;
        admission& operator=(const admission&) = delete;
        ~admission() {
            if (member_) {
                group_state& group = member_->group;
                delete member_;
                group.note_finished();
            }
        }

        // Whether the group is being cancelled, so that the task must not run.
        [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }

        // The task was submitted. Requires: the caller keeps a handle.
        void follow(shared_state_base& state) noexcept;

    private:
        static member* new_member(group_state& group) {
            group.futures_.throw_if_inherited();
            return new member(group);
        }

        member* member_;  // null once it owns itself
        bool cancelled_;
    };

    group_state() = default;
    group_state(const group_state&) = delete;
    group_state& operator=(const group_state&) = delete;

    // Cancels what has not started and requests stop of the rest.
    // Returns false if the group was being cancelled already.
    bool cancel() noexcept;

    // Waits until all tasks are done, and rethrows the first failure.
    void wait(const deadline& until);

    // Returns a future that ends as `wait` would, when all tasks are done. `request_stop` cancels the group.
    [[nodiscard]] Future<void> when_done();

    // The group is destroyed. Waits until all tasks are done. Returns at once where `wait` would throw.
    void end() noexcept;

private:
    // A task of the group, from its submit until it is done. It owns itself.
    class member final : public callback, public outstanding_futures::entry, public cached_memory {
    public:
        explicit member(group_state& its_group) noexcept : group(its_group) {}

        group_state& group;
        shared_state_base::handle future;  // empty before the task was submitted

    private:
        void call_back(outcome) override { group.note_done(*this, std::move(future)); }
    };

    ~group_state() = default;

    void remove_reference() noexcept {
        if (references_.fetch_sub(1) == 1) {
            delete this;
        }
    }

    // Counts one more task. Returns whether the group is being cancelled; if it has just begun to be,
    // `follow` sees that.
    [[nodiscard]] bool admit() noexcept {
        unfinished_.fetch_add(1);
        return cancelled_.load();
    }

    outstanding_futures::wait_end wait(outstanding_futures::lock_type& lock, const deadline& until) {
        return futures_.wait(lock, until, until.is_never(), [this] { return unfinished_.load() == 0; });
    }

    // Returns false where `wait` would throw as it would never end.
    bool wait_to_end(outstanding_futures::lock_type& lock) noexcept;

    void note_done(member& ended, shared_state_base::handle future) noexcept;

    // Requires: locked.
    [[gnu::cold]] void note_failure(outstanding_futures::lock_type& lock, shared_state_base& state) noexcept;

    // Requires: locked. Releases the lock meanwhile. Returns false if this has begun before.
    bool begin_to_cancel(outstanding_futures::lock_type& lock) noexcept;

    // All tasks are done. Returns what is to be rethrown, if any, and the group may be used again. Requires:
    // locked.
    [[nodiscard]] shared_state_base::handle take_failure() noexcept {
        cancelled_.store(false);
        return std::move(failed_);
    }

    // Has workers that wait for an `awaited_end` look at a new task. Requires: a task is unfinished,
    // so none of these ends; not locked, as they may need the lock to be told.
    static void tell_change(awaited_end* first) noexcept;

    void note_finished() noexcept;

    // Completes them, the first with the failure, if there is one.
    static void end_all(awaited_end* first, shared_state_base::handle failed) noexcept;

    outstanding_futures futures_;

    // Tasks of the group, also those that are being submitted, and those that end.
    sync::atomic<std::size_t> unfinished_{0};
    // Until the next `wait`. Written under the lock of `futures_`.
    sync::atomic<bool> cancelled_{false};
    // Of the group, and of each `awaited_end`.
    sync::atomic<std::size_t> references_{1};

    // Guarded by the lock of `futures_`.
    bool abandoned_ = false;  // the group is gone
    shared_state_base::handle failed_;
    awaited_end* awaited_ = nullptr;  // those that are not done
};

#if defined(CONCURRENT_FUTURES_DEFINES)

// What a coroutine awaits: that all tasks of a group are done. Like a coroutine, it is never pending, and so
// can't be cancelled.
class group_state::awaited_end final : public composed_state<void>, public cached_memory {
public:
    explicit awaited_end(group_state& group) noexcept : group_(group) {
        group_.references_.fetch_add(1);
        note_started();
        suspend([] {});
    }

    [[nodiscard]] weak_handle dependency(dependency_place& place) noexcept override {
        if (!is_unqueued() || group_.futures_.is_inherited()) {
            return {};
        }
        const outstanding_futures::lock_type lock = group_.futures_.lock();
        std::uint64_t number = first_number_ + place.index;
        const outstanding_futures::entry* const found = group_.futures_.find(number);
        place.index = static_cast<std::size_t>(number - first_number_);
        return found ? weak_handle(found->state()) : weak_handle();
    }
    [[nodiscard]] bool numbers_dependencies() const noexcept override { return true; }

    bool signal_stop() noexcept override { return is_unqueued() && group_.cancel(); }

private:
    friend class group_state;

    ~awaited_end() override { group_.remove_reference(); }

    // Begins to wait for the tasks of the group. Requires: that is locked.
    void begin() noexcept {
        first_number_ = group_.futures_.first_number();
        next_ = std::exchange(group_.awaited_, this);
    }

    // This may be gone when it returns.
    void end(handle failed) noexcept {
        go_on([] {});
        if (failed) {
            set_exception(failed.state().exception());
            failed.state().mark_exception_as_looked_at();
        }
        complete_without_handle();
    }

    group_state& group_;
    std::uint64_t first_number_ = 0;
    awaited_end* next_ = nullptr;
};

CONCURRENT_FUTURES_FUNCTION Future<void> group_state::when_done() {
    futures_.throw_if_inherited();
    auto& made = *new awaited_end(*this);
    Future<void> future = future_access::adopt<void>(made);
    outstanding_futures::lock_type lock = futures_.lock();
    if (unfinished_.load() != 0) {
        made.begin();
    } else {
        shared_state_base::handle failed = take_failure();
        lock.unlock();
        made.end(std::move(failed));
    }
    return future;
}

CONCURRENT_FUTURES_FUNCTION void group_state::tell_change(awaited_end* first) noexcept {
    for (; first; first = first->next_) {
        static_cast<void>(first->change([] {}));
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::end_all(awaited_end* first,
                                                      shared_state_base::handle failed) noexcept {
    while (awaited_end* const each = first) {
        first = each->next_;
        each->end(std::exchange(failed, shared_state_base::handle()));
    }
}

[[gnu::cold, gnu::noinline]] inline bool is_cancelled_error(const std::exception_ptr& exception) noexcept {
    try {
        std::rethrow_exception(exception);
    } catch (const cancelled_error&) {
        return true;
    } catch (...) {
        return false;
    }
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_unfinished_group(std::size_t unfinished) {
    char message[80];
    std::snprintf(message, sizeof message, "%zu tasks of the group were not done within the timeout",
                  unfinished);
    throw timeout_error(message);
}

CONCURRENT_FUTURES_FUNCTION void group_state::admission::follow(shared_state_base& state) noexcept {
    if (member_->group.futures_.is_inherited()) {
        return;  // the submit has run something that has forked
    }
    member_->future = shared_state_base::handle(state);
    awaited_end* awaited = nullptr;
    {
        group_state& group = member_->group;
        const outstanding_futures::lock_type lock = group.futures_.lock();
        group.futures_.add(*member_, state);
        cancelled_ = group.cancelled_.load();
        awaited = group.awaited_;
    }
    tell_change(awaited);
    // The group may be gone as soon as the task is done.
    std::exchange(member_, nullptr)->call_when_done(state);
    if (cancelled_) {
        state.request_stop();
    }
}

CONCURRENT_FUTURES_FUNCTION bool group_state::cancel() noexcept {
    if (futures_.is_inherited()) {
        return false;
    }
    outstanding_futures::lock_type lock = futures_.lock();
    return begin_to_cancel(lock);
}

CONCURRENT_FUTURES_FUNCTION void group_state::wait(const deadline& until) {
    futures_.throw_if_inherited();
    shared_state_base::handle failed;
    {
        outstanding_futures::lock_type lock = futures_.lock();
        const outstanding_futures::wait_end end = wait(lock, until);
        if (end == outstanding_futures::wait_end::timed_out) {
            throw_unfinished_group(unfinished_.load());
        }
        if (end == outstanding_futures::wait_end::waits_for_self) {
            throw_as_it_waits_for_itself();
        }
        failed = take_failure();
    }
    if (failed) {
        throw_failure(failed.state());
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::end() noexcept {
    if (futures_.is_inherited()) {
        return;  // nobody will complete the tasks, and the lock may be taken for ever
    }
    {
        outstanding_futures::lock_type lock = futures_.lock();
        if (!wait_to_end(lock)) {
            abandoned_ = true;  // the last task gives up the group's reference
            return;
        }
    }
    remove_reference();
}

CONCURRENT_FUTURES_FUNCTION bool group_state::wait_to_end(outstanding_futures::lock_type& lock) noexcept {
    for (;;) {
        try {
            return wait(lock, deadline()) == outstanding_futures::wait_end::ready;
        } catch (...) {
            if (futures_.is_inherited()) {
                return false;  // something that this has run has forked
            }
            // There is no memory to find out how this worker can help. Others may free some.
            lock.unlock();
            sync::this_thread::yield();
            lock.lock();
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_done(member& ended,
                                                        shared_state_base::handle future) noexcept {
    {
        const shared_state_base::handle dropped = std::move(future);
        outstanding_futures::lock_type lock = futures_.lock();
        futures_.remove(ended);
        if (dropped.state().how_done() == outcome::exception) {
            note_failure(lock, dropped.state());
        }
        if (futures_.is_inherited()) {
            return;  // what `note_failure` has cancelled has forked
        }
        lock.unlock();
        delete &ended;
    }
    // Only now: after a `wait`, the memory of the tasks is free, and unwanted results are destroyed.
    note_finished();
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_failure(outstanding_futures::lock_type& lock,
                                                           shared_state_base& state) noexcept {
    if (cancelled_.load() && is_cancelled_error(state.exception())) {
        // It has waited for a task that was cancelled with the group.
        state.mark_exception_as_looked_at();
        return;
    }
    if (!failed_) {
        failed_ = shared_state_base::handle(state);
        begin_to_cancel(lock);
    }
}

CONCURRENT_FUTURES_FUNCTION bool group_state::begin_to_cancel(outstanding_futures::lock_type& lock) noexcept {
    if (cancelled_.exchange(true)) {
        return false;
    }
    futures_.for_each(lock, [](shared_state_base& state) noexcept { state.request_stop(); });
    return true;
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_finished() noexcept {
    if (futures_.is_inherited()) {
        return;
    }
    // As long as others are unfinished, nobody need be woken, and they keep the group.
    std::size_t unfinished = unfinished_.load();
    while (unfinished > 1) {
        if (unfinished_.compare_exchange_weak(unfinished, unfinished - 1)) {
            return;
        }
    }
    bool last = false;
    awaited_end* awaited = nullptr;
    shared_state_base::handle failed;
    {
        // Under the lock: without it, a thread that waits could destroy the group before it is notified.
        const outstanding_futures::lock_type lock = futures_.lock();
        last = unfinished_.fetch_sub(1) == 1;
        if (last) {
            futures_.notify();
        }
        if (last && awaited_) {
            awaited = std::exchange(awaited_, nullptr);
            failed = take_failure();
        }
        last = last && abandoned_;
    }
    if (awaited) {
        end_all(awaited, std::move(failed));
    }
    if (last) {
        remove_reference();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// A `task_group` runs tasks that belong together on an executor, and waits for all of them. If one fails,
/// the others are cancelled, and `wait` rethrows the failure. No task outlives its group.
///
/// A failure, and `cancel`, cancel the tasks that have not started, and request a stop of those that run.
/// From then on the group is cancelled: a task that is still submitted comes back cancelled, and does not
/// run. The next `wait` that returns or rethrows ends this, and the group may be used again.
///
/// A task that was cancelled has not failed, and neither has one that throws `cancelled_error` after the
/// group was cancelled, as it does where it waits for another task of the group. `wait` rethrows only the
/// first failure. The log handler gets that if nobody waits, and what further tasks throw, unless somebody
/// looks at their futures.
///
/// The executor is one of any kind, and must outlive the group. A task that is done takes no room in the
/// group. But as long as its done callbacks are called, the group has a handle on it: `result()` of an rvalue
/// may have to copy until `wait` has returned.
///
/// Thread-safety: any threads may call all members at once, even tasks of the group.
///
/// \code
/// std::atomic<int> sum = 0;
/// futures::task_group group(executor);
/// for (int number : {1, 2, 3})
///     group.submit([&sum, number] { sum += number; });
/// group.wait();
/// assert(sum == 6);
/// \endcode
template <class Executor>
class task_group {
public:
    /// Makes a group without tasks, which submits to `executor`.
    ///
    /// \throws std::bad_alloc if there is no memory
    explicit task_group(Executor& executor)
        : executor_(executor), state_(new detail::group_state()), exceptions_(std::uncaught_exceptions()) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Waits until all tasks are done. If the scope of the group is left by an exception, cancels the group
    /// first. In a task of the group, this can't wait for the task, and returns at once.
    ///
    /// \code
    /// futures::Future<int> future;
    /// {
    ///     futures::task_group group(executor);
    ///     future = group.submit([] { return 42; });
    /// }
    /// assert(future.done());
    /// \endcode
    ~task_group() {
        if (std::uncaught_exceptions() > exceptions_) {
            state_->cancel();
        }
        state_->end();
    }

    /// Submits a task to the executor, and returns its future. If the group is cancelled, the future is
    /// cancelled too, and nothing is submitted.
    ///
    /// \throws what the executor's `submit` throws; then there is no new task
    ///
    /// \code
    /// futures::task_group group(executor);
    /// futures::Future<std::size_t> length = group.submit(&std::string::size, std::string("hello"));
    /// assert(length.result() == 5);
    /// \endcode
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args)
        -> decltype(std::declval<Executor&>().submit(std::forward<Fn>(fn), std::forward<Args>(args)...)) {
        detail::group_state::admission admitted(*state_);
        if (admitted.is_cancelled()) {
            auto never_called = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
            never_called.future.cancel();
            return std::move(never_called.future);
        }
        auto future = executor_.submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
        admitted.follow(detail::future_access::state(future));
        return future;
    }

    /// Waits until all tasks are done, at most for `limit`, and rethrows the first failure in time.
    ///
    /// On a worker of a pool, it runs on the spot what is queued in that pool: tasks of the group, what they
    /// have submitted, and what they wait for, but nothing else. With a `limit`, it does so only if no other
    /// worker is idle and none can be started.
    ///
    /// \throws what the first task that failed has thrown
    /// \throws timeout_error if `limit` passed first; the tasks go on
    /// \throws invalid_state_error if a pool's task waits, without a limit, for the group that it belongs to
    /// \throws broken_executor in the child of a fork, if the group is the parent's
    /// \throws std::bad_alloc if a worker has no memory to find out what the tasks wait for
    ///
    /// \code
    /// futures::task_group group(executor);
    /// group.submit([] { throw std::runtime_error("bad luck"); });
    /// try {
    ///     group.wait();
    ///     assert(false);
    /// } catch (const std::runtime_error& failure) {
    ///     assert(failure.what() == std::string("bad luck"));
    /// }
    /// \endcode
    void wait(const timeout& limit = {}) { state_->wait(limit.start()); }

    /// Lets a coroutine of any type wait as `wait()` does, without a thread: `co_await group` goes on when
    /// all tasks are done, and rethrows the first failure in time. A coroutine that itself returns a `Future`
    /// goes on as a task of its executor. Any other goes on where the last task has ended, as a done callback
    /// does. The group may be used again after that.
    ///
    /// A worker that waits for such a coroutine runs the tasks of the group, as `wait()` does.
    /// `request_stop()` of the coroutine cancels the group, and the coroutine goes on when all tasks are
    /// done.
    ///
    /// \throws what the first task that failed has thrown
    /// \throws broken_executor in the child of a fork, if the group is the parent's
    /// \throws std::bad_alloc if there is no memory
    ///
    /// \code
    /// auto sum = [](futures::thread_pool_executor<>& pool) -> futures::Future<int> {
    ///     futures::task_group group(pool);
    ///     auto six = group.submit([] { return 6; });
    ///     auto seven = group.submit([] { return 7; });
    ///     co_await group;
    ///     co_return six.result() + seven.result();
    /// };
    /// assert(sum(executor).result() == 13);
    /// \endcode
    auto operator co_await() { return detail::future_awaiter<void, Future<void>>(state_->when_done()); }

    /// Cancels the tasks that have not started, and requests a stop of those that run. Doesn't wait.
    ///
    /// \code
    /// futures::task_group group(executor);
    /// group.cancel();
    /// assert(group.submit([] { return 42; }).cancelled());
    /// group.wait();
    /// assert(group.submit([] { return 42; }).result() == 42);
    /// \endcode
    void cancel() noexcept { state_->cancel(); }

private:
    Executor& executor_;
    detail::group_state* const state_;  // destroys itself
    const int exceptions_;              // that were on their way when the group was made
};

/// `task_group group(executor);` is a group of whatever executor it is given.
template <class Executor>
task_group(Executor&) -> task_group<Executor>;

}}  // namespace concurrent::futures
