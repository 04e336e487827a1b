// SPDX-License-Identifier: MIT

#pragma once

#include <coroutine>  // std::coroutine_handle
#include <cstddef>    // std::size_t
#include <cstdint>    // std::uintptr_t, std::uint32_t
#include <exception>  // std::exception_ptr, std::current_exception
#include <memory>     // std::addressof
#include <utility>    // std::exchange, std::move
#include <version>    // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <optional>    // std::optional
#include <stop_token>  // std::stop_token
#endif

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/stoppable.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/queued_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `coroutine_task` is a task that runs in turns: the body of a coroutine. Between two turns it waits for
// another future, as a callback of that. It is queued for its first turn, and for each later one; see
// `shared_state_base` for its states. If no executor runs it, it starts at once, and goes on where what it
// awaits is completed.
//
// By `schedule()`, a turn may go on as a task of another executor. Then the coroutine is away: whatever it
// awaits next, it takes its next turn for that, even if that is done. If what it awaits were asked alone,
// then where the coroutine goes on would be a race.
class coroutine_task : public queued_state, private callback {
public:
    // Requires: the coroutine is suspended before its body begins.
    void set_frame(std::coroutine_handle<> frame) noexcept { frame_ = frame; }

    [[nodiscard]] bool has_executor() const noexcept { return has_executor_; }

    // Queues the first turn. If that fails, the future does. The coroutine may have ended when this returns.
    virtual void start() noexcept {
        push_or_fail(*owner(), [this] { owner()->push(*this); });
    }

    // Whether the coroutine runs as a task of another executor than its own. The thread that runs the
    // coroutine calls this. In the child of a fork, the pool can't run it any more, and nobody is away.
    [[nodiscard]] bool is_away() const noexcept { return is_away_ && !owner_is_inherited(); }

    // The coroutine, which this thread runs, is suspended and waits for `awaited`. Returns false if that is
    // done, and the coroutine is not away: then it goes on at once. Requires: there is a handle on `awaited`
    // until the coroutine goes on.
    [[nodiscard]] bool wait_for(shared_state_base& awaited) noexcept {
        shared_state_base& its_future = future();
        const std::uintptr_t place = local_queue::note_suspended(*this);
        its_future.suspend([&] { awaited_ = &awaited; });
        if (call_when_done_later(awaited)) {
            return true;  // by now the coroutine may run elsewhere
        }
        return !go_on_unless_away(place);
    }

    // How something is submitted that calls `arrive` or `note_dropped` of a coroutine.
    struct departure_order {
        coroutine_task* coroutine = nullptr;
        // These exist as long as the coroutine is suspended.
        void* awaiter = nullptr;
        std::exception_ptr* failure = nullptr;  // where what `submit` throws is stored, for the coroutine
        // Returns a handle on the future of what was submitted, or an empty one if that is not known.
        shared_state_base::handle (*submit)(coroutine_task& coroutine, void* awaiter) = nullptr;
        bool leads_away = false;  // to another executor than that of the coroutine, which has one
    };

    // The coroutine, which this thread runs, is suspended, until what is submitted calls `arrive` or
    // `note_dropped`, on any thread, maybe before `submit` returns. Returns false if nothing was submitted,
    // and the coroutine is not away: then it goes on at once.
    //
    // This thread has no handle meanwhile: others could not tell which handle is the last. Whoever lets the
    // coroutine go on, on another thread, waits until this thread needs it no more.
    [[nodiscard]] bool wait_for_arrival(const departure_order& order);
    void arrive();
    // What was submitted will not call `arrive`. The coroutine goes on nevertheless.
    void note_dropped() noexcept;

    // The coroutine, which is suspended, has nothing to wait for. It goes on, on this thread, which has not
    // left it since it was at `place`. But if it is away, this returns false: it goes on as a task of its
    // executor.
    [[nodiscard]] bool go_on_unless_away(std::uintptr_t place) noexcept {
        if (is_away()) {
            queue_turn();
            return false;
        }
        go_on(place);
        return true;
    }
    // Does so even if the coroutine is away. That is for an awaiter that has thrown: it throws here.
    void go_on(std::uintptr_t place) noexcept {
        forget_awaited();
        local_queue::note_going_on(*this, place);
    }

    // The coroutine, which this thread runs, is suspended, and goes on as a task of its executor.
    void go_home() noexcept {
        static_cast<void>(wait_for_relay());
        queue_turn();
    }

