// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint64_t
#include <exception>  // std::exception_ptr
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/result_type.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// `future_state` says how far a future has got.
///
/// \code
/// auto future = executor.submit([] {});
/// future.wait();
/// assert(future.state() == futures::future_state::finished);
/// \endcode
enum class future_state {
    pending,    ///< not started
    running,    ///< started, not finished
    cancelled,  ///< cancelled before it started
    finished    ///< returned a value or threw an exception
};

namespace detail {

class queued_state;

// Where a search is among what a future depends on, one after the other.
struct dependency_place {
    std::size_t index = 0;
    // Of the waits among which `index` counts, how many have been removed, see `blocked_wait_list`.
    std::size_t removals = 0;
};

// `shared_state_base` is what the handles on one future share, except for the value's type. A task is in the
// same allocation as its future's state. In these comments, the task's queue is what holds the task until it
// runs: a queue of a pool, or a `packaged_task`.
//
// A future has these states. The list says which thread may change each:
//
//     pending ──claim──> running ──complete──> finished
//        └─────cancel──> cancelling ─────────> cancelled
//
//   claim     the thread that will produce the result: a worker, a worker that waits for the task, the
//             caller of a `packaged_task`, the user of a `Promise`, or the pool, which fails its tasks
//   cancel    each thread with a handle, and the pool
//   complete  the thread that claimed; from cancelling to cancelled, the thread that cancelled
//
// Claiming and cancelling are each one compare-exchange on the same word, so exactly one thread wins. The
// winner alone may run or destroy the captures. The claimer alone may write the result until the claimer
// completes; from then on every thread may read the result. To other threads, cancelling looks like pending:
// the captures are destroyed before anybody can see that the task is over.
//
// The word also counts the handles, and its flag `in_queue` says that a queue holds the task. The last handle
// destroys the result or the exception. If another thread has run or cancelled the task and a queue still
// holds it, the queue then keeps nothing but the memory. A worker that has taken the task out of its queue
// clears `in_queue` in the same step that completes the task, or, if it took the task back, that claims it.
// So whoever sees a finished future also sees who else can still look at the result. The last handle may move
// the value out, or report that nobody has looked at the exception, however far the worker has got.
//
// A future may wait for other futures before it is queued or becomes done: a continuation, or what gathers
// several. The flag `unqueued` says so. Until it is cleared, `in_queue` says that callbacks of those others
// hold the memory, and every step that leaves pending is taken under the lock. So a thread that has the lock,
// and sees that the future waits for others, can reach those.
//
// A worker that waits for a task, and runs it, may have no handle on it: the others must be able to tell
// which handle is the last. So `helped` holds the memory, from the claim until the task is done. A worker
// that looks at what it waits for has a `weak_handle`, which is like a `std::weak_ptr`: it holds nothing but
// the memory, too, and is no handle. If the last handle goes meanwhile, it destroys the result all the same.
//
// A coroutine is claimed once, when it starts, and `helped` holds the memory of what runs until that is done.
// While it doesn't run, it is `suspended`: first it waits for another future, as `unqueued` says; then it
// waits in a queue for its next turn, which is claimed like the first.
//
//     running ──suspend──> suspended, unqueued ──begin_to_queue_again──> suspended ──claim_turn──> running
//
// A worker that waits for the coroutine may take its turn while the queue still has it. Should the next turn
// come before the queue has dropped the last one, that is the next one.
//
// The bit `locked` guards the list of waiters. A thread holds it for a few instructions, and never while it
// runs user code. Completing takes it only if there are waiters or another thread holds it.
//
// The word contains the number of the process, see `forks`. A lock or a waiter of another process belongs to
// a thread that doesn't exist here, so the next thread that locks discards both.
class shared_state_base {
public:
    // The state of a promise starts with one handle.
    shared_state_base() noexcept : word_(one_handle | in_process(forks::process())) {}

    // The state of a task starts with one handle, and in its queue. The queue belongs to `process`.
    explicit shared_state_base(std::uint32_t process) noexcept
        : word_(one_handle | in_queue | in_process(process)) {}

    shared_state_base(const shared_state_base&) = delete;
    shared_state_base& operator=(const shared_state_base&) = delete;

