// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <exception>  // std::exception_ptr, std::current_exception
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/executor_reference.hpp>
#include <concurrent/futures/task/queued_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A task that is queued, or run, when another future is done, its parent. Until then it is a callback of the
// parent: one allocation holds everything. The captures have a handle on the parent.
class continuation : public callback {
protected:
    // `sees_failures` says whether the task runs even if the parent has no value.
    continuation(shared_state_base& parent, bool sees_failures) noexcept
        : parent_(parent), sees_failures_(sees_failures) {}
    ~continuation() = default;

    // Whether the task runs if the parent is done as `how` says.
    [[nodiscard]] bool goes_on(outcome how) const noexcept { return how == outcome::value || sees_failures_; }

    // Goes on after the parent is done, as `how` says. Returns whether `task`, whose state is `future`, is to
    // be run now. Only if so, this object is sure to exist still. If an executor of one's own runs the task,
    // which `submits` says, the future goes on waiting for others until the task begins.
    [[nodiscard]] bool begin(shared_state_base& future, queued_state& task, outcome how,
                             bool submits) const noexcept;

    // Returns a weak handle on what the task waits for: the parent, or what was submitted.
    [[nodiscard]] shared_state_base::weak_handle dependency_of(shared_state_base& future) const noexcept {
        shared_state_base::weak_handle found;
        future.if_unqueued([&] {
            shared_state_base& awaited = submitted_ ? submitted_.state() : parent_;
            if (!awaited.done()) {
                found = shared_state_base::weak_handle(awaited);
            }
        });
        return found;
    }

    // An executor of one's own has the task, and `submitted` will run it, unless it has done so by now.
    void wait_for_submitted(shared_state_base& future, shared_state_base::weak_handle submitted) noexcept {
        static_cast<void>(future.change([&] { submitted_ = std::move(submitted); }));
    }

    // The task leaves its executor of one's own, and may be run from now on. Returns false if it was
    // cancelled, or has left before.
    [[nodiscard]] bool leave_executor(shared_state_base& future) noexcept {
        if (!future.begin_to_queue()) {
            return false;
        }
        forget_submitted();
        return true;
    }

    // Requires: the future doesn't wait for others any more.
    void forget_submitted() noexcept { submitted_.reset(); }

    // Returns whether nothing will come from the parent any more.
    [[nodiscard]] bool stop_waiting_for_parent(shared_state_base& future) noexcept;

    [[nodiscard]] shared_state_base& parent() const noexcept { return parent_; }

    // Runs the task, for the executor of one's own to which it was submitted, unless it was cancelled.
    virtual void run_submitted() noexcept = 0;
    // The thread that submits it and the `submitted_continuation` both hold the memory. The second to go
    // makes the task fail if it has not run.
    virtual void release_submitted() noexcept = 0;

private:
    friend class submitted_continuation;

    void pass_on_failure(shared_state_base& future, queued_state& task) const noexcept;

    shared_state_base& parent_;
    // What an executor of one's own runs to run the task. Guarded by the lock of the state as long as the
    // task waits for others. Weak, as nobody asks for its result.
    shared_state_base::weak_handle submitted_;
    const bool sees_failures_;
};

// What an executor of one's own runs for a continuation, or drops.
class submitted_continuation {
public:
    using passes_failures_on = void;  // see `detail::passes_failures_on`

    explicit submitted_continuation(continuation& task) noexcept : task_(&task) {}
    submitted_continuation(submitted_continuation&& other) noexcept
        : task_(std::exchange(other.task_, nullptr)) {}
    submitted_continuation& operator=(submitted_continuation&&) = delete;
    ~submitted_continuation() {
        if (task_) {
            task_->release_submitted();
        }
    }
    void operator()() noexcept {
        if (continuation* const task = std::exchange(task_, nullptr)) {
            task->run_submitted();
            task->release_submitted();
        }
    }

private:
    continuation* task_;
};

// What a continuation is made of.
struct continuation_origin {
    shared_state_base& parent;
    bool sees_failures;
    // Which will run it. If there is none of both, it runs as a done callback does.
    pool_identity owner;
    executor_reference own_executor;
    // Keeps the owner, unless that runs the parent, too, and `find_owner` will find it.
    shared_pool<pool_base> kept_owner;
};

// The state of a continuation.
template <class T>
class continuation_state : public task_state<T>, private continuation {
public:
    explicit continuation_state(continuation_origin&& origin) noexcept
        : task_state<T>(origin.owner),
          continuation(origin.parent, origin.sees_failures),
          keeps_owner_(origin.kept_owner),
          kept_owner_(std::move(origin.kept_owner)),
          own_executor_(origin.own_executor) {
        this->set_known_early();
        this->note_unqueued();
    }

