// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>    // std::uint64_t
#include <exception>  // std::exception_ptr
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/log_handler.hpp>
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
        if ((word_.load(std::memory_order_acquire) & (handles | in_queue)) == one_handle) {
            destroy();  // nobody else can add a handle
            return;
        }
        // Release: what this thread did with the state comes before its destruction; pairs with the acquire
        // here and above. Acquire: pairs with that release in the other threads, if this one destroys.
        const std::uint64_t before = word_.fetch_sub(one_handle, std::memory_order_acq_rel);
        if ((before & handles) != one_handle) {
            return;
        }
        if (!(before & in_queue)) {
            destroy();
        } else if (state_of(before) == future_state::finished) {
            clear_result();
        }
        // Else the queue destroys the state when the task has run, or when its turn comes.
    }

    // Returns whether the caller's handle is the only one.
    [[nodiscard]] bool has_one_handle() const noexcept {
        // Acquire: pairs with the release in `remove_handle`, after which the other handles read nothing
        // more.
        return (word_.load(std::memory_order_acquire) & handles) == one_handle;
    }

    // pending → running. Returns true to exactly one caller, who must then produce the result. If the caller
    // has `taken` the task out of its queue, the same step clears `in_queue`.
    [[nodiscard]] bool claim(bool taken = false) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: the queue or the handle that the claimer came by orders what the claimer reads;
            // `complete` publishes what it writes.
            const std::uint64_t claimed = with_state(word, future_state::running);
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    // running → finished. Requires: the caller has claimed, stored the result, and has a handle.
    void complete() noexcept {
        static_cast<void>(settle<future_state::finished, false>(how_finished(), [] {}));
    }

    // running → finished; the same step clears `in_queue`. If there are callbacks, calls `before_callbacks()`
    // before any waiter is told. Returns true if no handle is left: then the caller must `destroy`.
    // Requires: the caller has claimed, taken the task out of its queue, and stored the result.
    template <class BeforeCallbacks>
    [[nodiscard]] bool complete_taken(BeforeCallbacks before_callbacks) noexcept {
        return settle<future_state::finished, true>(how_finished(), before_callbacks);
    }

    // Returns whether there is a handle. For the thread that has taken the task, false is final; else it is a
    // hint.
    [[nodiscard]] bool has_handle() const noexcept {
        // Relaxed: `complete_taken` sees a handle that is removed meanwhile.
        return (word_.load(std::memory_order_relaxed) & handles) != 0;
    }

    // Logs an exception that nobody looked at, and frees the state. Requires: no handle and no queue is left.
    void destroy() noexcept {
        if (exception_) {
            destroy_failed();
        } else {
            dispose();
        }
    }

    // A `handle` owns one of the handles that the word counts.
    class handle {
    public:
        handle() noexcept = default;
        explicit handle(shared_state_base& state) noexcept : state_(&state) { state.add_handle(); }
        // Takes over a handle that the caller has.
        [[nodiscard]] static handle adopt(shared_state_base& state) noexcept { return handle(&state); }
        handle(handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
        handle& operator=(handle&& other) noexcept {
            if (this != &other) {
                reset();
                state_ = std::exchange(other.state_, nullptr);
            }
            return *this;
        }
        ~handle() { reset(); }
        [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
        void reset() noexcept {
            if (shared_state_base* const state = std::exchange(state_, nullptr)) {
                state->remove_handle();
            }
        }
        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }
        // Gives up the handle, for the caller to take over.
        [[nodiscard]] shared_state_base& release() noexcept { return *std::exchange(state_, nullptr); }

    private:
        explicit handle(shared_state_base* state) noexcept : state_(state) {}

        shared_state_base* state_ = nullptr;
    };

    // pending → cancelled. Returns true if this call or an earlier one cancelled the future. If this thread
    // is destroying the captures of a cancelled task, it may return true before the future is cancelled.
    [[gnu::noinline]] bool cancel() noexcept {
        if (begin_to_cancel()) {
            trampoline::call([kept = handle(*this)]() noexcept { kept.state().finish_cancelling(); });
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

    // Cancels the task if it has not started, or requests its stop if it runs. Returns whether this call did
    // either. Requires: the caller has a handle.
    bool request_stop() noexcept { return (state() == future_state::pending && cancel()) || signal_stop(); }

    // Requests a stop of the running task. Returns whether that had an effect.
    virtual bool signal_stop() noexcept { return false; }

    // Returns the type of the result.
    [[nodiscard]] virtual result_type type() const noexcept = 0;

    // The following functions say whether, and how, the calling thread can help a future that it waits for. A
    // future that depends on nothing that could run here, such as a promise's, can't be helped.

    enum class help_result {
        none,           // this thread can't help now
        helped,         // this thread ran the task, or something for which the task may wait
        waits_for_self  // this thread is in the middle of running the task, so waiting would never end
    };

    // For a wait without a limit: runs the task if it is queued in this thread's pool; or, if another worker
    // of the pool runs it, something that it has submitted.
    virtual help_result help() noexcept { return help_result::none; }
    // A hint for a thread that spins: whether `help()` would find something.
    [[nodiscard]] virtual bool may_help() noexcept { return false; }

    // For other waits: returns this thread's helper if it could run the task, else null.
    [[nodiscard]] virtual helper* helper_here() noexcept { return nullptr; }
    // Runs the task; returns false if it is no longer queued. Requires: `helper_here()` returned the
    // argument.
    virtual bool help(helper&) noexcept { return false; }
    // Returns whether this thread is in the middle of running the task.
    [[nodiscard]] virtual bool runs_here() noexcept { return false; }

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
    [[nodiscard]] bool remove_waiter(thread_waiter& removed) noexcept {
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

    // Returns what `fn()` returns, and keeps the future from becoming done meanwhile; null if the future is
    // done.
    template <class Fn>
    [[nodiscard]] auto unless_done(Fn fn) noexcept -> decltype(fn()) {
        lock();
        const auto result = done() ? nullptr : fn();
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
    void release_from_queue() noexcept {
        wait_for_unlocking();
        // Acquire and release: pairs with the other side's in `remove_handle` and `clear_result`.
        const std::uint64_t before = word_.fetch_and(~in_queue, std::memory_order_acq_rel);
        // If a finished state has no handles, `clear_result` destroys the result; whichever comes second
        // deletes.
        if (!(before & handles) && ((before & cleared) || state_of(before) == future_state::cancelled)) {
            delete this;
        }
    }

    [[nodiscard]] bool is_waiting() const noexcept {
        return state_of(word_.load(std::memory_order_relaxed)) == future_state::pending;
    }

protected:
    virtual ~shared_state_base() = default;

    // Destroys the captures. Requires: the caller has claimed the task or is cancelling it.
    virtual void discard_captures() noexcept = 0;
    // The task is stale now. Called under the lock; the queue releases a cancelled task only after that.
    virtual void note_stale_in_queue() noexcept {}
    // Destroys the result, of a state that has a value, and what it may refer to.
    virtual void discard_result() noexcept = 0;
    // Destroys the state, which has no exception, and frees its memory.
    virtual void dispose() noexcept { delete this; }

    // Returns whether there is a value to destroy. Requires: no other thread uses the state.
    [[nodiscard]] bool has_result() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        return state_of(word) == future_state::finished && !exception_ && !(word & cleared);
    }

private:
    friend class callback;

    // The word has two bits of `future_state`, six flags, 23 bits of the process's number (which are enough
    // on all known systems), another flag, and from bit 32 the number of handles.
    static constexpr std::uint64_t state_bits = 3;
    static constexpr std::uint64_t locked = 1 << 2;
    static constexpr std::uint64_t has_waiters = 1 << 3;
    static constexpr std::uint64_t looked_at = 1 << 4;
    static constexpr std::uint64_t cancelling = 1 << 5;  // the state bits say running
    static constexpr std::uint64_t in_queue = 1 << 6;
    static constexpr std::uint64_t cleared = 1 << 7;  // the result or the exception is destroyed
    static constexpr std::uint64_t process_bits = 0x7FFF'FF00;
    static constexpr std::uint64_t inherited = 0x8000'0000;  // made by the process that forked this one
    static constexpr std::uint64_t one_handle = std::uint64_t(1) << 32;
    static constexpr std::uint64_t handles = ~(one_handle - 1);

    static constexpr future_state state_of(std::uint64_t word) noexcept {
        return static_cast<future_state>(word & state_bits);
    }
    static constexpr std::uint64_t with_state(std::uint64_t word, future_state state) noexcept {
        return (word & ~(state_bits | cancelling)) | static_cast<std::uint64_t>(state);
    }
    static constexpr bool is_done(std::uint64_t word) noexcept {
        return state_of(word) == future_state::finished || state_of(word) == future_state::cancelled;
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

    // Changes the state to `to`; if `taken`, the same step clears `in_queue`. Returns true if no handle and
    // no queue is left: then the caller must `destroy`.
    template <future_state to, bool taken, class BeforeCallbacks>
    [[nodiscard]] bool settle(outcome how, BeforeCallbacks before_callbacks) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!(word & (locked | has_waiters))) {
            // Release: pairs with the acquire loads of the word, which may then read the result. Acquire:
            // pairs with the release in `remove_handle`, in case no handle is left.
            if (word_.compare_exchange_weak(word, settled<to, taken>(word), std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return is_left(settled<to, taken>(word));
            }
        }
        return settle_and_tell<to, taken>(how, before_callbacks);
    }

    template <future_state to, bool taken>
    static constexpr std::uint64_t settled(std::uint64_t word) noexcept {
        return with_state(word, to) & ~(taken ? in_queue : 0);
    }

    static constexpr bool is_left(std::uint64_t word) noexcept { return !(word & (handles | in_queue)); }

    // Does the same if there are waiters or another thread holds the lock.
    template <future_state to, bool taken, class BeforeCallbacks>
    [[nodiscard, gnu::noinline]] bool settle_and_tell(outcome how,
                                                      BeforeCallbacks before_callbacks) noexcept {
        lock();
        waiter_list waiters = std::move(waiters_);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(word, settled<to, taken>(word) & ~(locked | has_waiters),
                                            std::memory_order_acq_rel,  // as in `settle`; also unlocks
                                            std::memory_order_relaxed)) {
        }
        const bool left = is_left(settled<to, taken>(word));
        if (waiters.has_callback()) {
            before_callbacks();
        }
        waiters.tell(how);
        return left;
    }

    // pending → cancelling. Returns whether this call did that.
    [[gnu::noinline]] bool begin_to_cancel() noexcept {
        if (!is_waiting()) {
            return false;
        }
        lock();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: the queue or the handle that this thread has orders the captures. The lock is still
            // held: see `wait_for_unlocking`.
            if (word_.compare_exchange_weak(word, with_state(word, future_state::running) | cancelling,
                                            std::memory_order_relaxed)) {
                note_stale_in_queue();
                unlock();
                return true;
            }
        }
        unlock();
        return false;
    }

    // cancelling → cancelled. Requires: the caller has begun to cancel, and has a handle.
    [[gnu::noinline]] void finish_cancelling() noexcept {
        {
            const cancellation mark;
            discard_captures();
        }
        static_cast<void>(settle<future_state::cancelled, false>(outcome::cancelled, [] {}));
    }

    [[gnu::cold, gnu::noinline]] void destroy_failed() noexcept {
        trampoline::call([this]() noexcept {
            log_if_not_looked_at();
            delete this;
        });
    }

    // Called by the last handle while a queue still holds the memory.
    [[gnu::noinline]] void clear_result() noexcept {
        trampoline::call([this]() noexcept {
            if (exception_) {
                log_if_not_looked_at();
                exception_ = nullptr;
            } else {
                discard_result();
            }
            // Acquire and release: pairs with those of `release_from_queue`; the one that comes later frees
            // the memory.
            if (!(word_.fetch_or(cleared, std::memory_order_acq_rel) & in_queue)) {
                delete this;
            }
        });
    }

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

    template <class Link>
    bool add(Link link) noexcept {
        lock();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!is_done(word)) {
            // Set the flag while the future is not done, or `settle` would miss it. Relaxed: the lock is
            // held, and `settle` looks at the list only after it has acquired the lock.
            if (word_.compare_exchange_weak(word, word | has_waiters, std::memory_order_relaxed)) {
                link();
                unlock();
                return true;
            }
        }
        unlock();
        return false;
    }

    [[gnu::noinline]] void lock() noexcept {
        for (back_off delay;; delay.pause()) {
            std::uint64_t word = word_.load(std::memory_order_relaxed);
            const bool forgets = is_of_another_process(word);
            const std::uint64_t seen = forgets ? (word & ~(process_bits | locked | has_waiters)) |
                                                     in_process(forks::process()) | inherited
                                               : word;
            // Acquire: pairs with the release in `unlock` and in `settle_and_tell`.
            if (!(seen & locked) &&
                word_.compare_exchange_weak(word, seen | locked, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                if (forgets) {
                    waiters_.forget_all();
                }
                return;
            }
        }
    }

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

}  // namespace detail
}}  // namespace concurrent::futures