    // Acquire, here and in the next two: pairs with the release in `settle`, so the caller can read the
    // result.
    [[nodiscard]] future_state state() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) != 0 ? future_state::pending : state_of(word);
    }

    [[nodiscard]] bool done() const noexcept { return is_done(word_.load(std::memory_order_acquire)); }

    // Returns whether the task is cancelled, or a thread is destroying its captures in order to cancel
    // it.
    [[nodiscard]] bool will_not_run() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) || state_of(word) == future_state::cancelled;
    }

    // Requires: the future is done.
    [[nodiscard]] outcome how_done() const noexcept {
        return state() == future_state::cancelled ? outcome::cancelled : how_finished();
    }

    // Requires: the future is finished. The exception doesn't count as looked at.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    void mark_exception_as_looked_at() noexcept {
        // Relaxed: only the last handle reads the mark, and the release and acquire in `remove_handle` come
        // between.
        word_.fetch_or(looked_at, std::memory_order_relaxed);
    }

    void add_handle() noexcept {
        // Relaxed: the caller has a handle, or is the queue that has the task, so no thread can be destroying
        // the state.
        word_.fetch_add(one_handle, std::memory_order_relaxed);
    }

    void remove_handle() noexcept {
        // Acquire: pairs with the release with which other threads removed handles or cleared `in_queue`.
        if ((word_.load(std::memory_order_acquire) & (handles | holds_memory)) == one_handle) {
            destroy();  // nobody else can add a handle
            return;
        }
        // Release: what this thread did with the state comes before its destruction; pairs with the acquire
        // here and above. Acquire: pairs with that release in the other threads, if this one destroys.
        const std::uint64_t before = word_.fetch_sub(one_handle, std::memory_order_acq_rel);
        if ((before & handles) != one_handle) {
            return;
        }
        if (!(before & holds_memory)) {
            destroy();
        } else {
            clear_result_if_finished(before);
        }
    }

    // Whether there is one handle, but for a promise's.
    [[nodiscard]] bool has_last_handle() const noexcept { return has_handles(has_promise() ? 2 : 1); }

    // Returns whether the caller's handle is the only one.
    [[nodiscard]] bool has_one_handle() const noexcept { return has_handles(1); }

    // A hint, but certain if nobody else can copy or drop a handle.
    [[nodiscard]] bool has_more_handles_than(std::uint64_t number) const noexcept {
        return (word_.load(std::memory_order_relaxed) & handles) > number * one_handle;  // relaxed: a hint
    }

    // Changes the state from pending to running. Exactly one caller gets true, and must produce the result.
    [[nodiscard]] bool claim() noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: the queue or the handle that the claimer came by orders what the claimer reads;
            // `complete` publishes what it writes.
            if (word_.compare_exchange_weak(word, with_state(word, future_state::running),
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    template <bool is_weak>
    class handle_of;
    using handle = handle_of<false>;
    using weak_handle = handle_of<true>;

    // pending → running, for a worker that waits for the task, and may have no handle. If it has a weak one
    // to give up, `given_up`, the same step removes that. If the worker has `taken` the task out of its
    // queue, the step also clears `in_queue`. Returns false if the task waits for other futures.
    [[nodiscard]] bool claim_to_help(bool taken, weak_handle* given_up) noexcept {
        const std::uint64_t removed = given_up ? one_weak_handle : 0;
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending && !(word & unqueued)) {
            const std::uint64_t claimed = (with_state(word, future_state::running) | helped) - removed;
            // Acquire: pairs with the release in `begin_to_queue`.
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_acquire, std::memory_order_relaxed)) {
                if (given_up) {
                    static_cast<void>(given_up->release());
                }
                return true;
            }
        }
        return false;
    }

    // pending → running, for a future that waits for others.
    [[nodiscard]] bool claim_unqueued() noexcept {
        bool claimed = false;
        with_lock([&] { claimed = claim(); });
        return claimed;
    }

    // Calls `fn()` under the lock.
    template <class Fn>
    void with_lock(Fn fn) noexcept {
        lock();
        fn();
        unlock();
    }

    // Calls `fn()` under the lock if the future still waits for others. Else returns false.
    template <class Fn>
    bool if_unqueued(Fn fn) noexcept {
        bool waits = false;
        with_lock([&] {
            waits = is_unqueued();
            if (waits) {
                fn();
            }
        });
        return waits;
    }

    // Does the same, and then has the threads that wait for the future look again at what it waits for.
    template <class Fn>
    [[nodiscard]] bool change(Fn fn) noexcept {
        return if_unqueued([&] {
            fn();
            waiters_.tell_change();
        });
    }

    // The future no longer waits for others: it is about to be queued, and may be run from now on. Returns
    // false if it was cancelled.
    [[nodiscard]] bool begin_to_queue() noexcept {
        // Release, here and below: pairs with the acquire in `is_unqueued` and `claim_to_help`. It publishes
        // what the future waited for.
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (is_waiting(word) && (word & unqueued) && !(word & (locked | has_waiters))) {
            // Acquire: pairs with the release in `unlock`. Other threads may have read, under the lock, what
            // the task is about to change.
            if (word_.compare_exchange_weak(word, word & ~unqueued, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return change([this] { word_.fetch_and(~unqueued, std::memory_order_release); });
    }

    // Whether the future waits for others before it is queued or done. Under the lock, true is certain.
    [[nodiscard, gnu::always_inline]] bool is_unqueued() const noexcept {
        // Acquire: pairs with the release in `begin_to_queue`.
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return is_waiting(word) && (word & unqueued);
    }

    // Whether the future waits for others, or was cancelled or failed while it did. Then its pool may exist
    // no more.
    [[nodiscard]] bool was_not_queued() const noexcept {
        return (word_.load(std::memory_order_acquire) & unqueued) != 0;  // acquire: as in `is_unqueued`
    }

    // The following are for coroutines.

    // pending → running, for one that starts at once. Requires: no other thread knows the state.
    void note_started() noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        word_.store((with_state(word, future_state::running) | helped) & ~in_queue,
                    std::memory_order_relaxed);
    }

    // The coroutine, which runs on this thread, is about to wait for another future. Calls `fn()` under the
    // lock.
    template <class Fn>
    void suspend(Fn fn) noexcept {
        with_lock([&] {
            fn();
            word_.fetch_or(suspended | unqueued, std::memory_order_relaxed);  // relaxed: the lock orders it
            waiters_.tell_change();
        });
    }

    // The coroutine goes on, on this thread, without a turn in a queue. Calls `fn()` under the lock.
    template <class Fn>
    void go_on(Fn fn) noexcept {
        with_lock([&] {
            fn();
            word_.fetch_and(~(suspended | unqueued), std::memory_order_relaxed);  // as above
        });
    }

    // The coroutine need not wait any more: it is about to be queued, and its turn may be claimed from now
    // on. Calls `fn()` under the lock. Returns false if a queue has it still, from its last turn, so that it
    // must not be pushed.
    template <class Fn>
    [[nodiscard]] bool begin_to_queue_again(Fn fn) noexcept {
        bool is_to_be_pushed = false;
        with_lock([&] {
            fn();
            std::uint64_t word = word_.load(std::memory_order_relaxed);
            // Release: pairs with the acquire in `claim_turn`. It publishes the awaited result.
            while (!word_.compare_exchange_weak(word, (word & ~unqueued) | in_queue,
                                                std::memory_order_release, std::memory_order_relaxed)) {
            }
            is_to_be_pushed = !(word & in_queue);
            waiters_.tell_change();
        });
        return is_to_be_pushed;
    }

    // The coroutine goes on. Returns true to one caller for each turn. If the caller has `taken` it out of
    // its queue, the same step clears `in_queue`.
    [[nodiscard]] bool claim_turn(bool taken) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & (suspended | unqueued)) == suspended) {
            const std::uint64_t claimed = word & ~suspended;
            // Acquire: pairs with the release in `begin_to_queue_again`.
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_acquire, std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    // Does what `release_from_queue` does, unless the coroutine waits to be run after all: then returns
    // false.
    [[nodiscard]] bool release_unless_live() noexcept {
        wait_for_unlocking();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        do {
            if (is_waiting(word) && !(word & unqueued)) {
                return false;
            }
            // As in `release_from_queue`.
        } while (!word_.compare_exchange_weak(word, word & ~in_queue, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
        delete_if_released(word & ~in_queue);
        return true;
    }

    // running → finished. Requires: the caller has claimed, stored the result, and has a handle.
    void complete() noexcept {
        static_cast<void>(settle<future_state::finished, 0>(how_finished(), [] {}));
    }

    // Does the same, and needs no handle, as something else holds the memory: `helped`, which the same step
    // clears, or callbacks of other futures.
    void complete_without_handle() noexcept {
        if (!(settle<future_state::finished, helped>(how_finished(), [] {}) & handles)) {
            destroy_without_handle();
        }
    }

    // running → finished; the same step clears `in_queue`. If there are callbacks, calls `before_callbacks()`
    // before any waiter is told. Returns true if no handle is left: then the caller must
    // `destroy_without_handle`.
    // Requires: the caller has claimed, taken the task out of its queue, and stored the result.
    template <class BeforeCallbacks>
    [[nodiscard]] bool complete_taken(BeforeCallbacks before_callbacks) noexcept {
        return !(settle<future_state::finished, in_queue>(how_finished(), before_callbacks) & handles);
    }

    // Returns whether there is a handle. For the thread that has taken the task, false is final; else it is a
    // hint.
    [[nodiscard]] bool has_handle() const noexcept {
        // Relaxed: `complete_taken` sees a handle that is removed meanwhile.
        return (word_.load(std::memory_order_relaxed) & handles) != 0;
    }

    // Logs an exception that nobody looked at, and destroys the result. Frees the state, unless something
    // still holds the memory, and then does that. Requires: there was no handle when this thread completed
    // the future.
    void destroy_without_handle() noexcept {
        // Acquire: pairs with the release with which other threads gave the memory up.
        if (is_left(word_.load(std::memory_order_acquire))) {
            destroy();
        } else {
            clear_result();
        }
    }

    // A `handle` owns one of the handles that the word counts, or is empty. A `weak_handle` holds the memory
    // of the state for a moment, or is empty.
    template <bool is_weak>
    class handle_of {
    public:
        handle_of() noexcept = default;
        // Requires, for a weak one: the future can't be done yet, or there is a handle.
        explicit handle_of(shared_state_base& state) noexcept : state_(&state) {
            if constexpr (is_weak) {
                state.add_weak_handle();
            } else {
                state.add_handle();
            }
        }
        // Takes over a handle that the caller has.
        [[nodiscard]] static handle_of adopt(shared_state_base& state) noexcept { return handle_of(&state); }
        handle_of(handle_of&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
        handle_of& operator=(handle_of&& other) noexcept {
            if (this != &other) {
                reset();
                state_ = std::exchange(other.state_, nullptr);
            }
            return *this;
        }
        ~handle_of() { reset(); }
        [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
        void reset() noexcept {
            if (shared_state_base* const state = std::exchange(state_, nullptr)) {
                if constexpr (is_weak) {
                    state->remove_weak_handle();
                } else {
                    state->remove_handle();
                }
            }
        }
        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }
        // Gives up the handle, for the caller to take over.
        [[nodiscard]] shared_state_base& release() noexcept { return *std::exchange(state_, nullptr); }

    private:
        explicit handle_of(shared_state_base* state) noexcept : state_(state) {}

        shared_state_base* state_ = nullptr;
    };

    // pending → cancelled. Returns true if this call or an earlier one cancelled the future. If this thread
    // is destroying the captures of a cancelled task, it may return true before the future is cancelled.
    //
    // What the future waits for is cancelled too, as far as nobody else has a handle on that; or requested to
    // stop, if `stop`.
    bool cancel(bool stop = false) noexcept;

    // Cancels the future if it has not started, else requests a stop. Returns whether that had an effect.
    bool request_stop() noexcept {
        return (state() == future_state::pending && cancel(true)) || signal_stop();
    }

    // Requests a stop of the running task. Returns whether that had an effect.
    CONCURRENT_FUTURES_FUNCTION virtual bool signal_stop() noexcept;

    // Returns the type of the result.
    [[nodiscard]] virtual result_type type() const noexcept = 0;

    // The following functions say whether, and how, the calling thread can help a future that it waits for. A
    // future that depends on nothing that could run here, such as a promise's, can't be helped.

    enum class help_result {
        none,             // this thread can't help now
        helped,           // this thread ran the task, or something for which the task may wait
        waits_for_self,   // this thread is in the middle of running the task, so waiting would never end
        waits_for_others  // the future depends on others; this thread may be able to help those
    };

    // For a wait without a limit: runs the task if it is queued in this thread's pool; or, if another worker
    // of the pool runs it, something that it has submitted. If `given_up`, then the caller keeps the state by
    // that alone, and it is removed before anything runs.
    virtual help_result help(weak_handle* given_up) noexcept {
        static_cast<void>(given_up);
        return help_result::none;
    }
    // A hint for a thread that spins: whether `help()` would find something.
    [[nodiscard]] virtual bool may_help() noexcept { return false; }

    // For other waits: returns this thread's helper if it could run the task, else null.
    [[nodiscard]] virtual helper* helper_here() noexcept { return nullptr; }
    // Runs the task; returns false if it is no longer queued. Requires: `helper_here()` returned the first
    // argument. See above for the second.
    virtual bool help(helper&, weak_handle* given_up) noexcept {
        static_cast<void>(given_up);
        return false;
    }
    // Returns this thread's helper if the future may depend on others that this thread can run; else null.
    [[nodiscard]] virtual helper* helper_of_others() noexcept { return nullptr; }
    // Returns a weak handle on a future without which this one can't go on: the one with number
    // `place.index`, or, where that is done, a later one, whose number is stored there. If numbers have
    // changed since `place` was, begins anew. Returns an empty handle if there is none.
    //
    // When a future that waits for others comes to depend on another, or can be run, it tells its waiters by
    // `change`. A task that is queued or runs depends on what the workers wait for that keep it from ending.
    // When one of those begins to sleep, it calls `have_sleepers_look_again`.
    [[nodiscard]] virtual weak_handle dependency(dependency_place& place) noexcept {
        static_cast<void>(place);
        return {};
    }
    // Whether a dependency keeps its number, and what the future comes to depend on gets a greater one.
    [[nodiscard]] virtual bool numbers_dependencies() const noexcept { return false; }
    // Has the workers look again that could run this task, if it is queued, and that sleep: one of them may
    // depend on it. Others may run it first, but those that are busy may be so until this one is done.
    virtual void have_sleepers_look_again() noexcept {}
    // Whether the task may have to be run several times before it is done.
    [[nodiscard]] virtual bool runs_in_turns() const noexcept { return false; }
    // Returns whether this thread is in the middle of running the task.
    [[nodiscard]] virtual bool runs_here() noexcept { return false; }

    // Returns the task that a pool runs to complete this future, if there is one.
    [[nodiscard]] virtual queued_state* as_task() noexcept { return nullptr; }

    // Returns whether the future came from the parent process and was not done at the fork. Nothing here will
    // complete such a future.
    [[nodiscard]] bool is_inherited() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);  // relaxed: written before the fork
        return !is_done(word) && ((word & inherited) || is_of_another_process(word));
    }

    // Adds a thread, before all other waiters; returns false without adding it if the future is done. A
    // callback adds itself, see `callback::call_when_done`.
    [[nodiscard]] bool add_waiter(thread_waiter& added) noexcept {
        return add([&] { waiters_.add_first(added); });
    }

    // Returns false if the waiter was told or is about to be; then the caller must wait until it was told.
    [[nodiscard]] bool remove_waiter(thread_waiter& removed) noexcept { return remove(removed); }

    // Returns what `fn()` returns, and keeps the future from becoming done meanwhile; null if the future is
    // done.
    template <class Fn>
    [[nodiscard]] auto unless_done(Fn fn) noexcept -> decltype(fn()) {
        lock();
        auto result = done() ? decltype(fn())() : fn();
        unlock();
        return result;
    }

    // Requires: the caller has claimed, and stores no value.
    void set_exception(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }

    // Requires: the task could not be queued.
    void note_not_queued() noexcept {
        word_.fetch_and(~in_queue, std::memory_order_relaxed);  // relaxed: no other thread has a handle
    }

    // The queue releases a stale task: another thread has claimed or cancelled it.
    void release_from_queue() noexcept;

    // Whether something must be run, by a worker or by who waits for that, before the future can be done.
    [[nodiscard]] bool is_waiting() const noexcept {
        return is_waiting(word_.load(std::memory_order_relaxed));
    }

protected:
    virtual ~shared_state_base() = default;

    // The future waits for others from the beginning. Requires: no other thread knows the state.
    void note_unqueued() noexcept {
        word_.store(word_.load(std::memory_order_relaxed) | unqueued, std::memory_order_relaxed);
    }

    // Called if the future is cancelled while it waits for others, before its captures are destroyed: takes
    // its callbacks back, and cancels, or requests to stop, those others on which nobody else has a handle.
    virtual void stop_waiting(bool stop) noexcept { static_cast<void>(stop); }

    // Whether a `Promise` has one of the handles, until the future is done.
    [[nodiscard]] virtual bool has_promise() const noexcept { return false; }

    // Cancels what the caller has the last handle on, but for a promise; or requests it to stop, if `stop`.
    static void cancel_if_last(shared_state_base& state, bool stop) noexcept;

    // Destroys the captures. Requires: the caller has claimed the task or is cancelling it.
    virtual void discard_captures() noexcept = 0;
    // The task is stale now. Called under the lock; the queue releases a cancelled task only after that.
    virtual void note_stale_in_queue() noexcept {}
    // Destroys the result, of a state that has a value, and what it may refer to.
    virtual void discard_result() noexcept = 0;
    // Destroys the state, which has no exception, and frees its memory.
    virtual void dispose() noexcept { delete this; }

    // For what has a destructor that may do anything, for example give up the last handle on another future.
    void dispose_at_any_depth() noexcept {
        trampoline::call([this]() noexcept { delete this; });
    }

    // Returns whether there is a value to destroy. Requires: no other thread uses the state.
    [[nodiscard]] bool has_result() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        return state_of(word) == future_state::finished && !exception_ && !(word & cleared);
    }

private:
    friend class callback;

    [[nodiscard]] bool has_handles(std::uint64_t number) const noexcept {
        // Acquire: pairs with the release in `remove_handle`, after which the other handles read nothing
        // more.
        return (word_.load(std::memory_order_acquire) & handles) == number * one_handle;
    }

    // The word has two bits of `future_state`, six flags, 22 bits of the process's number (which are enough
    // on all known systems), four more flags, three bits of the number of weak handles, and from bit 37 the
    // number of handles. Eight weak handles count as one handle.
    static constexpr std::uint64_t state_bits = 3;
    static constexpr std::uint64_t locked = 1 << 2;
    static constexpr std::uint64_t has_waiters = 1 << 3;
    static constexpr std::uint64_t looked_at = 1 << 4;
    static constexpr std::uint64_t cancelling = 1 << 5;  // the state bits say running
    static constexpr std::uint64_t in_queue = 1 << 6;
    static constexpr std::uint64_t cleared = 1 << 7;  // the result or the exception is destroyed
    static constexpr std::uint64_t process_bits = 0x3FFF'FF00;
    static constexpr std::uint64_t inherited = 0x4000'0000;  // made by the process that forked this one
    static constexpr std::uint64_t unqueued = 0x8000'0000;   // it waits for other futures
    static constexpr std::uint64_t helped = std::uint64_t(1) << 32;     // a worker that waits for it runs it
    static constexpr std::uint64_t suspended = std::uint64_t(1) << 33;  // a coroutine that doesn't run
    static constexpr std::uint64_t one_weak_handle = std::uint64_t(1) << 34;
    static constexpr std::uint64_t weak_handles = 7 * one_weak_handle;
    static constexpr std::uint64_t one_handle = std::uint64_t(1) << 37;
    static constexpr std::uint64_t handles = ~(one_handle - 1);
    static constexpr std::uint64_t holds_memory = in_queue | helped | weak_handles;

    static constexpr future_state state_of(std::uint64_t word) noexcept {
        return static_cast<future_state>(word & state_bits);
    }
    static constexpr std::uint64_t with_state(std::uint64_t word, future_state state) noexcept {
        return (word & ~(state_bits | cancelling)) | static_cast<std::uint64_t>(state);
    }
    static constexpr bool is_done(std::uint64_t word) noexcept {
        return state_of(word) == future_state::finished || state_of(word) == future_state::cancelled;
    }
    static constexpr bool is_waiting(std::uint64_t word) noexcept {
        return state_of(word) == future_state::pending || (word & suspended);
    }
    static constexpr std::uint64_t in_process(std::uint32_t process) noexcept {
        return (std::uint64_t(process) << 8) & process_bits;
    }
    static bool is_of_another_process(std::uint64_t word) noexcept {
        return (word & process_bits) != in_process(forks::process());
    }

    [[nodiscard]] outcome how_finished() const noexcept {
        return exception_ ? outcome::exception : outcome::value;
    }

    // Changes the state to `to`, and clears the flags `released` in the same step. Returns the word after
    // that: if it has no handles, the caller must `destroy_without_handle`.
    template <future_state to, std::uint64_t released, class BeforeCallbacks>
    [[nodiscard]] std::uint64_t settle(outcome how, BeforeCallbacks before_callbacks) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!(word & (locked | has_waiters))) {
            // Release: pairs with the acquire loads of the word, which may then read the result. Acquire:
            // pairs with the release in `remove_handle`, in case no handle is left.
            if (word_.compare_exchange_weak(word, settled<to, released>(word), std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return settled<to, released>(word);
            }
        }
        return settle_and_tell<to, released>(how, before_callbacks);
    }

    template <future_state to, std::uint64_t released>
    static constexpr std::uint64_t settled(std::uint64_t word) noexcept {
        return with_state(word, to) & ~released;
    }

    // Whether no handle is left, and nothing else holds the memory.
    static constexpr bool is_left(std::uint64_t word) noexcept { return !(word & (handles | holds_memory)); }

    // Does the same if there are waiters or another thread holds the lock.
    template <future_state to, std::uint64_t released, class BeforeCallbacks>
    [[nodiscard, gnu::noinline]] std::uint64_t settle_and_tell(outcome how,
                                                               BeforeCallbacks before_callbacks) noexcept {
        lock();
        waiters_.tell_ending();
        waiter_list waiters = std::move(waiters_);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(word, settled<to, released>(word) & ~(locked | has_waiters),
                                            std::memory_order_acq_rel,  // as in `settle`; also unlocks
                                            std::memory_order_relaxed)) {
        }
        if (waiters.has_callback()) {
            before_callbacks();
        }
        waiters.tell(how);
        return settled<to, released>(word);
    }

    // pending → cancelling. Returns whether this call did that.
    bool begin_to_cancel() noexcept;

    // cancelling → cancelled. Requires: the caller has begun to cancel, and has a handle.
    void finish_cancelling(bool stop) noexcept;

    void add_weak_handle() noexcept {
        word_.fetch_add(one_weak_handle, std::memory_order_relaxed);  // relaxed: as in `add_handle`
    }
    void remove_weak_handle() noexcept;

    // Logs an exception that nobody looked at, and frees the state. Requires: nothing holds the memory.
    void destroy() noexcept {
        if (exception_) {
            destroy_failed();
        } else {
            dispose();
        }
    }

    [[gnu::cold]] void destroy_failed() noexcept;

    // Called when something holds the memory no more; `after` is the word since then. If a finished state has
    // no handles, `clear_result` destroys the result; whichever comes last deletes.
    void delete_if_released(std::uint64_t after) noexcept {
        if (is_left(after) && ((after & cleared) || state_of(after) == future_state::cancelled)) {
            delete this;
        }
    }

    // Called when the last handle is gone, while something still holds the memory; that destroys an
    // unfinished state, when the task has run, or when its turn comes.
    void clear_result_if_finished(std::uint64_t word) noexcept {
        if (state_of(word) == future_state::finished) {
            clear_result();
        }
    }

    // Called by the last handle while something still holds the memory.
    void clear_result() noexcept;

    void log_if_not_looked_at() noexcept {
        // Relaxed: `remove_handle` orders this after every mark.
        if (!(word_.load(std::memory_order_relaxed) & looked_at)) {
            log("exception was never retrieved", exception_);
        }
    }

    // Marks that this thread is destroying the captures of a task that it cancels.
    class cancellation {
    public:
        cancellation() noexcept : within_another_(std::exchange(within_, true)) {}
        cancellation(const cancellation&) = delete;
        cancellation& operator=(const cancellation&) = delete;
        ~cancellation() { within_ = within_another_; }

        [[nodiscard]] static bool goes_on() noexcept { return within_; }

    private:
        static constinit inline thread_local bool within_ = false;

        const bool within_another_;
    };

    // Waits until the thread that is cancelling has destroyed the captures.
    void wait_for_canceller() noexcept;

    // Adds a callback, after all other waiters; returns false without adding it if the future is done.
    [[nodiscard]] bool add_callback(waiter& added) noexcept {
        return add([&] { waiters_.add_last(added); });
    }

    // Takes a callback back. Returns false if it was called or is about to be.
    [[nodiscard]] bool remove_callback(waiter& removed) noexcept { return remove(removed); }

    [[nodiscard]] bool remove(waiter& removed) noexcept;

    template <class Link>
    bool add(Link link) noexcept {
        lock();
        // Under the lock, the future doesn't become done, nor does the flag change.
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        if (is_done(word)) {
            unlock();
            return false;
        }
        link();
        if (word & has_waiters) {
            unlock();
        } else {
            // Sets the flag and unlocks in one step, or `settle` would miss the flag. Release: as in
            // `unlock`.
            static_assert(has_waiters > locked);
            word_.fetch_add(has_waiters - locked, std::memory_order_release);
        }
        return true;
    }

    void lock() noexcept;

    void lock_slowly() noexcept;

    // Release: pairs with the acquire in `lock` and in `wait_for_unlocking`.
    void unlock() noexcept { word_.fetch_and(~locked, std::memory_order_release); }

    void wait_for_unlocking() const noexcept {
        // Acquire: pairs with the release of `unlock` in `begin_to_cancel`.
        for (back_off delay; word_.load(std::memory_order_acquire) & locked;) {
            delay.pause();
        }
    }

    sync::atomic<std::uint64_t> word_;
    waiter_list waiters_;
    std::exception_ptr exception_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

