// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>    // std::uint64_t
#include <exception>  // std::exception_ptr
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// What has become of a future.
///
/// \code
/// auto future = executor.submit([] {});
/// future.wait();
/// assert(future.state() == futures::future_state::finished);
/// \endcode
enum class future_state {
    pending,    ///< waiting to be run
    running,    ///< being run
    cancelled,  ///< cancelled before it ran
    finished    ///< run to its end, by a value or by an exception
};

namespace detail {

// What the handles on one future share: all but the value's type. A task adds, in the same allocation, what
// is to be run. Whoever holds it until it runs, a pool's queue or a `packaged_task`, is called its queue
// here.
//
// Its states and who may change them:
//
//     pending ──claim──> running ──complete──> finished
//        └─────cancel──> cancelling ─────────> cancelled
//
//   claim     whoever is to produce the result: a worker, a worker that waits for it, a `Promise`.
//   cancel    any holder of a handle, or the pool.
//   complete  only whoever claimed. From cancelling to cancelled: only whoever cancelled.
//
// Claiming and cancelling are each one compare-exchange on the same word, so exactly one of all who try wins.
// Who claimed, or cancels, alone may touch the captures (to run them, and to destroy them); who claimed
// alone may write the result, until it completes; from then on everybody may read it. To everybody else
// cancelling looks like pending: the captures are destroyed before anybody can see that the task is over.
//
// The word also counts the handles, and has a flag for the queue that holds the task. The last handle
// destroys the result, or what the task threw: if a queue still holds the task, which another thread has run
// or cancelled, it keeps the memory alone. When a worker has taken the task out of its queue, the flag is
// cleared in the same step that completes it. So whoever sees a finished future also sees who else can still
// look at it: the last handle may move the value out, and finds that nobody has looked at an exception, and
// neither depends on how far the worker has got meanwhile.
//
// A bit of the word locks the list of waiters. It is held for a few instructions, never over any call of a
// user's code. When there are no waiters, completing doesn't take it.
//
// The word begins with the number of the process, see `forks`. A lock or a waiter of another process is that
// of a thread that isn't here: whoever locks next forgets both.
class shared_state_base {
public:
    // Of a promise, with one handle.
    shared_state_base() noexcept : word_(one_handle | in_process(forks::process())) {}

    // Of a task, with one handle, and in its queue, whose process is `process`.
    explicit shared_state_base(std::uint32_t process) noexcept
        : word_(one_handle | in_queue | in_process(process)) {}

    shared_state_base(const shared_state_base&) = delete;
    shared_state_base& operator=(const shared_state_base&) = delete;