    // What the coroutine waits for is done: it goes on as a task of its executor.
    void queue_turn() noexcept;

    // The coroutine, which this thread runs, is about to be suspended, until somebody calls `queue_turn`.
    // Returns what `go_on` needs if that doesn't happen.
    [[nodiscard]] std::uintptr_t wait_for_relay() noexcept {
        const std::uintptr_t place = local_queue::note_suspended(*this);
        future().suspend([] {});
        return place;
    }

    // The coroutine, which this thread runs, is about to be suspended, and somebody will resume it: from now
    // on no thread runs it.
    void note_suspended() noexcept {
        // Under the lock, so that no other thread is looking at the wait of this worker.
        future().with_lock([this] { static_cast<void>(local_queue::note_suspended(*this)); });
    }
    // It goes on, on this thread.
    void note_resumed() noexcept {
        if (worker* const self = worker_here(future())) {
            self->note_running(*this);
        } else {
            worker::note_running_elsewhere(*this);
        }
    }

    // The coroutine has ended, and its frame is gone.
    void end() noexcept;

#if defined(__cpp_lib_jthread)
    // Returns the token that `request_stop` signals. The coroutine calls this.
    [[nodiscard]] std::stop_token stop_token() {
        if (!stop_source_) {
            stop_source_.emplace();
            if (pool_base* const pool = owner()) {
                pool->stoppables().add(*stop_source_);
            }
            bool was_asked = false;
            future().with_lock([&] {
                has_stop_source_ = true;
                was_asked = was_asked_to_stop_;
            });
            if (was_asked) {
                stop_source_->request_stop();
            }
        }
        return stop_source_->token();
    }
#endif

    // Runs a turn on this thread, which the executor has chosen.
    void run_turn() noexcept {
        do {
            if (claim_turn(true)) {
                worker::note_running_elsewhere(*this);
                frame_.resume();
                return;
            }
        } while (!future().release_unless_live());
    }

    bool execute(worker& self) noexcept final {
        do {
            if (claim_turn(true)) {
                self.note_busy();
                run(self);
                return true;
            }
        } while (!future().release_unless_live());
        return false;
    }

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void cancel_waiting() noexcept final;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void fail_waiting(std::exception_ptr reason) noexcept final;

    // A coroutine that has started can't be cancelled: its turn comes later.
    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void release() noexcept final;

    [[nodiscard]] bool still_waits() noexcept final {
        const shared_state_base& its_future = future();
        return its_future.is_waiting() && !its_future.is_unqueued();
    }

    [[nodiscard]] bool submitter_may_wait() noexcept final { return false; }

protected:
    // `pool` is null if there is none; then `has_executor` says whether something else runs the coroutine.
    coroutine_task(pool_base* pool, bool has_executor) noexcept
        : queued_state(pool), has_executor_(has_executor) {
        set_known_early();
    }
    ~coroutine_task() = default;

    [[nodiscard]] bool keeps_owner() const noexcept final { return true; }

    // Queues the next turn. If that fails, the future does. The coroutine may have ended when this returns.
    virtual void push_turn() noexcept {
        push_or_fail(*owner(), [this] { owner()->push_coroutine(*this); });
    }

    // See the functions of `shared_state_base` with these names.

    [[nodiscard]] shared_state_base::help_result help_coroutine(
        shared_state_base::weak_handle* given_up) noexcept;

    bool run_turn_here(worker& self, shared_state_base::weak_handle* given_up) noexcept;

    [[nodiscard]] shared_state_base::weak_handle awaited() noexcept;

    // Also requests a stop of what the coroutine waits for, if nobody else has a handle on that.
    bool signal_stop_of_coroutine() noexcept;

    void discard_frame() noexcept { std::exchange(frame_, nullptr).destroy(); }

private:
    // A thread submits what lets a coroutine go on. If that happens on this very thread, meanwhile, the
    // thread can't wait for itself, and is told.
    //
    // Then the coroutine runs on top of the departure, and may depart again. An executor that runs its tasks
    // at once would so need more and more of the stack. So if there are many departures, the thread returns
    // to the coroutine's last one first, and departs from there.
    struct departure {
        explicit departure(coroutine_task& leaving) noexcept : task(leaving), kept(leaving.future()) {
            newest = this;
        }
        departure(const departure&) = delete;
        departure& operator=(const departure&) = delete;
        ~departure() { newest = outer; }