    // Requires: the captures have a handle on the parent. The task may have ended when this returns.
    void start() noexcept { call_when_done(parent()); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept final {
        if (!this->is_unqueued()) {
            return task_state<T>::dependency(place);
        }
        return place.index == 0 ? dependency_of(*this) : shared_state_base::weak_handle();
    }

    // It is queued when its parent is done, and so need not descend from the task that its worker runs.
    [[nodiscard]] bool submitter_may_wait() noexcept override { return false; }

    [[nodiscard]] executor_reference own_executor() const noexcept final { return own_executor_; }

protected:
    ~continuation_state() override = default;

private:
    void call_back(outcome how) final {
        if (own_executor_) {
            if (this->begin(*this, *this, how, true)) {
                submit();
            }
            return;
        }
        // Once the task may be run, its pool must exist until it was pushed. By then the task may be gone.
        shared_pool<pool_base> kept = std::move(kept_owner_);
        const bool runs_inline = !this->has_owner();
        pool_base* const pool = kept || runs_inline ? kept.get() : this->find_owner(kept);
        if (!pool && !runs_inline && this->goes_on(how)) {
            this->fail_unqueued(
                make_error<executor_shutdown>("the executor that ran the future was destroyed"));
            return;
        }
        if (!this->begin(*this, *this, how, false)) {
            return;
        }
        if (runs_inline) {
            this->run_packaged();
            return;
        }
        this->push_or_fail(*pool, [&] { pool->push(*this); });
    }

    // The task may run, be dropped or be cancelled on another thread before the executor returns.
    void submit() noexcept {
        try {
            if (auto submitted =
                    own_executor_.submit(own_executor_.executor, submitted_continuation(*this))) {
                this->wait_for_submitted(*this, std::move(submitted));
            }
        } catch (...) {
            failure_ = std::current_exception();
        }
        release_submitted();
    }

    void run_submitted() noexcept final {
        if (this->leave_executor(*this) && this->claim_to_help(false, nullptr)) {
            worker::note_running_elsewhere(*this);
            this->call();
            this->complete_without_handle();
        }
    }

    // It fails with what the executor has thrown, or because the executor has dropped it.
    void release_submitted() noexcept final {
        // Acquire and release: pairs with itself. It publishes `failure_`, and the uses of the memory.
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
            return;
        }
        if (this->is_unqueued() && this->leave_executor(*this)) {
            this->fail_dropped(
                failure_ ? std::move(failure_)
                         : make_error<broken_promise_error>("the executor dropped the continuation"));
        } else {
            this->release_from_queue();
        }
    }

    void stop_waiting(bool stop) noexcept final {
        if (this->stop_waiting_for_parent(*this)) {
            kept_owner_.reset();
        }
        this->cancel_if_last(this->parent(), stop);
        this->forget_submitted();
    }

    [[nodiscard]] bool keeps_owner() const noexcept final { return keeps_owner_; }

    const bool keeps_owner_;
    sync::atomic<int> holders_{2};       // once it is submitted to `own_executor_`
    shared_pool<pool_base> kept_owner_;  // until the task is pushed
    const executor_reference own_executor_;
    std::exception_ptr failure_;  // what `own_executor_` has thrown
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool continuation::begin(shared_state_base& future, queued_state& task,
                                                     outcome how, bool submits) const noexcept {
    if (goes_on(how)) {
        if (submits ? future.is_unqueued() : future.begin_to_queue()) {
            return true;
        }
        future.release_from_queue();
    } else if (how == outcome::cancelled) {
        task.cancel_waiting();
    } else {
        pass_on_failure(future, task);
    }
    return false;
}

CONCURRENT_FUTURES_FUNCTION bool continuation::stop_waiting_for_parent(shared_state_base& future) noexcept {
    // In the child of a fork, the parent's list of callbacks is not the one that has this.
    if (future.is_inherited() || !take_back_from(parent_)) {
        return false;
    }
    future.release_from_queue();
    return true;
}

CONCURRENT_FUTURES_FUNCTION void continuation::pass_on_failure(shared_state_base& future,
                                                               queued_state& task) const noexcept {
    std::exception_ptr failure;
    // As long as the task waits, nobody destroys its captures, which have a handle on the parent.
    future.if_unqueued([&] {
        failure = parent_.exception();
        parent_.mark_exception_as_looked_at();
    });
    task.fail_unqueued(std::move(failure));
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
