// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>   // std::size_t
#include <cstdint>   // std::uint32_t, std::uint64_t
#include <memory>    // std::unique_ptr, std::make_unique, std::addressof, std::destroy_at
#include <mutex>     // std::lock_guard, std::unique_lock
#include <optional>  // std::optional
#include <utility>   // std::exchange, std::move

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/helping_wait.hpp>
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
// stopped: a task that is no longer queued will never be again. If a future is added meanwhile, the worker
// wakes to look at that too: nobody else might ever run the task.
//
// The futures may depend on others that this worker can run. So before it sleeps, it adds what is still
// outstanding to a `dependency_walk`, each future once. From one short wait to the next, the set keeps the
// walk, for the next worker of the same pool.
//
// All functions, except those that say otherwise, require `lock()`. The mutex is not held while a task, a
// callback or a destructor of a user's object runs. Each of these may fork and return: then, in the child,
// the lock stays released, as another thread may have taken it for ever, and the lists may be in the middle
// of a change.
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

    outstanding_futures() : changed_() {}
    outstanding_futures(const outstanding_futures&) = delete;
    outstanding_futures& operator=(const outstanding_futures&) = delete;
    // Requires: not locked. No other thread uses the set.
    ~outstanding_futures();

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
    void add(entry& added, shared_state_base& state) noexcept;

    void remove(entry& removed) noexcept;

    // Returns the first future that was added as the one with this `number`, or later. Sets `number` to that.
    // Returns null if there is none. A caller that asks for one after the other pays O(1) for each.
    [[nodiscard]] entry* find(std::uint64_t& number) noexcept;
    // The number of the oldest future, or the next one.
    [[nodiscard]] std::uint64_t first_number() const noexcept {
        return first_ ? first_->number_ : added_ + 1;
    }

    // What the waiting threads are waiting for may be so now. The lock is still held: once it is released, a
    // waiting thread may go on and destroy the set.
    void notify() noexcept { changed_.notify_all(); }

    // Waits until `ready()` without helping, for what another thread is about to do.
    template <class Ready>
    void wait_for_others(lock_type& lock, Ready ready) {
        changed_.wait(lock, ready);
    }

    // Calls `fn(state)`, without the lock, for each future, also for those that are added meanwhile. If `fn`
    // forks, then in the child this is the last call.
    void for_each(lock_type& lock, void (*fn)(shared_state_base&) noexcept);

    // Waits until `ready()`, or until `until`. `to_the_end` says that the wait ends only when no future is
    // outstanding: then a worker runs tasks of its own pool on the spot, and what descends from those that
    // run elsewhere. Else it runs a task only while no other worker can. Throws if there is no memory, on a
    // worker that would have to sleep; and if a task that it runs forks, in the child.
    template <class Ready>
    wait_end wait(lock_type& lock, const deadline& until, bool to_the_end, Ready ready) {
        return wait(
            lock, until, to_the_end,
            [](void* condition) noexcept { return (*static_cast<Ready*>(condition))(); }, &ready);
    }