        // Calls `go_on()`, by which the coroutine runs on top of this.
        template <class GoOn>
        void resume(GoOn go_on) {
            is_resuming = true;
            go_on();
            is_resuming = false;
        }

        [[nodiscard]] static departure* to_return_to(const coroutine_task& leaving) noexcept {
            constexpr int many = 32;
            departure* found = newest && newest->depth >= many ? newest : nullptr;
            while (found && (&found->task != &leaving || !found->is_resuming)) {
                found = found->outer;
            }
            return found;
        }

        const coroutine_task& task;
        const shared_state_base::weak_handle kept;  // so that no other coroutine has the same address
        departure* const outer = newest;
        const int depth = outer ? outer->depth + 1 : 1;
        bool has_arrived = false;
        bool is_resuming = false;  // the coroutine, on top of this, and has not returned yet
        departure_order next;      // if it has a coroutine

        static constinit inline thread_local departure* newest = nullptr;
    };

    // Returns false if nothing was submitted; else the coroutine may have ended by then.
    [[nodiscard]] static bool depart(departure& here, const departure_order& order) noexcept;

    // Returns the departure if this thread is in the middle of it.
    departure* wait_for_departure() noexcept;

    void call_back(outcome) final {
        if (has_executor_) {
            queue_turn();
        } else {
            resume_here();
        }
    }

    void resume_here() {
        forget_awaited();
        note_resumed();
        frame_.resume();
    }
    void resume_here_unless_away() {
        if (is_away()) {
            queue_turn();
        } else {
            resume_here();
        }
    }

    void forget_awaited() noexcept {
        shared_state_base::handle submitted;
        future().go_on([&] {
            awaited_ = nullptr;
            submitted = std::move(submitted_);
        });
    }

    // Returns true to one caller for each turn, the first included.
    [[nodiscard]] bool claim_turn(bool taken) noexcept {
        shared_state_base& its_future = future();
        if (its_future.claim_to_help(taken, nullptr)) {
            if (owner()) {
                owner()->note_coroutine_started();
            }
            return true;
        }
        if (!its_future.claim_turn(taken)) {
            return false;
        }
        is_away_ = false;
        return true;
    }

    [[nodiscard]] bool owner_is_inherited() const noexcept { return owner() && owner()->is_inherited(); }

    void run(worker& self) noexcept {
        const worker::running mark(self, *this);
        frame_.resume();
    }

    void stop_listening() noexcept {
#if defined(__cpp_lib_jthread)
        pool_base* const pool = owner();
        if (stop_source_ && pool && !pool->is_inherited()) {
            pool->stoppables().remove(*stop_source_);
        }
#endif
    }

    const bool has_executor_;
    bool is_away_ = false;  // for the thread that runs the coroutine
    std::coroutine_handle<> frame_;

    // Guarded by the lock of the state.
    bool was_asked_to_stop_ = false;
    bool has_stop_source_ = false;
    shared_state_base* awaited_ = nullptr;    // while the coroutine waits for it
    shared_state_base::handle submitted_;     // what will call `arrive`
    sync::atomic<bool> has_departed_{false};  // see `wait_for_arrival`

#if defined(__cpp_lib_jthread)
    std::optional<stoppable> stop_source_;  // once the coroutine has asked for a token
#endif
};

// The next turn of a coroutine that an executor of one's own runs. Until it begins, the coroutine waits for
// what was submitted, as it waits for any other future: a worker that waits for the coroutine can so run
// that.
class submitted_turn {
public:
    // Calls `submit()`, which submits the turn, and returns a handle on the future of that, or an empty one
    // if it is not known. Requires: the coroutine waits for others, as its state says.
    template <class Submit>
    void submit(shared_state_base& coroutine, Submit submit) {
        // The turn may begin on another thread, and the coroutine end, before `submit()` returns.
        const shared_state_base::weak_handle kept(coroutine);
        const std::uint32_t number = number_;
        shared_state_base::weak_handle submitted;
        if (const shared_state_base::handle made = submit()) {
            submitted = shared_state_base::weak_handle(made.state());
        }
        if (submitted) {
            static_cast<void>(coroutine.change([&] {
                // By now the coroutine may wait for something else.
                if (number_ == number) {
                    submitted_ = std::move(submitted);
                }
            }));
        }
    }

    // The turn begins, or fails. From now on it may be claimed, unless the coroutine was cancelled.
    void begin(shared_state_base& coroutine) noexcept;