    // Acquire: pairs with the release of `settle`; what is done can be read.
    [[nodiscard]] future_state state() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) != 0 ? future_state::pending : state_of(word);
    }

    [[nodiscard]] bool done() const noexcept { return is_done(word_.load(std::memory_order_acquire)); }

    // Whether it is cancelled, or about to be, by a thread that destroys the captures at the moment.
    [[nodiscard]] bool will_not_run() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) || state_of(word) == future_state::cancelled;
    }

    // Of a state that is done.
    [[nodiscard]] outcome how_done() const noexcept {
        return state() == future_state::cancelled ? outcome::cancelled : how_finished();
    }

    // Of a state that is finished. Does not mark it as looked at.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    void mark_exception_as_looked_at() noexcept {
        // Relaxed: read by the last handle, which the count of handles orders after all use of them.
        word_.fetch_or(looked_at, std::memory_order_relaxed);
    }

    void add_handle() noexcept {
        // Relaxed: who adds one has one, or the queue's flag, so nobody can be destroying.
        word_.fetch_add(one_handle, std::memory_order_relaxed);
    }

    void remove_handle() noexcept {
        // Acquire: pairs with the release of the other handles' removal, and of the queue's flag.
        if ((word_.load(std::memory_order_acquire) & (handles | in_queue)) == one_handle) {
            destroy();  // nobody can add to the only one
            return;
        }
        // Release: what this thread did with the state comes before its destruction. Acquire: so does what
        // others did.
        const std::uint64_t before = word_.fetch_sub(one_handle, std::memory_order_acq_rel);
        if ((before & handles) != one_handle) {
            return;
        }
        if (!(before & in_queue)) {
            destroy();
        } else if (state_of(before) == future_state::finished) {
            clear_result();
        }
        // Else the queue will see that there is no handle: when the task has run, or its turn comes.
    }

    // Whether the caller's handle is the only one.
    [[nodiscard]] bool has_one_handle() const noexcept {
        // Acquire: pairs with the release of `remove_handle`; the others have read what they wanted.
        return (word_.load(std::memory_order_acquire) & handles) == one_handle;
    }

    // pending → running. True for exactly one caller, who must then produce the result. Clears the queue's
    // flag in the same step if `taken` out of its queue.
    [[nodiscard]] bool claim(bool taken = false) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: what the claimer reads was ordered by the queue or handle that it came by; what it
            // writes is published by `complete`.
            const std::uint64_t claimed = with_state(word, future_state::running);
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    // running → finished, by whoever claimed, has stored the result, and has a handle.
    void complete() noexcept {
        static_cast<void>(settle<future_state::finished, false>(how_finished(), [] {}));
    }

    // The same, by whoever took the task out of its queue: in the same step it clears the queue's flag. Calls
    // `before_callbacks()` first, if a waiter runs a user's code. True if there is no handle any more: then
    // the caller must `destroy`.
    template <class BeforeCallbacks>
    [[nodiscard]] bool complete_taken(BeforeCallbacks before_callbacks) noexcept {
        return settle<future_state::finished, true>(how_finished(), before_callbacks);
    }

    // Whether there is a handle. A hint, but to whoever has the queue's flag.
    [[nodiscard]] bool has_handle() const noexcept {
        // Relaxed: a handle that goes just now is seen by `complete_taken`.
        return (word_.load(std::memory_order_relaxed) & handles) != 0;
    }

    // Whoever gave up the last reference: logs what nobody looked at, and frees all.
    void destroy() noexcept {
        if (exception_) {
            destroy_failed();
        } else {
            dispose();
        }
    }

    // pending → cancelled. True if the future is cancelled now, by this or an earlier call; but within the
    // destruction of what a cancelled task has captured perhaps before that.
    bool cancel() noexcept {
        if (begin_to_cancel()) {
            trampoline::call([kept = handle(*this)]() noexcept { kept.state().finish_cancelling(); });
            return true;
        }
        if (word_.load(std::memory_order_acquire) & cancelling) {
            // Within such a destruction it would wait for itself, or for a thread that waits for this one.
            if (!cancellation::goes_on()) {
                wait_for_canceller();
            }
            return true;
        }
        return state() == future_state::cancelled;
    }

    // Stops what is running, if it can be told to.
    virtual bool signal_stop() noexcept { return false; }

    // How whoever waits for this future may help it, on the calling thread. What depends on nothing that
    // could be run here, such as a promise, can't be helped.

    enum class help_result {
        none,           // another thread does it, or will
        ran,            // it was run here, and is done
        waits_for_self  // this thread is in the middle of running it, so nobody would ever complete it
    };

    // For a wait without a limit: runs what is queued, if it is queued here.
    virtual help_result help() noexcept { return help_result::none; }

    // For other waits: this thread, if it could run it; else null.
    [[nodiscard]] virtual helper* helper_here() noexcept { return nullptr; }
    // By that helper: runs it; false if it was no longer queued.
    virtual bool help(helper&) noexcept { return false; }
    // Whether this thread is in the middle of running it.
    [[nodiscard]] virtual bool runs_here() noexcept { return false; }

    // Whether it comes from the process that forked this one, and was not done then, and so never will be.
    [[nodiscard]] bool is_inherited() const noexcept {
        const std::uint64_t word =
            word_.load(std::memory_order_relaxed);  // written by the process that made it
        return !is_done(word) && ((word & inherited) || is_of_another_process(word));
    }

    // Adds a waiter, to be told before all that wait already or after them; false, without adding it, if the
    // future is done. Those who wait are told before callbacks run, so threads go first and callbacks last.
    [[nodiscard]] bool add_waiter_first(waiter& added) noexcept {
        return add([&] { waiters_.add_first(added); });
    }
    [[nodiscard]] bool add_waiter_last(waiter& added) noexcept {
        return add([&] { waiters_.add_last(added); });
    }

    // False if the waiter was told or is about to be, which it must wait for.
    [[nodiscard]] bool remove_waiter(waiter& removed) noexcept {
        if (done()) {
            return false;
        }
        lock();
        const bool removes = !done();
        if (removes) {
            waiters_.remove(removed);
            if (waiters_.empty()) {
                word_.fetch_and(~has_waiters, std::memory_order_relaxed);  // guarded by the lock
            }
        }
        unlock();
        return removes;
    }

    // Returns what `fn()` does, during which the future doesn't become done; null if it is done.
    template <class Fn>
    [[nodiscard]] auto unless_done(Fn fn) noexcept -> decltype(fn()) {
        lock();
        const auto result = done() ? nullptr : fn();
        unlock();
        return result;
    }

    // Only by whoever claimed, instead of storing a value.
    void set_exception(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }

    // The task could not be queued.
    void note_not_queued() noexcept {
        word_.fetch_and(~in_queue, std::memory_order_relaxed);  // nobody else has a handle
    }

    // The queue lets go of a task that somebody else has claimed or cancelled.
    void let_go() noexcept {
        wait_for_unlocking();
        // Acquire and release: as `remove_handle`.
        const std::uint64_t before = word_.fetch_and(~in_queue, std::memory_order_acq_rel);
        // Of a finished one without handles, the last clears the result, or has.
        if (!(before & handles) && ((before & cleared) || state_of(before) == future_state::cancelled)) {
            delete this;
        }
    }

    [[nodiscard]] bool is_waiting() const noexcept {
        return state_of(word_.load(std::memory_order_relaxed)) == future_state::pending;
    }

