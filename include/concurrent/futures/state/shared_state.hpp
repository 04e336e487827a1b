#pragma once

#include <cstdint>    // std::uint64_t
#include <exception>  // std::exception_ptr
#include <utility>    // std::move

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/scheduling/spin_wait.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>
#include <concurrent/futures/scheduling/work_item.hpp>
#include <concurrent/futures/scheduling/worker.hpp>
#include <concurrent/futures/state/waiter.hpp>

namespace concurrent::futures::inline v0_1 {

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

// What the handles on one future share, and, in the same allocation, the task that a pool's queue holds: all
// but the value's type.
//
// Its states and who may change them:
//
//     pending ──claim──> running ──complete──> finished
//        └─────cancel──> cancelled
//
//   claim     whoever is to produce the result: a worker, a worker that waits for it, a `Promise`.
//   cancel    any holder of a handle, or the pool.
//   complete  only whoever claimed.
//
// Claiming and cancelling are each one compare-exchange on the same word, so exactly one of all who try wins.
// Who claimed, or cancelled, alone may touch the captures (to run them, and to destroy them); who claimed
// alone may write the result, until it completes; from then on everybody may read it.
//
// The word also counts the references: one for each handle, one for a queue that holds the task, one for a
// callback that waits. The queue's is given up in the same step that completes the task. So whoever sees a
// finished future also sees who else can still look at it: the last handle may move the value out, and finds
// that nobody has looked at an exception, and neither depends on how far the worker has got meanwhile.
//
// A bit of the word locks the list of waiters. It is held for a few instructions, never over any call of a
// user's code. When there are no waiters, completing doesn't take it.
class shared_state_base : public work_item {
public:
    explicit shared_state_base(std::uint64_t references, pool_base* owner = nullptr) noexcept
        : word_(references * one_reference), owner_(owner) {}

    // Acquire: pairs with the release of `complete` and `cancel`; what is done can be read.
    [[nodiscard]] future_state state() const noexcept {
        return state_of(word_.load(std::memory_order_acquire));
    }

    [[nodiscard]] bool done() const noexcept { return is_done(word_.load(std::memory_order_acquire)); }

    // Of a state that is done.
    [[nodiscard]] outcome how_done() const noexcept {
        return state() == future_state::cancelled ? outcome::cancelled
               : exception_                       ? outcome::exception
                                                  : outcome::value;
    }

    // Of a state that is finished. Does not mark it as looked at.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    void mark_exception_as_looked_at() noexcept {
        // Relaxed: read in `destroy`, which the reference count orders after all use of the handles.
        word_.fetch_or(looked_at, std::memory_order_relaxed);
    }

    void add_reference() noexcept {
        // Relaxed: who adds one has one, so nobody can be destroying.
        word_.fetch_add(one_reference, std::memory_order_relaxed);
    }

    void remove_reference() noexcept {
        if (has_one_reference()) {  // which nobody can add to
            destroy();
            return;
        }
        // Release: what this thread did with the state comes before its destruction. Acquire: so does what
        // others did.
        if (references_of(word_.fetch_sub(one_reference, std::memory_order_acq_rel)) == 1) {
            destroy();
        }
    }

    // Whether the caller's reference is the only one.
    [[nodiscard]] bool has_one_reference() const noexcept {
        // Acquire: pairs with the release of `remove_reference`; the others have read what they wanted.
        return references_of(word_.load(std::memory_order_acquire)) == 1;
    }