    // The coroutine was cancelled.
    void forget() noexcept { submitted_.reset(); }

    // Returns a weak handle on what was submitted, if the coroutine waits for that.
    [[nodiscard]] shared_state_base::weak_handle awaited(shared_state_base& coroutine) const noexcept;

private:
    // Guarded by the lock of the state as long as the coroutine waits for others.
    std::uint32_t number_ = 0;
    // Weak, as nobody asks for its result.
    shared_state_base::weak_handle submitted_;
};

// `coroutine_state` adds the state of the coroutine's future. It lies before the frame in one allocation,
// which lives on when the frame is gone.
template <class T>
class coroutine_state : public coroutine_task, public shared_state<T> {
public:
    coroutine_state(pool_base* pool, bool has_executor) noexcept
        : coroutine_task(pool, has_executor), shared_state<T>(process_of(pool)) {
        if (!has_executor) {
            this->note_started();
        }
    }

    [[nodiscard]] shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept final {
        return this->help_coroutine(given_up);
    }
    [[nodiscard]] bool may_help() noexcept final { return queued_state::may_help(*this); }
    [[nodiscard]] helper* helper_here() noexcept final { return queued_state::helper_here(*this); }
    bool help(helper& self, shared_state_base::weak_handle* given_up) noexcept final {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every helper is a worker
        return this->run_turn_here(static_cast<worker&>(self), given_up);
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return this->any_worker_here(); }
    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        if (!this->is_unqueued()) {
            return this->obstacle(*this, place);
        }
        return place.index == 0 ? this->awaited() : shared_state_base::weak_handle();
    }
    void have_sleepers_look_again() noexcept final { queued_state::have_sleepers_look_again(*this); }
    [[nodiscard]] queued_state* as_task() noexcept final { return this; }
    [[nodiscard]] bool runs_in_turns() const noexcept final { return true; }
    [[nodiscard]] bool runs_here() noexcept final { return queued_state::runs_here(*this); }
    bool signal_stop() noexcept final { return this->signal_stop_of_coroutine(); }

protected:
    ~coroutine_state() override = default;