bool shared_state_base::signal_stop() noexcept {
    return false;
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::cancel(bool stop) noexcept {
    if (begin_to_cancel()) {
        trampoline::call([kept = handle(*this), stop]() noexcept { kept.state().finish_cancelling(stop); });
        return true;
    }
    if (word_.load(std::memory_order_acquire) & cancelling) {
        // Among such captures, this thread would wait for itself, or for a thread that waits for it.
        if (!cancellation::goes_on()) {
            wait_for_canceller();
        }
        return true;
    }
    return state() == future_state::cancelled;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::release_from_queue() noexcept {
    wait_for_unlocking();
    // Acquire and release: pairs with the other side's in `remove_handle` and `clear_result`.
    delete_if_released(word_.fetch_and(~in_queue, std::memory_order_acq_rel) & ~in_queue);
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::cancel_if_last(shared_state_base& state,
                                                                   bool stop) noexcept {
    if (state.has_last_handle() && !state.done()) {
        trampoline::call([kept = handle(state), stop]() noexcept {
            static_cast<void>(stop ? kept.state().request_stop() : kept.state().cancel());
        });
    }
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::begin_to_cancel() noexcept {
    if (state_of(word_.load(std::memory_order_relaxed)) != future_state::pending) {
        return false;
    }
    lock();
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while (state_of(word) == future_state::pending) {
        // Relaxed: the queue or the handle that this thread has orders the captures. The lock is still
        // held: see `wait_for_unlocking`.
        if (word_.compare_exchange_weak(word, with_state(word, future_state::running) | cancelling,
                                        std::memory_order_relaxed)) {
            if (!(word & unqueued)) {
                note_stale_in_queue();
            }
            unlock();
            return true;
        }
    }
    unlock();
    return false;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::finish_cancelling(bool stop) noexcept {
    if (word_.load(std::memory_order_relaxed) & unqueued) {  // relaxed: nobody changes it any more
        stop_waiting(stop);
    }
    {
        const cancellation mark;
        discard_captures();
    }
    static_cast<void>(settle<future_state::cancelled, 0>(outcome::cancelled, [] {}));
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::remove_weak_handle() noexcept {
    // Acquire and release: as in `release_from_queue`.
    const std::uint64_t before = word_.fetch_sub(one_weak_handle, std::memory_order_acq_rel);
    const std::uint64_t after = before - one_weak_handle;
    if (!(after & handles) && (before & handles)) {
        clear_result_if_finished(after);  // there were so many that they counted as a handle
    } else {
        delete_if_released(after);
    }
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::destroy_failed() noexcept {
    trampoline::call([this]() noexcept {
        log_if_not_looked_at();
        delete this;
    });
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::clear_result() noexcept {
    trampoline::call([this]() noexcept {
        if (exception_) {
            log_if_not_looked_at();
            exception_ = nullptr;
        } else {
            discard_result();
        }
        // Acquire and release: pairs with those of `release_from_queue` and `remove_weak_handle`; the one
        // that comes last frees the memory.
        if (!(word_.fetch_or(cleared, std::memory_order_acq_rel) & holds_memory)) {
            delete this;
        }
    });
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::remove(waiter& removed) noexcept {
    if (done()) {
        return false;
    }
    lock();
    const bool removes = !done();
    if (removes) {
        waiters_.remove(removed);
        if (waiters_.empty()) {
            word_.fetch_and(~has_waiters, std::memory_order_relaxed);  // relaxed: the lock orders it
        }
    }
    unlock();
    return removes;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::lock() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    // Acquire: as in `lock_slowly`.
    if ((word & locked) || is_of_another_process(word) ||
        !word_.compare_exchange_weak(word, word | locked, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        lock_slowly();
    }
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::lock_slowly() noexcept {
    for (back_off delay;; delay.pause()) {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        const bool forgets = is_of_another_process(word);
        const std::uint64_t seen = forgets ? (word & ~(process_bits | locked | has_waiters)) |
                                                 in_process(forks::process()) | inherited
                                           : word;
        // Acquire: pairs with the release in `unlock`, in `add` and in `settle_and_tell`.
        if (!(seen & locked) && word_.compare_exchange_weak(word, seen | locked, std::memory_order_acquire,
                                                            std::memory_order_relaxed)) {
            if (forgets) {
                waiters_.forget_all();
            }
            return;
        }
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail
}}  // namespace concurrent::futures