    // pending → running. True for exactly one caller, who must then produce the result. Gives up `given_up`
    // references, which are not the last, in the same step.
    [[nodiscard]] bool claim(std::uint64_t given_up = 0) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: what the claimer reads was ordered by the queue or handle that it came by; what it
            // writes is published by `complete`.
            if (word_.compare_exchange_weak(
                    word, with_state(word, future_state::running) - given_up * one_reference,
                    std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    // running → finished, by whoever claimed and has stored the result. Gives up `given_up` references in the
    // same step and returns whether they were the last: then the caller must `destroy`.
    [[nodiscard]] bool complete(std::uint64_t given_up) noexcept {
        const outcome how = exception_ ? outcome::exception : outcome::value;
        const auto completed = [given_up](std::uint64_t word) {
            return with_state(word, future_state::finished) - given_up * one_reference;
        };
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!(word & (locked | has_waiters))) {
            // Release: publishes the result to every acquire load of the word. Acquire: if the references
            // given up were the last, see `remove_reference`.
            if (word_.compare_exchange_weak(word, completed(word), std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return references_of(completed(word)) == 0;
            }
        }
        lock();
        waiter_list waiters = std::move(waiters_);
        word = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(word, completed(word) & ~(locked | has_waiters),
                                            std::memory_order_acq_rel,  // as above, and unlocks
                                            std::memory_order_relaxed)) {
        }
        const bool last = references_of(completed(word)) == 0;
        waiters.tell(how);
        return last;
    }

    // pending → cancelled. True if the future is cancelled now, by this or an earlier call.
    bool cancel() noexcept {
        if (state() == future_state::pending) {
            lock();
            std::uint64_t word = word_.load(std::memory_order_relaxed);
            while (state_of(word) == future_state::pending) {
                // Release: pairs with the acquire of `state`. Still locked: see `settle`.
                if (word_.compare_exchange_weak(word,
                                                with_state(word, future_state::cancelled) & ~has_waiters,
                                                std::memory_order_acq_rel, std::memory_order_relaxed)) {
                    waiter_list waiters = std::move(waiters_);
                    note_dead_in_queue();
                    unlock();
                    waiters.tell(outcome::cancelled);
                    discard_captures();
                    return true;
                }
            }
            unlock();
        }
        return state() == future_state::cancelled;
    }

    // Stops what is running, if it can be told to.
    virtual bool signal_stop() noexcept { return false; }

    // Runs the task on this thread if it waits in a queue of `self`'s pool; false if not.
    bool run_here(worker& self) noexcept {
        if (owner_ != &self.pool()) {
            return false;
        }
        const bool taken = self.take_back(*this);  // and with it the queue's reference
        if (!claim(taken ? 1 : 0)) {
            if (taken) {
                drop();
                owner_->note_dead_item_gone();
                owner_->call_for_what_waits();
            }
            return false;
        }
        if (!taken) {
            note_dead_in_queue();
        }
        run();
        static_cast<void>(complete(0));  // the caller has a handle
        return true;
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

    // Only by whoever claimed, instead of storing a value.
    void set_exception(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }

    // Only by whoever gave up the last reference.
    void destroy() noexcept {
        // Relaxed: ordered by giving up the last reference.
        if (exception_ && !(word_.load(std::memory_order_relaxed) & looked_at)) {
            log("exception was never retrieved", exception_);
        }
        delete this;
    }

    // The pool's side.

    bool execute(worker& self) noexcept final {
        if (!claim()) {
            drop();
            return false;
        }
        run();
        if (!has_one_reference()) {
            self.about_to_look();
        }
        if (complete(1)) {
            self.stay_busy();
            destroy();
        }
        return true;
    }

    void cancel_waiting() noexcept final {
        cancel();
        drop();
    }

    void fail_waiting(const std::exception_ptr& reason) noexcept final {
        if (!claim()) {
            drop();
            return;
        }
        note_dead_in_queue();
        discard_captures();
        set_exception(reason);
        if (complete(1)) {
            destroy();
        }
    }

    void drop() noexcept final {
        settle();
        remove_reference();
    }

    [[nodiscard]] bool is_waiting() const noexcept final { return state() == future_state::pending; }

protected:
    virtual ~shared_state_base() = default;

    // Calls what was captured, stores its result or exception, and destroys the captures.
    virtual void run() noexcept = 0;
    virtual void discard_captures() noexcept = 0;

private:
    // The word: two bits of future_state, three flags, and from bit 8 the number of references.
    static constexpr std::uint64_t state_bits = 3;
    static constexpr std::uint64_t locked = 4;
    static constexpr std::uint64_t has_waiters = 8;
    static constexpr std::uint64_t looked_at = 16;
    static constexpr std::uint64_t one_reference = 256;

    static constexpr future_state state_of(std::uint64_t word) noexcept {
        return static_cast<future_state>(word & state_bits);
    }
    static constexpr std::uint64_t with_state(std::uint64_t word, future_state state) noexcept {
        return (word & ~state_bits) | static_cast<std::uint64_t>(state);
    }
    static constexpr bool is_done(std::uint64_t word) noexcept {
        return state_of(word) == future_state::finished || state_of(word) == future_state::cancelled;
    }
    static constexpr std::uint64_t references_of(std::uint64_t word) noexcept { return word / one_reference; }

    template <class Link>
    bool add(Link link) noexcept {
        lock();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!is_done(word)) {
            // The flag must be set while the future is not done, or `complete` wouldn't see it. Relaxed: with
            // the lock still held, `complete` looks at the list only after it has acquired the lock.
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
            // Acquire: pairs with the release of `unlock`.
            if (!(word & locked) &&
                word_.compare_exchange_weak(word, word | locked, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                return;
            }
        }
    }

    // Release: pairs with the acquire of `lock` and of `settle`.
    void unlock() noexcept { word_.fetch_and(~locked, std::memory_order_release); }

    // The task is out of its pool's queue, or will be skipped there. A thread that cancels does this under
    // the lock, and the queue lets go of a cancelled task only after that: until then the pool is alive.
    void note_dead_in_queue() noexcept {
        if (owner_) {
            owner_->note_dead_item();
        }
    }

    void settle() const noexcept {
        // Acquire: pairs with the release of `unlock` in `cancel`.
        for (back_off delay; word_.load(std::memory_order_acquire) & locked;) {
            delay.pause();
        }
    }

    sync::atomic<std::uint64_t> word_;
    pool_base* const owner_;  // whose queue it waits in; null for a promise's
    waiter_list waiters_;
    std::exception_ptr exception_;
};

}  // namespace detail
}  // namespace concurrent::futures