private:
    [[nodiscard]] shared_state_base& future() noexcept final { return *this; }
    void call() noexcept final {}
    void discard() noexcept final { this->discard_frame(); }
    void discard_captures() noexcept final { this->discard_frame(); }
    void note_stale_in_queue() noexcept final { this->note_stale(); }
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::wait_for_arrival(const departure_order& order) {
    const std::uintptr_t place = local_queue::note_suspended(*this);
    has_departed_.store(false, std::memory_order_relaxed);  // relaxed: `submit` publishes it
    future().suspend([] {});
    if (departure* const outer = departure::to_return_to(*this)) {
        outer->next = order;
        return true;
    }
    departure here(*this);
    if (!depart(here, order)) {
        here.has_arrived = true;
        return !go_on_unless_away(place);
    }
    while (here.next.coroutine) {
        const departure_order next = std::exchange(here.next, {});
        if (!depart(here, next)) {
            here.has_arrived = true;
            here.resume([&next] { next.coroutine->resume_here_unless_away(); });
        }
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::arrive() {
    if (departure* const here = wait_for_departure()) {
        here->resume([this] { resume_here(); });
    } else {
        resume_here();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::note_dropped() noexcept {
    wait_for_departure();
    if (has_executor_) {
        queue_turn();
    } else {
        resume_here();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::queue_turn() noexcept {
    shared_state_base& its_future = future();
    pool_base* const pool = owner();
    // It exists as long as the coroutine is suspended.
    const shared_pool<pool_base> kept = keep_owner();
    shared_state_base::handle submitted;
    const auto forget = [&] {
        awaited_ = nullptr;
        submitted = std::move(submitted_);
    };
    if (!pool) {
        its_future.with_lock(forget);
        push_turn();  // until the turn begins, the coroutine goes on waiting: see `submitted_turn`
    } else if (its_future.begin_to_queue_again(forget)) {
        push_turn();
    } else {
        pool->replace_stale_item();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::end() noexcept {
    shared_state_base& its_future = future();
    pool_base* const pool = owner();
    // It exists until `note_coroutine_ended`, unless this thread is its worker.
    const shared_pool<pool_base> kept = keep_owner();
    stop_listening();
    its_future.complete_without_handle();
    if (pool) {
        pool->note_coroutine_ended();
    }
}

void coroutine_task::cancel_waiting() noexcept {
    shared_state_base& its_future = future();
    if (its_future.cancel()) {
        its_future.release_from_queue();
    } else {
        release();
    }
}

void coroutine_task::fail_waiting(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    do {
        if (claim_turn(true)) {
            note_stale();
            discard();
            its_future.set_exception(std::move(reason));
            end();
            return;
        }
    } while (!its_future.release_unless_live());
}

void coroutine_task::release() noexcept {
    if (!future().release_unless_live()) {
        note_stale();
        push_turn();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result coroutine_task::help_coroutine(
    shared_state_base::weak_handle* given_up) noexcept {
    shared_state_base& its_future = future();
    if (its_future.is_unqueued()) {
        return shared_state_base::help_result::waits_for_others;
    }
    worker* const self = worker_here(its_future);
    if (!self) {
        return help_elsewhere();
    }
    return run_turn_here(*self, given_up) ? shared_state_base::help_result::helped
                                          : help_runner(its_future, *self, given_up);
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::run_turn_here(
    worker& self, shared_state_base::weak_handle* given_up) noexcept {
    shared_state_base& its_future = future();
    const bool taken = self.take_back(*this);
    while (!claim_turn(taken)) {
        if (!taken) {
            return false;
        }
        if (its_future.release_unless_live()) {
            owner()->replace_stale_item();
            return false;
        }
    }
    if (!taken) {
        note_stale();
    }
    if (given_up) {
        given_up->reset();
    }
    run(self);
    return true;
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle coroutine_task::awaited() noexcept {
    shared_state_base::weak_handle found;
    future().if_unqueued([&] {
        if (awaited_ && !awaited_->done()) {
            found = shared_state_base::weak_handle(*awaited_);
        }
    });
    return found;
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::signal_stop_of_coroutine() noexcept {
    shared_state_base& its_future = future();
    if (its_future.state() != future_state::running) {
        return false;
    }
    shared_state_base::handle passed_on;
    bool had_effect = false;
    bool has_stop_source = false;
    its_future.with_lock([&] {
        had_effect = !std::exchange(was_asked_to_stop_, true);
        has_stop_source = has_stop_source_;
        if (its_future.is_unqueued() && awaited_ && awaited_->has_last_handle()) {
            passed_on = shared_state_base::handle(*awaited_);
        }
    });
#if defined(__cpp_lib_jthread)
    if (has_stop_source) {
        had_effect = stop_source_->request_stop();
    }
#endif
    if (passed_on) {
        trampoline::call([kept = std::move(passed_on)]() noexcept { kept.state().request_stop(); });
    }
    return had_effect;
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::depart(departure& here,
                                                        const departure_order& order) noexcept {
    coroutine_task& leaving = *order.coroutine;
    here.has_arrived = false;
    // Before `submit`, in which the coroutine may go on.
    const bool was_away = std::exchange(leaving.is_away_, order.leads_away);
    shared_state_base::handle submitted;
    try {
        submitted = order.submit(leaving, order.awaiter);
    } catch (...) {
        leaving.is_away_ = was_away;
        *order.failure = std::current_exception();
        return false;
    }
    if (!here.has_arrived) {
        if (submitted) {
            static_cast<void>(leaving.future().change([&] {
                leaving.awaited_ = std::addressof(submitted.state());
                leaving.submitted_ = std::move(submitted);
            }));
        }
        // Release: pairs with the acquire in `wait_for_departure`.
        leaving.has_departed_.store(true, std::memory_order_release);
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION coroutine_task::departure* coroutine_task::wait_for_departure() noexcept {
    for (departure* each = departure::newest; each; each = each->outer) {
        if (&each->task == this && !each->has_arrived) {
            each->has_arrived = true;
            return each;
        }
    }
    // Acquire: pairs with the release in `depart`.
    for (back_off delay; !has_departed_.load(std::memory_order_acquire);) {
        delay.pause();
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION void submitted_turn::begin(shared_state_base& coroutine) noexcept {
    if (coroutine.begin_to_queue()) {
        ++number_;
        submitted_.reset();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle submitted_turn::awaited(
    shared_state_base& coroutine) const noexcept {
    shared_state_base::weak_handle found;
    coroutine.if_unqueued([&] {
        if (submitted_ && !submitted_.state().done()) {
            found = shared_state_base::weak_handle(submitted_.state());
        }
    });
    return found;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
