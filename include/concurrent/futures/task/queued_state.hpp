// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>    // std::uint32_t
#include <exception>  // std::exception_ptr

#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `queued_state` is a task as its queue sees it, and connects a pool with a future's state. Derived classes
// add the callable and its result.
class queued_state : public work_item, public cached_memory {
public:
    // `owner` is the pool that will run the task, or null if a `packaged_task` holds the task.
    explicit queued_state(pool_base* owner) noexcept : owner_(owner) {
        if (owner_) {
            set_library(owner_->library());
        }
    }

    // Returns the process that the task's future depends on.
    [[nodiscard]] static std::uint32_t process_of(const pool_base* owner) noexcept {
        return owner ? owner->process() : forks::process();
    }

    // The pool calls these.

    bool execute(worker& self) noexcept final {
        shared_state_base& its_future = future();
        if (!its_future.claim()) {
            its_future.release_from_queue();
            return false;
        }
        self.note_busy();
        run(self);
        if (its_future.has_handle()) {
            self.note_nearly_idle();
        }
        if (its_future.complete_taken([&self] { self.note_busy(); })) {
            self.note_busy();
            its_future.destroy();
        }
        return true;
    }

    [[gnu::cold]] void cancel_waiting() noexcept final {
        shared_state_base& its_future = future();
        its_future.cancel();
        its_future.release_from_queue();
    }

    [[gnu::cold]] void fail_waiting(const std::exception_ptr& reason) noexcept final {
        shared_state_base& its_future = future();
        if (!its_future.claim()) {
            its_future.release_from_queue();
            return;
        }
        note_stale();
        discard();
        its_future.set_exception(reason);
        if (its_future.complete_taken([] {})) {
            its_future.destroy();
        }
    }

    void release() noexcept final { future().release_from_queue(); }

    [[nodiscard]] bool still_waits() noexcept final { return future().is_waiting(); }

    [[nodiscard]] bool has_handle() noexcept final { return future().has_handle(); }

    // Runs the task, unless the future was cancelled, for the `packaged_task` that holds it.
    void run_packaged() noexcept {
        shared_state_base& its_future = future();
        if (!its_future.claim()) {
            its_future.release_from_queue();
            return;
        }
        call();
        if (its_future.complete_taken([] {})) {
            its_future.destroy();
        }
    }

protected:
    ~queued_state() = default;

    [[nodiscard]] virtual shared_state_base& future() noexcept = 0;
    // Calls the callable, stores its result or exception, and destroys the captures, unless the result may
    // refer to them.
    virtual void call() noexcept = 0;
    // Destroys the captures.
    virtual void discard() noexcept = 0;

    // Returns the pool that has the task, or null. The pool exists as long as the task isn't done.
    [[nodiscard]] pool_base* owner() const noexcept { return owner_; }

    // Counts the item as stale until `note_stale_item_gone`. Its queue will skip it, or it has left the
    // queue.
    void note_stale() noexcept {
        if (owner_) {
            owner_->note_stale_item();
        }
    }

    // Returns the worker of the calling thread if the worker's pool has the task, else null.
    [[nodiscard, gnu::always_inline]] worker* worker_here(shared_state_base& future) noexcept {
        if (!owner_ || library() == pool_base::this_library()) {
            worker* const self = worker::current();
            return self && &self->pool() == owner_ ? self : nullptr;
        }
        // The pool exists as long as the task isn't done.
        return future.unless_done([this] { return owner_->worker_here(); });
    }

    // Not inlined, here and below: these are the same for results of all types.
    [[nodiscard, gnu::noinline]] helper* helper_here(shared_state_base& future) noexcept {
        return worker_here(future);
    }

    [[nodiscard, gnu::noinline]] bool runs_here(shared_state_base& future) noexcept {
        const worker* const self = worker_here(future);
        return self && self->runs(*this) && !future.done();
    }

    // See `shared_state_base::help`. If `only_this`, the thread runs this task or none.
    [[nodiscard, gnu::noinline]] shared_state_base::help_result help(shared_state_base& future,
                                                                     bool only_this) noexcept {
        worker* const self = worker_here(future);
        if (!self) {
            return shared_state_base::help_result::none;
        }
        if (run_here(future, *self)) {
            return shared_state_base::help_result::helped;
        }
        if (only_this) {
            return shared_state_base::help_result::none;
        }
        if (self->runs(*this)) {
            return shared_state_base::help_result::waits_for_self;
        }
        return self->run_descendant(*this, [&future] { return !future.done(); })
                   ? shared_state_base::help_result::helped
                   : shared_state_base::help_result::none;
    }

    [[nodiscard, gnu::noinline]] bool may_help(shared_state_base& future) noexcept {
        return worker_here(future) && worker::seems_to_have_descendants(*this);
    }

    // Runs the task; returns false if it is no longer queued. Requires: `future` is its state, and `self` is
    // the calling thread's worker, whose pool has the task.
    [[gnu::always_inline]] bool run_here(shared_state_base& future, worker& self) noexcept {
        const bool taken = self.take_back(*this);  // if so, this thread clears `in_queue`
        if (!future.claim(taken)) {
            if (taken) {
                future.release_from_queue();
                owner_->note_stale_item_gone();
                owner_->wake_one();
            }
            return false;
        }
        if (!taken) {
            note_stale();
        }
        run(self);
        future.complete();  // the caller has a handle
        return true;
    }

private:
    void run(worker& self) noexcept {
        const worker::running mark(self, *this);
        call();
    }

    pool_base* const owner_;
};

// `task_state` adds the state of the task's future.
template <class T>
class task_state : public queued_state, public shared_state<T> {
public:
    [[gnu::always_inline]] explicit task_state(pool_base* owner) noexcept
        : queued_state(owner), shared_state<T>(process_of(owner)) {}

    [[nodiscard]] shared_state_base::help_result help() noexcept final {
        return queued_state::help(*this, false);
    }
    [[nodiscard]] bool may_help() noexcept final { return queued_state::may_help(*this); }
    [[nodiscard]] helper* helper_here() noexcept final { return queued_state::helper_here(*this); }
    bool help(helper&) noexcept final {
        return queued_state::help(*this, true) == shared_state_base::help_result::helped;
    }
    [[nodiscard]] bool runs_here() noexcept final { return queued_state::runs_here(*this); }

protected:
    ~task_state() override = default;

private:
    [[nodiscard]] shared_state_base& future() noexcept final { return *this; }
    void discard() noexcept final { this->discard_captures(); }
    void note_stale_in_queue() noexcept final { note_stale(); }
};

}}}  // namespace concurrent::futures::detail
