// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint32_t, std::uint64_t
#include <mutex>    // std::lock_guard, std::unique_lock
#include <utility>  // std::exchange

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `outstanding_futures` is a set of futures that threads wait for while others add to it: those of a
// `completion_queue`, or of a `task_group`. The owner of the set adds an entry for each future, and removes
// the entry once the future is done. Each takes O(1).
//
// A worker that waits looks at each future once, for a task that it can run. It goes on from where it
// stopped: a task that is no longer queued will never be again, and only tasks of the worker's own pool
// concern it. If a future is added meanwhile, the worker wakes to look at that too: nobody else might ever
// run the task.
//
// All functions, except those that say otherwise, require `lock()`. The mutex is not held while a task, a
// callback or a destructor of a user's object runs.
class outstanding_futures {
public:
    class entry {
    public:
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }

    protected:
        entry() = default;
        ~entry() = default;

    private:
        friend class outstanding_futures;

        shared_state_base* state_ = nullptr;  // has a handle as long as the entry is in the set
        entry* next_ = nullptr;
        entry* previous_ = nullptr;
        std::uint64_t number_ = 0;  // no two entries ever have the same
    };

    using lock_type = std::unique_lock<sync::mutex>;

    // How `wait` ends.
    enum class wait_end { ready, timed_out, waits_for_self };

    outstanding_futures() = default;
    outstanding_futures(const outstanding_futures&) = delete;
    outstanding_futures& operator=(const outstanding_futures&) = delete;

    // Requires: not locked, and not `is_inherited()`.
    [[nodiscard]] lock_type lock() const { return lock_type(mutex_); }

    // Returns whether another process made the set. Then no lock is needed or may be taken: a thread that is
    // not in this process may have it.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // Requires no lock.
    void throw_if_inherited() const {
        if (is_inherited()) {
            throw_error<broken_executor>(
                "this was made before the process was forked, and what would complete its futures is not in "
                "this process");
        }
    }

    [[nodiscard]] entry* first() const noexcept { return first_; }

    // Adds a future, which has a handle until the entry is removed.
    void add(entry& added, shared_state_base& state) noexcept {
        added.state_ = &state;
        added.number_ = ++added_;
        added.next_ = nullptr;
        added.previous_ = std::exchange(last_, &added);
        (added.previous_ ? added.previous_->next_ : first_) = &added;
        if (!unexamined_) {
            unexamined_ = &added;
        }
        if (cursors_) {
            for (cursor* each = cursors_; each; each = each->next) {
                if (!each->unexamined) {
                    each->unexamined = &added;
                }
            }
            notify();
        }
    }

    void remove(entry& removed) noexcept {
        if (unexamined_ == &removed) {
            unexamined_ = removed.next_;
        }
        for (cursor* each = cursors_; each; each = each->next) {
            if (each->unexamined == &removed) {
                each->unexamined = removed.next_;
            }
        }
        (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
        (removed.next_ ? removed.next_->previous_ : last_) = removed.previous_;
    }

    // What the waiting threads are waiting for may be so now. The lock is still held: once it is released, a
    // waiting thread may go on and destroy the set.
    void notify() noexcept { changed_.notify_all(); }

    // Waits until `ready()` without helping, for what another thread is about to do.
    template <class Ready>
    void wait_for_others(lock_type& lock, Ready ready) {
        changed_.wait(lock, ready);
    }

    // Calls `fn(state)`, without the lock, for each future, also for those that are added meanwhile.
    template <class Fn>
    void for_each(lock_type& lock, Fn fn) {
        cursor all(*this, first_);
        examine(lock, all, [&fn](shared_state_base& state) {
            fn(state);
            return false;
        });
    }

    // Waits until `ready()`, or until `until`. `to_the_end` says that the wait ends only when no future is
    // outstanding: then a worker runs tasks of its own pool on the spot, and what descends from those that
    // run elsewhere. Else it runs a task only while no other worker can.
    template <class Ready>
    wait_end wait(lock_type& lock, const deadline& until, bool to_the_end, Ready ready) {
        waiting_thread me(*this, to_the_end);
        while (!ready()) {
            if (until.passed()) {
                return wait_end::timed_out;
            }
            lock.unlock();
            trampoline::run_postponed();
            lock.lock();
            if (to_the_end) {
                const shared_state_base::help_result helped = help(lock, me);
                if (helped == shared_state_base::help_result::waits_for_self) {
                    return wait_end::waits_for_self;
                }
                if (helped == shared_state_base::help_result::none) {
                    wait_until(changed_, lock, until, [&] { return ready() || me.unexamined; });
                }
                continue;
            }
            helper* self = nullptr;
            const help_or_watch done = help_unless_others_can(lock, me, self);
            if (done == help_or_watch::neither) {
                wait_until(changed_, lock, until, [&] { return ready() || me.unexamined; });
            } else if (done == help_or_watch::watches) {
                wait_until(changed_, lock, until, [&] { return ready() || me.alone; });
                lock.unlock();
                const bool removed = self->unwatch_idle(me);
                lock.lock();
                if (!removed) {
                    wait_for_others(lock, [&] { return me.alone; });
                }
                me.alone = false;
            }
        }
        return wait_end::ready;
    }

private:
    // How far a thread has looked at the futures. It is made and destroyed under the lock.
    struct cursor {
        cursor(outstanding_futures& its_set, entry* first) noexcept
            : set(its_set), unexamined(first), next(std::exchange(set.cursors_, this)) {}
        cursor(const cursor&) = delete;
        cursor& operator=(const cursor&) = delete;
        ~cursor() {
            cursor** link = &set.cursors_;
            while (*link != this) {
                link = &(*link)->next;
            }
            *link = next;
        }

        outstanding_futures& set;
        entry* unexamined;  // the first future that the thread has not looked at
        cursor* next;
    };

    // A thread in `wait`. If that is short, the next `wait` goes on where this one stopped.
    struct waiting_thread final : cursor, idle_watch {
        waiting_thread(outstanding_futures& its_set, bool to_the_end) noexcept
            : cursor(its_set,
                     !to_the_end && its_set.examiner_ == examiner() ? its_set.unexamined_ : its_set.first_),
              keeps_place(!to_the_end) {}
        waiting_thread(const waiting_thread&) = delete;
        waiting_thread& operator=(const waiting_thread&) = delete;
        ~waiting_thread() {
            if (keeps_place) {
                set.examiner_ = examiner();
                set.unexamined_ = unexamined;
            }
        }

        void on_nobody_idle() noexcept override {
            // Notify under the mutex: once the mutex is free, this may be gone.
            const std::lock_guard lock(set.mutex_);
            alone = true;
            set.changed_.notify_all();
        }

        const bool keeps_place;
        bool alone = false;  // no other worker can run what is queued
    };

    // Threads that can help the same futures: a thread, or the workers of a pool. Which of the two depends on
    // whether this library knows the pool.
    struct examiner {
        examiner() noexcept
            : pool(pool_thread::current().pool),
              thread(pool != 0 ? sync::thread::id() : sync::this_thread::get_id()) {}
        friend bool operator==(const examiner&, const examiner&) = default;

        std::size_t pool;
        sync::thread::id thread;
    };

    enum class help_or_watch { neither, helped, watches };

    // Calls `look(state)`, without the lock, for each future that `me` has not looked at, until that returns
    // true.
    template <class Look>
    static bool examine(lock_type& lock, cursor& me, Look look) {
        while (entry* const each = me.unexamined) {
            const std::uint64_t number = each->number_;
            bool found = false;
            {
                const shared_state_base::handle kept(each->state());
                lock.unlock();
                found = look(kept.state());
            }
            lock.lock();
            if (found) {
                return true;
            }
            // The entry may have been removed meanwhile, and another one may have its memory.
            if (me.unexamined && me.unexamined->number_ == number) {
                me.unexamined = me.unexamined->next_;
            }
        }
        return false;
    }

    // Runs one task, as far as there is one that a wait without a limit may run.
    [[nodiscard]] static shared_state_base::help_result help(lock_type& lock, cursor& me) {
        shared_state_base::help_result helped = shared_state_base::help_result::none;
        examine(lock, me, [&helped](shared_state_base& state) {
            helped = state.done() ? shared_state_base::help_result::none : state.help();
            return helped != shared_state_base::help_result::none;
        });
        return helped;
    }

    // If this thread, `self`, could run a task: runs it if nobody else can, or watches that others can.
    [[nodiscard]] static help_or_watch help_unless_others_can(lock_type& lock, waiting_thread& me,
                                                              helper*& self) {
        help_or_watch result = help_or_watch::neither;
        examine(lock, me, [&](shared_state_base& state) {
            self = state.is_waiting() ? state.helper_here() : nullptr;
            if (self) {
                result = self->watch_idle(me) ? help_or_watch::watches : help_or_watch::helped;
                if (result == help_or_watch::helped) {
                    state.help(*self);
                }
            }
            return self != nullptr;
        });
        return result;
    }

    const std::uint32_t process_ = forks::process();

    mutable sync::mutex mutex_;
    sync::condition_variable changed_;

    // Guarded by `mutex_`.
    entry* first_ = nullptr;
    entry* last_ = nullptr;
    std::uint64_t added_ = 0;
    cursor* cursors_ = nullptr;
    examiner examiner_;            // the threads that waited last
    entry* unexamined_ = nullptr;  // the first future that they have not looked at
};

}}}  // namespace concurrent::futures::detail
