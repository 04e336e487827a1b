// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint32_t
#include <exception>  // std::exception_ptr, std::current_exception
#include <utility>    // std::move

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/task/executor_reference.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Which pool runs a task, or none. The pool may exist no more.
struct pool_identity {
    pool_identity() = default;
    explicit pool_identity(pool_base* pool) noexcept
        : address(pool),
          number(pool ? pool->number() : 0),
          is_of_this_library(!pool || pool->library() == pool_base::this_library()) {}

    pool_base* address = nullptr;
    std::uint32_t number = 0;        // see `pool_base::find`
    bool is_of_this_library = true;  // if not, another may have made it
};

// `queued_state` is a task as its queue sees it, and connects a pool with a future's state. Derived classes
// add the callable and its result.
class queued_state : public work_item, public cached_memory {
public:
    // `owner` is the pool that will run the task, or null if a `packaged_task` holds the task.
    explicit queued_state(pool_base* owner) noexcept : queued_state(pool_identity(owner)) {}
    explicit queued_state(const pool_identity& owner) noexcept : owner_(owner.address) {
        set_owner(owner.number, owner.is_of_this_library);
    }

    // Returns the process that the task's future depends on.
    [[nodiscard]] static std::uint32_t process_of(const pool_base* owner) noexcept {
        return owner ? owner->process() : forks::process();
    }

    // The pool calls these.

    CONCURRENT_FUTURES_FUNCTION bool execute(worker& self) noexcept override;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void cancel_waiting() noexcept override;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void fail_waiting(std::exception_ptr reason) noexcept override;

    void release() noexcept override { future().release_from_queue(); }

    [[nodiscard]] bool still_waits() noexcept override { return future().is_waiting(); }

    [[nodiscard]] bool submitter_may_wait() noexcept override { return future().has_handle(); }

    // Makes the task fail with `reason` if it still waits for other futures, and so is in no queue.
    void fail_unqueued(std::exception_ptr reason) noexcept;

    // Makes the task fail with `reason`, for what held it and is destroyed without having called it: a
    // `packaged_task`, or what an executor of one's own was to run. Its captures may hold the next such task,
    // and so on. Requires: no pool has the task.
    [[gnu::cold]] void fail_dropped(std::exception_ptr reason) noexcept;

    // Calls `push()`, which queues the task in `pool`. If that throws, the task fails with what it has
    // thrown. The task may be gone when this returns.
    template <class Push>
    void push_or_fail(pool_base& pool, Push push) noexcept {
        std::exception_ptr failure;
        try {
            push();
            return;
        } catch (...) {
            failure = std::current_exception();
        }
        fail_waiting(std::move(failure));
        pool.replace_stale_item();
    }

    // Which pool runs the task or has run it.
    [[nodiscard]] pool_identity owner_identity() const noexcept {
        pool_identity identity;
        identity.address = owner_;
        identity.number = owner_number();
        identity.is_of_this_library = has_owner_of(pool_base::this_library());
        return identity;
    }

    // Returns a reference to that pool if another shared library may have made it, and it is sure to exist.
    // If this library hasn't met one of that one's pools yet, `find_owner` wouldn't find it.
    [[nodiscard]] shared_pool<pool_base> keep_owner_of_another_library() noexcept {
        if (has_owner_of(pool_base::this_library())) {
            return {};
        }
        shared_state_base& its_future = future();
        return its_future.unless_done([&] {
            const bool exists = its_future.is_unqueued() ? keeps_owner() : !its_future.was_not_queued();
            return exists ? shared_pool(*owner_) : shared_pool<pool_base>();
        });
    }

    // Returns the worker of the calling thread, of whatever pool, as far as this library can know.
    [[nodiscard]] worker* any_worker_here() noexcept {
        worker* const self = worker::current();
        return self || has_owner_of_own_library() ? self : ask_for_worker_here();
    }

    // Returns that pool, or null if it exists no more. Unless this thread is one of its workers, which have a
    // reference to it, `kept` gets one.
    [[nodiscard]] pool_base* find_owner(shared_pool<pool_base>& kept) const noexcept {
        const worker* const self = worker::of_this_library();
        if (self && &self->pool() == owner_ && owner_->number() == owner_number()) {
            return owner_;
        }
        kept = pool_base::find(owner_, owner_number());
        return kept.get();
    }

    // Returns a reference to the pool if this thread is none of its workers, which have one. Requires: the
    // pool exists now.
    [[nodiscard]] shared_pool<pool_base> keep_owner() const noexcept {
        return owner_ && !owner_->worker_here() ? shared_pool(*owner_) : shared_pool<pool_base>();
    }

    [[nodiscard]] bool has_owner() const noexcept { return owner_ != nullptr; }

    // Returns the executor of one's own that runs the task or has run it, if the library knows that. The
    // caller makes sure that the executor still exists.
    [[nodiscard]] virtual executor_reference own_executor() const noexcept { return {}; }