private:
    class unlocked;
    struct cursor;
    struct walker;
    struct waiting_thread;

    // Threads that can help the same futures: a thread, or the workers of a pool. Which of the two depends on
    // whether this library knows the pool.
    struct examiner {
        examiner() noexcept
            : pool(pool_thread::own().pool),
              thread(pool != 0 ? sync::thread::id() : sync::this_thread::get_id()) {}
        friend bool operator==(const examiner&, const examiner&) = default;

        std::size_t pool;
        sync::thread::id thread;
    };

    // One function for all conditions: beside what it does, an indirect call takes no time.
    wait_end wait(lock_type& lock, const deadline& until, bool to_the_end,
                  bool (*is_ready)(void* condition) noexcept, void* condition);

    template <class Look>
    static bool examine(lock_type& lock, cursor& me, Look look);

    // Runs one of the futures' tasks that this worker's pool has; see `helping_wait::go_on`.
    [[nodiscard]] static helping_wait::step help(lock_type& lock, waiting_thread& me, helper*& watching);

    // Runs a task, as far as it is one that a wait without a limit may run.
    [[nodiscard]] static helping_wait::step help(shared_state_base& state, waiting_thread& me);

    // If this thread could run a task: runs it if nobody else can, or watches that others can.
    [[nodiscard]] static helping_wait::step help_unless_others_can(shared_state_base& state,
                                                                   waiting_thread& me, helper*& watching);

    // Before this thread does `step`: runs something that the futures depend on, if it is a worker.
    [[nodiscard]] helping_wait::step help_others(lock_type& lock, waiting_thread& me, helper*& watching,
                                                 helping_wait::step step);

    // `me` was given to `watching`, unless that is null.
    void stop_watching(lock_type& lock, waiting_thread& me, helper* watching) noexcept;

    [[nodiscard]] static std::unique_ptr<walker> take_kept(walker*& link) noexcept;

    // Returns one that a worker of this pool has used before, or null.
    [[nodiscard]] std::unique_ptr<walker> find_kept() noexcept;

    // Returns another one, which is too many, or null.
    [[nodiscard]] std::unique_ptr<walker> keep(std::unique_ptr<walker> ended) noexcept;

    const std::uint32_t process_ = forks::process();

    mutable sync::mutex mutex_;
    // Not destroyed in the child of a fork: the destructor would wait for threads of the parent that wait
    // here.
    union {
        sync::condition_variable changed_;
    };

    // Guarded by `mutex_`.
    entry* first_ = nullptr;
    entry* last_ = nullptr;
    entry* asked_ = nullptr;  // where `find` goes on
    std::uint64_t added_ = 0;
    cursor* cursors_ = nullptr;
    examiner examiner_;            // the threads that waited last
    entry* unexamined_ = nullptr;  // the first future that they have not looked at
    walker* kept_ = nullptr;       // for the next waits
};

#if defined(CONCURRENT_FUTURES_DEFINES)

// While this exists, the lock is released. In the child of a fork that happens meanwhile, it stays so.
class outstanding_futures::unlocked {
public:
    explicit unlocked(lock_type& lock) noexcept : lock_(lock) { lock_.unlock(); }
    unlocked(const unlocked&) = delete;
    unlocked& operator=(const unlocked&) = delete;
    ~unlocked() {
        if (process_ == forks::process()) {
            lock_.lock();
        }
    }

private:
    lock_type& lock_;
    const std::uint32_t process_ = forks::process();
};

