// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t, std::byte
#include <cstdint>      // std::uintptr_t
#include <exception>    // std::exception_ptr, std::current_exception
#include <functional>   // std::invoke
#include <type_traits>  // std::invoke_result_t, std::is_void_v
#include <utility>      // std::forward
#include <variant>      // std::monostate

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/back_off.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/awaited_event.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call of `Fn`, and what it has returned or thrown. It refers to the callable. Only one thread at a time
// uses it.
template <class Fn>
class call_result {
    using kept = kept_result_t<std::invoke_result_t<Fn>>;

public:
    using type = std::conditional_t<std::is_void_v<kept>, std::monostate, kept>;

    explicit call_result(std::remove_reference_t<Fn>& fn) noexcept : fn_(static_cast<Fn&&>(fn)) {}
    call_result(const call_result&) = delete;
    call_result& operator=(const call_result&) = delete;
    ~call_result() {
        if (has_result_) {
            result_.destroy();
        }
    }

    void call() noexcept {
        try {
            result_.emplace_from([this]() -> kept { return std::invoke(static_cast<Fn&&>(fn_)); });
            has_result_ = !std::is_void_v<kept>;
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    void rethrow_failure() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    // Requires: it has been called, and has not thrown.
    [[nodiscard]] type take() {
        if constexpr (std::is_void_v<kept>) {
            return {};
        } else {
            return static_cast<type&&>(result_.get());
        }
    }

private:
    Fn&& fn_;
    bool has_result_ = false;
    result_storage<kept> result_;
    std::exception_ptr failure_;
};

// That a branch is settled. It lies on the stack of the thread that joins, so that this allocates nothing.
class joined_state final : public awaited_event {
public:
    class place;

    [[nodiscard]] static void* operator new(std::size_t, place& where) noexcept;
    static void operator delete(void* memory) noexcept;
    static void operator delete(void*, place&) noexcept {}

    // The calling thread waits for `joined`, which another thread has taken, and exists until `complete`.
    // `self` is the worker of the calling thread if it is one of the branch's pool, else null.
    joined_state(const work_item& joined, worker* self) noexcept
        : joined_(joined), joiner_(worker::current()), self_(self) {}

    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept override;

private:
    ~joined_state() override = default;

    // As long as this isn't done, the branch exists, and so does the worker that runs it.
    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle obstacle(
        dependency_place& place) noexcept override;

    const work_item& joined_;
    const worker* const joiner_;
    worker* const self_;
};

// Room for a `joined_state`.
class joined_state::place {
public:
    [[nodiscard]] void* room() noexcept { return memory_; }

    // Waits until the state is deleted, at which other threads may look for a moment.
    void wait_until_free() const noexcept {
        // Acquire: pairs with the release of `operator delete`.
        for (back_off delay; !is_free_.load(std::memory_order_acquire);) {
            delay.pause();
        }
    }

private:
    friend class joined_state;

    alignas(joined_state) std::byte memory_[sizeof(joined_state)]{};
    sync::atomic<bool> is_free_{false};
};

inline void* joined_state::operator new(std::size_t, place& where) noexcept {
    return where.room();
}

inline void joined_state::operator delete(void* memory) noexcept {
    // Release: pairs with the acquire of `wait_until_free`.
    static_cast<place*>(memory)->is_free_.store(true, std::memory_order_release);
}

// A `branch` is a call that its caller lets others make, if they come in time. The caller pushes the branch,
// does something else, and then joins it. To join is to take it back and make the call, or to wait for the
// thread that has taken it. There is no handle, so nobody can cancel a branch, and it is never stale.
//
// Once a thread has settled a branch that it took, the branch may be gone.
class branch : public work_item {
public:
    // The pool calls these.

    CONCURRENT_FUTURES_FUNCTION bool execute(worker& self) noexcept final;

    // If its pool is closed or broken, the caller runs the branch: it has begun to run the other branches.
    [[gnu::cold]] void cancel_waiting() noexcept final { give_back(); }
    [[gnu::cold]] void fail_waiting(std::exception_ptr) noexcept final { give_back(); }
    void release() noexcept final {}
    [[nodiscard]] bool still_waits() noexcept final { return true; }
    [[nodiscard]] bool submitter_may_wait() noexcept final { return true; }

    // The caller calls these.

    // Pushes the branch, or throws and leaves everything as it was.
    template <class Pool>
    void start(Pool& pool, const typename Pool::branch_place& place) {
        pool_ = &pool;
        state_.store(pending, std::memory_order_relaxed);  // relaxed: the queue's lock orders it
        try {
            pool.push_branch(place, *this);
        } catch (...) {
            state_.store(given_back, std::memory_order_relaxed);  // relaxed: nobody else has seen it
            throw;
        }
    }

    // Returns once the call was made, here or elsewhere. Returns false only in the child of a fork that a
    // task made which this thread ran meanwhile. Any thread may call this, once. `self` is the calling
    // thread's worker if its pool has the branch, else null.
    [[nodiscard, gnu::always_inline]] bool join(worker* self) noexcept {
        const bool taken = self ? self->take_back(*this) : local_queue::take_back(*this, nullptr);
        const std::uintptr_t how = taken ? given_back : await(self);
        if (how == given_back) {
            call();
        }
        return how == given_back || how == done;
    }

protected:
    branch() = default;
    ~branch() = default;

    virtual void call() noexcept = 0;

private:
    // The states. Each other value is the address of the `blocked_thread` that waits; or, with the bit
    // `visible`, of the `joined_state` for which a worker waits.
    static constexpr std::uintptr_t pending = 0;     // queued, or taken by a thread that will settle it
    static constexpr std::uintptr_t done = 1;        // another thread has made the call
    static constexpr std::uintptr_t given_back = 2;  // the caller has to make the call
    static constexpr std::uintptr_t visible = 4;

    [[gnu::cold]] void give_back() noexcept;

    void settle(std::uintptr_t how) noexcept;

    // Acquire: pairs with the release of `settle`.
    [[nodiscard]] std::uintptr_t state() const noexcept { return state_.load(std::memory_order_acquire); }

    // Waits until the branch is settled, and helps meanwhile with what descends from it, as
    // `queued_state::help` does. `self` is the calling thread's worker, or null.
    [[nodiscard]] std::uintptr_t await(worker* self) noexcept;

    // Sleeps until the branch is settled. Not inlined, see `block_until_done`.
    void block() noexcept;

    // The same for a worker, which helps meanwhile with what the branch depends on.
    void block_visibly(worker* self) noexcept;

    // Has `settle` tell `waiting`. Returns false if the branch is settled already.
    [[nodiscard]] bool wait_by(std::uintptr_t waiting) noexcept {
        std::uintptr_t before = pending;
        // Release: pairs with the acquire of `settle`, which then sees the wait. Acquire: as in `state`, for
        // the case that the branch is settled already.
        return state_.compare_exchange_strong(before, waiting, std::memory_order_acq_rel);
    }

    pool_base* pool_ = nullptr;
    sync::atomic<std::uintptr_t> state_{given_back};  // until it is pushed
};

// A branch that calls `Fn`.
template <class Fn>
class branch_of final : public branch, public call_result<Fn> {
public:
    explicit branch_of(std::remove_reference_t<Fn>& fn) noexcept : call_result<Fn>(fn) {}

private:
    void call() noexcept override { call_result<Fn>::call(); }
};

// How branches are run by a pool.
template <class Pool>
class pool_branching {
public:
    template <class Fn>
    using branch_for = branch_of<Fn>;

    // Whether a branch may start others.
    static constexpr bool branches_start_others = true;

    explicit pool_branching(Pool& pool) noexcept : pool_(pool), place_(pool.place_for_branches()) {}

    // Returns the same for the calling thread.
    [[nodiscard]] pool_branching here() const noexcept { return pool_branching(pool_); }

    void throw_if_refusing() const { pool_.throw_if_refusing(); }

    // Throws what a submit would throw; then the branch is not queued.
    void start(branch& started) const { started.start(pool_, place_); }

    // Returns once the call of `joined` was made, here if it was not started or nobody else has begun it.
    // Throws only in the child of a fork, where nobody else can be running it.
    void join(branch& joined) const {
        pool_.throw_if_inherited();
        if (!joined.join(place_.self)) {
            pool_.throw_if_inherited();
        }
    }

    [[nodiscard]] std::size_t max_workers() const noexcept { return pool_.max_workers(); }

    // Returns how many threads may run branches while this one does something else.
    [[nodiscard]] std::size_t max_others() const noexcept { return max_workers() - (place_.self ? 1 : 0); }

private:
    Pool& pool_;
    typename Pool::branch_place place_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::help_result joined_state::help(shared_state_base::weak_handle* given_up) noexcept {
    // Other threads can't be sure that the branch still exists.
    const bool ran = self_ && worker::current() == joiner_ &&
                     self_->run_descendant(
                         joined_, [this] { return !done(); },
                         [given_up] {
                             if (given_up) {
                                 given_up->reset();
                             }
                         });
    return ran ? shared_state_base::help_result::helped : shared_state_base::help_result::none;
}

shared_state_base::weak_handle joined_state::obstacle(dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    if (local_queue* const runner = local_queue::queue_of_runner(joined_, true)) {
        runner->for_wait_of_owner(search);
    }
    return search.take();
}

bool branch::execute(worker& self) noexcept {
    self.note_busy();
    {
        const worker::running mark(self, *this);
        call();
    }
    self.note_nearly_idle();
    // In the child of a fork, nobody waits, and the waiting thread's mutex may be locked for ever.
    if (!self.pool().is_inherited()) {
        settle(done);
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION void branch::give_back() noexcept {
    pool_->note_stale_item();  // the thread that empties the queues lowers that number again
    settle(given_back);
}

CONCURRENT_FUTURES_FUNCTION void branch::settle(std::uintptr_t how) noexcept {
    // Release: publishes the result to the acquire of `state` and of `wait_by`. Acquire: pairs with the
    // release of `wait_by`, by which the waiting thread publishes its wait.
    const std::uintptr_t before = state_.exchange(how, std::memory_order_acq_rel);
    // One word for all, so that it changes at once.
    if (before & visible) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        reinterpret_cast<joined_state*>(before & ~visible)->complete();
    } else if (before != pending) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        reinterpret_cast<blocked_thread*>(before)->on_done(outcome::value);
    }
}

CONCURRENT_FUTURES_FUNCTION std::uintptr_t branch::await(worker* self) noexcept {
    trampoline::run_postponed();
    const auto settled = [this] { return state() == done || state() == given_back; };
    while (!settled() && !pool_->is_inherited()) {
        if (self && self->run_descendant(
                        *this, [&] { return !settled(); }, [] {})) {
            continue;
        }
        if (!spin_until_done_or_may_help(settled,
                                         [&] { return self && worker::seems_to_have_descendants(*this); })) {
            if (worker::current()) {
                block_visibly(self);
            } else {
                block();
            }
        }
    }
    return state();
}

CONCURRENT_FUTURES_FUNCTION void branch::block() noexcept {
    blocked_thread me;
    if (wait_by(reinterpret_cast<std::uintptr_t>(&me))) {
        me.wait_until_told();
    }
}

CONCURRENT_FUTURES_FUNCTION void branch::block_visibly(worker* self) noexcept {
    joined_state::place place;
    {
        auto& made = *new (place) joined_state(*this, self);
        const auto kept = shared_state_base::handle::adopt(made);
        if (wait_by(reinterpret_cast<std::uintptr_t>(&made) | visible)) {
            await_if_it_ends(made);
        } else {
            made.complete();
        }
    }
    if (!pool_->is_inherited()) {  // else nobody completes it
        place.wait_until_free();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