    // Runs the task, unless the future was cancelled, for the `packaged_task` that holds it.
    void run_packaged() noexcept;

protected:
    ~queued_state() = default;

    [[nodiscard]] virtual shared_state_base& future() noexcept = 0;
    // Calls the callable, stores its result or exception, and destroys the captures, unless the result may
    // refer to them.
    virtual void call() noexcept = 0;
    // Destroys the captures.
    virtual void discard() noexcept = 0;
    // Whether the pool exists as long as the task waits for others.
    [[nodiscard]] virtual bool keeps_owner() const noexcept { return false; }

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
        if (has_owner_of_own_library()) {
            worker* const self = worker::of_this_library();
            return self && &self->pool() == owner_ ? self : nullptr;
        }
        // The pool exists from when the task was queued until it is done.
        return future.unless_done([&] { return future.was_not_queued() ? nullptr : owner_->worker_here(); });
    }

    // These do what the virtual functions of `future` do that have the same names.
    [[nodiscard]] helper* helper_here(shared_state_base& future) noexcept;
    bool help(shared_state_base& future, helper& self, shared_state_base::weak_handle* given_up) noexcept;
    [[nodiscard]] shared_state_base::help_result help(shared_state_base& future,
                                                      shared_state_base::weak_handle* given_up) noexcept;
    [[nodiscard]] bool may_help(shared_state_base& future) noexcept;
    void have_sleepers_look_again(shared_state_base& future) noexcept;
    [[nodiscard]] bool runs_here(shared_state_base& future) noexcept;

    // Whether this thread is in the middle of running the task, which its worker's pool doesn't have.
    // Requires: the task is not done.
    [[nodiscard]] bool runs_here_for_others() const noexcept {
        const worker* const self = worker::current();
        return self && self->runs(*this);
    }

    // Does what `help` does if this thread's worker has another pool than the task, or if there is none.
    [[nodiscard]] shared_state_base::help_result help_elsewhere() const noexcept {
        return runs_here_for_others() ? shared_state_base::help_result::waits_for_self
                                      : shared_state_base::help_result::none;
    }

    // Does the part of `help` that is about a task which runs. Requires: `self` is the calling thread's
    // worker, whose pool has the task.
    [[nodiscard]] shared_state_base::help_result help_runner(
        shared_state_base& future, worker& self, shared_state_base::weak_handle* given_up) noexcept {
        if (self.runs(*this)) {
            return shared_state_base::help_result::waits_for_self;
        }
        const bool ran = self.run_descendant(
            *this, [&future] { return !future.done(); },
            [given_up] {
                if (given_up) {
                    given_up->reset();
                }
            });
        return ran ? shared_state_base::help_result::helped : shared_state_base::help_result::none;
    }

    // Returns what a worker waits for that keeps the task from ending, at `place`; see
    // `shared_state_base::dependency`. Requires: the task doesn't wait for others.
    [[nodiscard]] shared_state_base::weak_handle obstacle(shared_state_base& future,
                                                          dependency_place& place) noexcept;

    // Runs the task; returns false if it is no longer queued. Requires: `future` is its state, and `self` is
    // the calling thread's worker, whose pool has the task. `given_up` is a handle that is removed before the
    // task runs, or null.
    [[gnu::always_inline]] bool run_here(shared_state_base& future, worker& self,
                                         shared_state_base::weak_handle* given_up) noexcept {
        const bool taken = self.take_back(*this);  // if so, this thread clears `in_queue`
        if (!future.claim_to_help(taken, given_up)) {
            if (taken) {
                future.release_from_queue();
                owner_->replace_stale_item();
            }
            return false;
        }
        if (!taken) {
            note_stale();
        }
        run(self);
        future.complete_without_handle();
        return true;
    }

private:
    // For what holds the task: claims it, or, if another thread was faster, releases it.
    [[nodiscard]] static bool claim_for_queue(shared_state_base& future) noexcept {
        const bool claimed = future.claim();
        if (!claimed) {
            future.release_from_queue();
        }
        return claimed;
    }

    [[nodiscard, gnu::cold]] worker* ask_for_worker_here() noexcept;

    void for_each_obstacle(shared_state_base& future, dependency_walk::obstacle_search& visit) noexcept {
        future.with_lock([&] {
            if (future.done() || future.is_unqueued()) {
                return;
            }
            if (!future.is_waiting()) {
                // The worker exists as long as it runs the task; that can't end meanwhile, nor leave the
                // worker.
                if (local_queue* const runner = local_queue::queue_of_runner(*this, true)) {
                    runner->for_wait_of_owner(visit);
                }
            } else if (owner_) {
                owner_->for_each_obstacle(visit);  // the pool exists as long as the task isn't done
            }
        });
    }

    // Requires: the caller has claimed the task, and no queue has it any more.
    void fail_with(std::exception_ptr reason) noexcept;

    void run(worker& self) noexcept {
        const worker::running mark(self, *this);
        call();
    }

    // Whether it is known that `library` made the pool, see `pool_base::library`. Virtual, so that the code
    // of the library answers which made the task.
    [[nodiscard]] virtual bool has_owner_of(std::uint32_t library) const noexcept {
        return has_owner_of_own_library() && library == pool_base::this_library();
    }

    pool_base* const owner_;
};