// How far a thread has looked at the futures. It is made and destroyed under the lock.
struct outstanding_futures::cursor {
    cursor(outstanding_futures& its_set, entry* first) noexcept
        : set(its_set), unexamined(first), next(std::exchange(set.cursors_, this)) {}
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;
    ~cursor() {
        if (set.is_inherited()) {
            return;
        }
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

// What a worker has found out about what the futures depend on. Its place is destroyed under the lock,
// and then the rest without.
struct outstanding_futures::walker {
    // Requires: locked.
    explicit walker(outstanding_futures& set) noexcept
        : place(std::in_place, set, set.first_), walk(set.mutex_, set.changed_) {}

    const examiner who;
    // From here on, the futures were not added to the walk.
    std::optional<cursor> place;
    dependency_walk walk;
    walker* next_kept = nullptr;
};

// A thread in `wait`. If that is short, the next `wait` goes on where this one stopped. It is made and
// destroyed under the lock.
struct outstanding_futures::waiting_thread final : cursor, idle_watch {
    waiting_thread(outstanding_futures& its_set, lock_type& its_lock, bool to_the_end) noexcept
        : cursor(its_set,
                 !to_the_end && its_set.examiner_ == examiner() ? its_set.unexamined_ : its_set.first_),
          lock(its_lock),
          is_short(!to_the_end) {}
    waiting_thread(const waiting_thread&) = delete;
    waiting_thread& operator=(const waiting_thread&) = delete;
    ~waiting_thread() {
        if (set.is_inherited()) {
            return;  // it runs nothing while it is shown, and so is hidden
        }
        hide();
        if (is_short) {
            set.examiner_ = examiner();
            set.unexamined_ = unexamined;
        }
        if (walking) {
            helping.reset();
            std::unique_ptr<walker> ended = std::move(walking);
            if (is_short) {
                ended = set.keep(std::move(ended));
            }
            if (ended) {
                ended->place.reset();
                const unlocked meanwhile(lock);
                ended.reset();
            }
        }
    }

    void on_nobody_idle() noexcept override {
        // Notify under the mutex: once the mutex is free, this may be gone.
        const std::lock_guard guard(set.mutex_);
        alone = true;
        set.changed_.notify_all();
    }

    // Whether there is something new to look at, apart from what it watches, if so.
    [[nodiscard]] bool has_news(bool watches) const noexcept {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a walker in use has one
        return walking ? walking->place->unexamined || walking->walk.has_news() : !watches && unexamined;
    }

    // Returns false if this did nothing. Else it has released the lock meanwhile.
    bool hide() noexcept {
        if (!helping || !helping->is_shown()) {
            return false;
        }
        const unlocked meanwhile(lock);
        hide_unlocked();
        return true;
    }

    // Before this thread runs something. Requires: not locked.
    void hide_unlocked() noexcept {
        if (helping) {
            helping->hide();
        }
    }

    lock_type& lock;
    const bool is_short;
    bool alone = false;  // no other worker can run what is queued
    std::unique_ptr<walker> walking;
    std::optional<helping_wait> helping;
};

// Calls `look(state)`, without the lock, for each future that `me` has not looked at, until that returns
// true or has forked.
template <class Look>
bool outstanding_futures::examine(lock_type& lock, cursor& me, Look look) {
    while (entry* const each = me.unexamined) {
        const std::uint64_t number = each->number_;
        bool found = false;
        {
            shared_state_base::weak_handle seen(each->state());
            const unlocked meanwhile(lock);
            const shared_state_base::weak_handle kept = std::move(seen);
            found = look(kept.state());
        }
        if (found || me.set.is_inherited()) {
            return found;
        }
        // The entry may have been removed meanwhile, and another one may have its memory.
        if (me.unexamined && me.unexamined->number_ == number) {
            me.unexamined = me.unexamined->next_;
        }
    }
    return false;
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::~outstanding_futures() {
    if (is_inherited()) {
        return;
    }
    while (kept_) {
        static_cast<void>(take_kept(kept_));
    }
    std::destroy_at(std::addressof(changed_));
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::add(entry& added, shared_state_base& state) noexcept {
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

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::remove(entry& removed) noexcept {
    if (unexamined_ == &removed) {
        unexamined_ = removed.next_;
    }
    for (cursor* each = cursors_; each; each = each->next) {
        if (each->unexamined == &removed) {
            each->unexamined = removed.next_;
        }
    }
    if (asked_ == &removed) {
        asked_ = removed.previous_;
    }
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    (removed.next_ ? removed.next_->previous_ : last_) = removed.previous_;
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::entry* outstanding_futures::find(
    std::uint64_t& number) noexcept {
    entry* each = asked_ && asked_->number_ <= number ? asked_ : first_;
    while (each && each->number_ < number) {
        asked_ = each;
        each = each->next_;
    }
    if (each) {
        asked_ = each;
        number = each->number_;
    }
    return each;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help_unless_others_can(
    shared_state_base& state, waiting_thread& me, helper*& watching) {
    helper* const self = state.is_waiting() ? state.helper_here() : nullptr;
    if (!self) {
        return helping_wait::step::sleep;
    }
    if (self->watch_idle(me)) {
        watching = self;
        return helping_wait::step::watch;
    }
    me.hide_unlocked();
    state.help(*self, nullptr);
    return helping_wait::step::look_again;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help_others(lock_type& lock,
                                                                                waiting_thread& me,
                                                                                helper*& watching,
                                                                                helping_wait::step step) {
    worker* const self = worker::current();
    if (!self) {
        return step;
    }
    if (!me.walking) {
        me.walking = me.is_short ? find_kept() : nullptr;
        if (!me.walking) {
            me.walking = std::make_unique<walker>(*this);
        }
        me.helping.emplace(me.walking->walk, *self);
    }
    dependency_walk& walk = me.walking->walk;
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a walker in use has one
    examine(lock, *me.walking->place, [&](shared_state_base& state) {
        if (state.helper_of_others()) {
            walk.add_root(state, false);  // as the set is told anyway
        }
        return false;
    });
    const unlocked meanwhile(lock);
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): it has come with the walker
    return me.helping->go_on(!me.is_short, me, watching);
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::stop_watching(lock_type& lock, waiting_thread& me,
                                                                    helper* watching) noexcept {
    if (!watching) {
        return;
    }
    bool removed = false;
    {
        const unlocked meanwhile(lock);
        removed = watching->unwatch_idle(me);
    }
    if (!removed) {
        wait_for_others(lock, [&] { return me.alone; });
    }
    me.alone = false;
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::for_each(lock_type& lock,
                                                               void (*fn)(shared_state_base&) noexcept) {
    cursor all(*this, first_);
    examine(lock, all, [fn](shared_state_base& state) {
        fn(state);
        return false;
    });
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::wait_end outstanding_futures::wait(
    lock_type& lock, const deadline& until, bool to_the_end, bool (*is_ready)(void* condition) noexcept,
    void* condition) {
    const auto ready = [&] { return is_ready(condition); };
    waiting_thread me(*this, lock, to_the_end);
    for (;;) {
        const bool ended = ready();
        if (ended || until.passed()) {
            if (me.hide()) {
                continue;
            }
            return ended ? wait_end::ready : wait_end::timed_out;
        }
        {
            const unlocked meanwhile(lock);
            trampoline::run_postponed();
        }
        throw_if_inherited();
        helper* watching = nullptr;
        helping_wait::step step = help(lock, me, watching);
        if (step == helping_wait::step::sleep || step == helping_wait::step::watch) {
            try {
                step = help_others(lock, me, watching, step);
            } catch (...) {
                stop_watching(lock, me, watching);
                throw;
            }
        }
        throw_if_inherited();
        if (step == helping_wait::step::waits_for_self) {
            return wait_end::waits_for_self;
        }
        if (step != helping_wait::step::look_again) {
            wait_until(changed_, lock, until,
                       [&] { return ready() || me.alone || me.has_news(watching != nullptr); });
        }
        stop_watching(lock, me, watching);
    }
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help(lock_type& lock, waiting_thread& me,
                                                                         helper*& watching) {
    helping_wait::step step = helping_wait::step::sleep;
    examine(lock, me, [&](shared_state_base& state) {
        step = me.is_short ? help_unless_others_can(state, me, watching) : help(state, me);
        return step != helping_wait::step::sleep;
    });
    return step;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help(shared_state_base& state,
                                                                         waiting_thread& me) {
    if (state.done()) {
        return helping_wait::step::sleep;
    }
    me.hide_unlocked();
    const shared_state_base::help_result helped = state.help(nullptr);
    if (helped == shared_state_base::help_result::helped) {
        return helping_wait::step::look_again;
    }
    return helped == shared_state_base::help_result::waits_for_self ? helping_wait::step::waits_for_self
                                                                    : helping_wait::step::sleep;
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker> outstanding_futures::take_kept(
    walker*& link) noexcept {
    return std::unique_ptr<walker>(std::exchange(link, link->next_kept));
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker>
outstanding_futures::find_kept() noexcept {
    for (walker** each = &kept_; *each; each = &(*each)->next_kept) {
        if ((*each)->who == examiner()) {
            return take_kept(*each);
        }
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker> outstanding_futures::keep(
    std::unique_ptr<walker> ended) noexcept {
    constexpr int most = 16;  // so many workers may take turns
    ended->next_kept = kept_;
    kept_ = ended.release();
    walker** each = &kept_;
    for (int kept = 0; *each && kept != most; ++kept) {
        each = &(*each)->next_kept;
    }
    return *each ? take_kept(*each) : nullptr;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