protected:
    virtual ~shared_state_base() = default;

    // Destroys what was captured, of a task that somebody has claimed or cancels.
    virtual void discard_captures() noexcept = 0;
    // The task will be skipped in its queue. Called under the lock, and the queue lets go of a cancelled task
    // only after that.
    virtual void note_dead_in_queue() noexcept {}
    // Destroys the result, of a state that has a value, and what it may refer to.
    virtual void discard_result() noexcept = 0;
    // Destroys a state without an exception, and frees its memory.
    virtual void dispose() noexcept { delete this; }

    // Whether there is a value to be destroyed, when nobody else uses this any more.
    [[nodiscard]] bool has_result() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        return state_of(word) == future_state::finished && !exception_ && !(word & cleared);
    }

private:
    // The word: two bits of future_state, six flags, 23 bits of the process's number, which are enough for
    // all known systems, another flag, and from bit 32 the number of handles.
    static constexpr std::uint64_t state_bits = 3;
    static constexpr std::uint64_t locked = 1 << 2;
    static constexpr std::uint64_t has_waiters = 1 << 3;
    static constexpr std::uint64_t looked_at = 1 << 4;
    static constexpr std::uint64_t cancelling = 1 << 5;  // the state bits say running
    static constexpr std::uint64_t in_queue = 1 << 6;
    static constexpr std::uint64_t cleared = 1 << 7;  // the result is destroyed, and what the task threw
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

    // One handle.
    class handle {
    public:
        explicit handle(shared_state_base& state) noexcept : state_(&state) { state.add_handle(); }
        handle(handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
        handle& operator=(handle&&) = delete;
        ~handle() {
            if (state_) {
                state_->remove_handle();
            }
        }
        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }

    private:
        shared_state_base* state_;
    };

    [[nodiscard]] outcome how_finished() const noexcept {
        return exception_ ? outcome::exception : outcome::value;
    }

    // To finished or cancelled; and out of the queue in the same step, if `taken`. True if there is no handle
    // and no queue any more: then the caller must `destroy`.
    template <future_state to, bool taken, class BeforeCallbacks>
    [[nodiscard]] bool settle(outcome how, BeforeCallbacks before_callbacks) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!(word & (locked | has_waiters))) {
            // Release: publishes the result to every acquire load of the word. Acquire: if there is no handle
            // any more, see `remove_handle`.
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

    // The same, where there are waiters.
    template <future_state to, bool taken, class BeforeCallbacks>
    [[nodiscard]] bool settle_and_tell(outcome how, BeforeCallbacks before_callbacks) noexcept {
        lock();
        waiter_list waiters = std::move(waiters_);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(word, settled<to, taken>(word) & ~(locked | has_waiters),
                                            std::memory_order_acq_rel,  // as above, and unlocks
                                            std::memory_order_relaxed)) {
        }
        const bool left = is_left(settled<to, taken>(word));
        if (waiters.call_back()) {
            before_callbacks();
        }
        waiters.tell(how);
        return left;
    }

    // pending → cancelling.
    bool begin_to_cancel() noexcept {
        if (!is_waiting()) {
            return false;
        }
        lock();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: what was captured came by the queue or handle that this thread has. Still locked: see
            // `wait_for_unlocking`.
            if (word_.compare_exchange_weak(word, with_state(word, future_state::running) | cancelling,
                                            std::memory_order_relaxed)) {
                note_dead_in_queue();
                unlock();
                return true;
            }
        }
        unlock();
        return false;
    }

    // cancelling → cancelled, by whoever has begun that, and has a handle.
    void finish_cancelling() noexcept {
        {
            const cancellation mark;
            discard_captures();
        }
        static_cast<void>(settle<future_state::cancelled, false>(outcome::cancelled, [] {}));
    }

    [[gnu::noinline]] void destroy_failed() noexcept {
        trampoline::call([this]() noexcept {
            log_if_not_looked_at();
            delete this;
        });
    }

    // The last handle, while a queue still holds the memory.
    [[gnu::noinline]] void clear_result() noexcept {
        trampoline::call([this]() noexcept {
            if (exception_) {
                log_if_not_looked_at();
                exception_ = nullptr;
            } else {
                discard_result();
            }
            // Acquire and release: pairs with those of `drop`; the one that comes later frees the memory.
            if (!(word_.fetch_or(cleared, std::memory_order_acq_rel) & in_queue)) {
                delete this;
            }
        });
    }

    void log_if_not_looked_at() noexcept {
        // Relaxed: ordered by giving up the last handle.
        if (!(word_.load(std::memory_order_relaxed) & looked_at)) {
            log("exception was never retrieved", exception_);
        }
    }

    // That this thread destroys the captures of a task that it cancels.
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

    // Until another thread has destroyed the captures.
    void wait_for_canceller() noexcept;

    template <class Link>
    bool add(Link link) noexcept {
        lock();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!is_done(word)) {
            // The flag must be set while the future is not done, or `settle` wouldn't see it. Relaxed: with
            // the lock still held, `settle` looks at the list only after it has acquired the lock.
            if (word_.compare_exchange_weak(word, word | has_waiters, std::memory_order_relaxed)) {
                link();
                unlock();
                return true;
            }
        }
        unlock();
        return false;
    }

    void lock() noexcept {
        for (back_off delay;; delay.pause()) {
            std::uint64_t word = word_.load(std::memory_order_relaxed);
            const bool forgets = is_of_another_process(word);
            const std::uint64_t seen = forgets ? (word & ~(process_bits | locked | has_waiters)) |
                                                     in_process(forks::process()) | inherited
                                               : word;
            // Acquire: pairs with the release of `unlock`.
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

    // Release: pairs with the acquire of `lock` and of `wait_for_unlocking`.
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