// `task_state` adds the state of the task's future.
template <class T>
class task_state : public queued_state, public shared_state<T> {
public:
    [[gnu::always_inline]] explicit task_state(pool_base* owner) noexcept
        : queued_state(owner), shared_state<T>(process_of(owner)) {}
    explicit task_state(const pool_identity& owner) noexcept
        : queued_state(owner), shared_state<T>(forks::process()) {}

    [[nodiscard]] shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept final {
        return queued_state::help(*this, given_up);
    }
    [[nodiscard]] bool may_help() noexcept final { return queued_state::may_help(*this); }
    [[nodiscard]] helper* helper_here() noexcept final { return queued_state::helper_here(*this); }
    bool help(helper& self, shared_state_base::weak_handle* given_up) noexcept final {
        return queued_state::help(*this, self, given_up);
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return any_worker_here(); }
    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        return obstacle(*this, place);
    }
    void have_sleepers_look_again() noexcept final { queued_state::have_sleepers_look_again(*this); }
    [[nodiscard]] queued_state* as_task() noexcept final { return this; }
    [[nodiscard]] bool runs_here() noexcept final { return queued_state::runs_here(*this); }

protected:
    ~task_state() override = default;

private:
    [[nodiscard]] shared_state_base& future() noexcept final { return *this; }
    void discard() noexcept final { this->discard_captures(); }
    void note_stale_in_queue() noexcept final { note_stale(); }
};

#if defined(CONCURRENT_FUTURES_DEFINES)

bool queued_state::execute(worker& self) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return false;
    }
    self.note_busy();
    run(self);
    if (its_future.has_handle()) {
        self.note_nearly_idle();
    }
    if (its_future.complete_taken([&self] { self.note_busy(); })) {
        self.note_busy();
        its_future.destroy_without_handle();
    }
    return true;
}

void queued_state::cancel_waiting() noexcept {
    shared_state_base& its_future = future();
    its_future.cancel();
    its_future.release_from_queue();
}

void queued_state::fail_waiting(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    note_stale();
    fail_with(std::move(reason));
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_unqueued(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!its_future.claim_unqueued()) {
        its_future.release_from_queue();
        return;
    }
    fail_with(std::move(reason));
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_dropped(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    trampoline::call([this, kept = std::move(reason)]() mutable noexcept { fail_with(std::move(kept)); });
}

CONCURRENT_FUTURES_FUNCTION void queued_state::run_packaged() noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    worker::note_running_elsewhere(*this);
    call();
    if (its_future.complete_taken([] {})) {
        its_future.destroy_without_handle();
    }
}

CONCURRENT_FUTURES_FUNCTION helper* queued_state::helper_here(shared_state_base& future) noexcept {
    return future.is_unqueued() ? nullptr : worker_here(future);
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::help(shared_state_base& future, helper& self,
                                                    shared_state_base::weak_handle* given_up) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every helper is a worker
    return run_here(future, static_cast<worker&>(self), given_up);
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::runs_here(shared_state_base& future) noexcept {
    const worker* const self = worker_here(future);
    return (self ? self->runs(*this) : runs_here_for_others()) && !future.done();
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result queued_state::help(
    shared_state_base& future, shared_state_base::weak_handle* given_up) noexcept {
    if (future.is_unqueued()) {
        return shared_state_base::help_result::waits_for_others;
    }
    worker* const self = worker_here(future);
    if (!self) {
        return help_elsewhere();
    }
    if (run_here(future, *self, given_up)) {
        return shared_state_base::help_result::helped;
    }
    return help_runner(future, *self, given_up);
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle queued_state::obstacle(
    shared_state_base& future, dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    for_each_obstacle(future, search);
    return search.take();
}

CONCURRENT_FUTURES_FUNCTION void queued_state::have_sleepers_look_again(shared_state_base& future) noexcept {
    if (!future.is_waiting() || !owner_) {
        return;
    }
    future.with_lock([&] {
        if (future.is_waiting() && !future.is_unqueued()) {
            // The pool exists as long as the task isn't done.
            owner_->blocked_waits().have_all_look_again();
        }
    });
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::may_help(shared_state_base& future) noexcept {
    return worker_here(future) && worker::seems_to_have_descendants(*this);
}

CONCURRENT_FUTURES_FUNCTION worker* queued_state::ask_for_worker_here() noexcept {
    if (const shared_pool<pool_base> owner = keep_owner_of_another_library()) {
        owner->meet();
    }
    return worker::current();
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_with(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    discard();
    its_future.set_exception(std::move(reason));
    if (its_future.complete_taken([] {})) {
        its_future.destroy_without_handle();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
