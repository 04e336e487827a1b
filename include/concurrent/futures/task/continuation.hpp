// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <exception>  // std::exception_ptr, std::current_exception
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
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

    // Goes on after the parent is done, as `how` says. Returns whether `task`, whose state is `future`, is to
    // be run now. Only if so, this object is sure to exist still.
    [[nodiscard]] bool begin(shared_state_base& future, queued_state& task, outcome how) const noexcept {
        if (how == outcome::value || sees_failures_) {
            if (future.begin_to_queue()) {
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

    // Returns a handle on the parent if the task waits for it.
    [[nodiscard]] shared_state_base::handle dependency_of(shared_state_base& future) const noexcept {
        shared_state_base::handle parent;
        future.if_unqueued([&] {
            if (!parent_.done()) {
                parent = shared_state_base::handle(parent_);
            }
        });
        return parent;
    }

    // Returns whether nothing will come from the parent any more.
    [[nodiscard]] bool stop_waiting_for_parent(shared_state_base& future) noexcept {
        // In the child of a fork, the parent's list of callbacks is not the one that has this.
        if (future.is_inherited() || !take_back_from(parent_)) {
            return false;
        }
        future.release_from_queue();
        return true;
    }

    [[nodiscard]] shared_state_base& parent() const noexcept { return parent_; }

private:
    void pass_on_failure(shared_state_base& future, queued_state& task) const noexcept {
        std::exception_ptr failure;
        // As long as the task waits, nobody destroys its captures, which have a handle on the parent.
        future.if_unqueued([&] {
            failure = parent_.exception();
            parent_.mark_exception_as_looked_at();
        });
        task.fail_unqueued(std::move(failure));
    }

    shared_state_base& parent_;
    const bool sees_failures_;
};

// The state of a continuation, however it is run.
template <class T>
class continuation_task : public task_state<T>, protected continuation {
public:
    // Requires: the captures have a handle on the parent. The task may have ended when this returns.
    void start() noexcept { call_when_done(parent()); }

    [[nodiscard]] shared_state_base::handle dependency(std::size_t& index) noexcept final {
        if (!this->is_unqueued()) {
            return task_state<T>::dependency(index);
        }
        return index == 0 ? dependency_of(*this) : shared_state_base::handle();
    }

    // It is queued when its parent is done, and so need not descend from the task that its worker runs.
    [[nodiscard]] bool has_handle() noexcept final { return false; }

protected:
    continuation_task(pool_base* owner, shared_state_base& parent, bool sees_failures) noexcept
        : task_state<T>(owner), continuation(parent, sees_failures) {
        this->note_unqueued();
    }
    ~continuation_task() override = default;
};

// What a continuation is made of.
struct continuation_origin {
    shared_state_base& parent;
    bool sees_failures;
    shared_pool<pool_base> pool;  // which will run it
    bool runs_inline;             // it runs as a done callback does, and there is no pool
};

// The state of a continuation that a pool runs, or that runs as a done callback does.
template <class T>
class continuation_state : public continuation_task<T> {
public:
    explicit continuation_state(continuation_origin&& origin) noexcept
        : continuation_task<T>(origin.pool.get(), origin.parent, origin.sees_failures),
          pool_(std::move(origin.pool)),
          runs_inline_(origin.runs_inline) {}

protected:
    ~continuation_state() override = default;

private:
    void call_back(outcome how) final {
        // The pool must exist until the task was pushed. By then the task may be gone.
        const shared_pool<pool_base> pool = std::move(pool_);
        const bool runs_inline = runs_inline_;
        if (!this->begin(*this, *this, how)) {
            return;
        }
        if (runs_inline) {
            this->run_packaged();
            return;
        }
        if (!pool) {
            this->fail_waiting(
                make_error<executor_shutdown>("the executor that ran the future was destroyed"));
            return;
        }
        this->push_or_fail(*pool, [&] { pool->push(*this); });
    }

    void stop_waiting(bool stop) noexcept final {
        if (this->stop_waiting_for_parent(*this)) {
            pool_.reset();
        }
        this->cancel_if_last(this->parent(), stop);
    }

    shared_pool<pool_base> pool_;  // until the task is pushed
    const bool runs_inline_;
};

// The state of a continuation that an executor of any other kind runs.
template <class Executor, class T>
class submitted_continuation_state : public continuation_task<T> {
public:
    struct origin {
        shared_state_base& parent;
        bool sees_failures;
        Executor& executor;
    };

    explicit submitted_continuation_state(origin&& from) noexcept
        : continuation_task<T>(nullptr, from.parent, from.sees_failures), executor_(from.executor) {}

protected:
    ~submitted_continuation_state() override = default;

private:
    // What the executor runs.
    class submitted {
    public:
        explicit submitted(submitted_continuation_state& task) noexcept : task_(&task) {}
        submitted(submitted&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
        submitted& operator=(submitted&&) = delete;
        ~submitted() {
            if (task_) {
                task_->release_one();
            }
        }
        void operator()() noexcept {
            if (submitted_continuation_state* const task = std::exchange(task_, nullptr)) {
                task->run();
                task->release_one();
            }
        }

    private:
        submitted_continuation_state* task_;
    };

    void call_back(outcome how) final {
        if (this->begin(*this, *this, how)) {
            try {
                static_cast<void>(executor_.submit(submitted(*this)));
            } catch (...) {
                failure_ = std::current_exception();
            }
            release_one();
        }
    }

    void run() noexcept {
        const shared_state_base::handle kept(*this);
        if (this->claim()) {
            this->call();
            this->complete();
        }
    }

    // `call` and the `submitted` both hold the memory. The second to go makes the task fail if it has not
    // run: with what the executor has thrown, or because the executor has dropped it.
    void release_one() noexcept {
        // Acquire and release: pairs with itself. It publishes `failure_`, and the uses of the memory.
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            this->fail_waiting(
                failure_ ? std::move(failure_)
                         : make_error<broken_promise_error>("the executor dropped the continuation"));
        }
    }

    void stop_waiting(bool stop) noexcept final {
        static_cast<void>(this->stop_waiting_for_parent(*this));
        this->cancel_if_last(this->parent(), stop);
    }

    Executor& executor_;
    std::exception_ptr failure_;
    sync::atomic<int> holders_{2};
};

}}}  // namespace concurrent::futures::detail
