// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>   // std::atomic
#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <cstdint>  // std::uint32_t, std::uintptr_t
#include <memory>   // std::unique_ptr
#include <new>      // std::nothrow

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/live_pools.hpp>
#include <concurrent/futures/pool/shared_pool.hpp>
#include <concurrent/futures/pool/sleep.hpp>
#include <concurrent/futures/pool/stoppable.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class end_watch;
class work_item;
class worker;

// What a thread knows about the pool that started it.
struct pool_thread {
    worker* self = nullptr;  // null before and after its work
    std::size_t pool = 0;    // set until the thread ends, also while destructors of thread_local objects run
    std::size_t last_pool_at_exit = 0;  // the last that was made before the thread called `exit()` in a task

    // The record of the calling thread, as far as this library knows.
    [[nodiscard]] static const pool_thread& current() noexcept;

    // The same, if a pool of this library started the thread.
    [[nodiscard]] static const pool_thread& own() noexcept;
};

// Shared by all shared libraries, even those with hidden symbols, like everything that a process has only
// once. But a version script can keep the variables local to one library, and on Windows each library has its
// own. Then a library doesn't know the workers of the others until it meets one of their pools, see
// `pool_base::meet`.
[[gnu::visibility("default")]] inline constexpr pool_thread no_pool_thread = {};
[[gnu::visibility("default")]] constinit inline thread_local pool_thread own_pool_thread = {};
// The thread may end later than what it points to belongs to it, but not later than that exists: a thread of
// a pool runs code of the library that made the pool.
[[gnu::visibility("default")]] constinit inline thread_local const pool_thread* current_pool_thread =
    &no_pool_thread;

inline const pool_thread& pool_thread::current() noexcept {
    return *current_pool_thread;
}
inline const pool_thread& pool_thread::own() noexcept {
    return own_pool_thread;
}

// What tasks and workers need to know about a pool, whatever its queue is.
class pool_base : public live_pools::entry, protected work_source {
public:
    // Returns the pool at this address if it exists and has this number, else null; also null if a library
    // made it that shares no variables with this one, and of which this one has met no pool.
    [[nodiscard]] static shared_pool<pool_base> find(const pool_base* address, std::uint32_t number) noexcept;

    // Called where code of this library has a new task for the pool, and where the pool runs such a task. If
    // another library made the pool, and shares no variables with this one, this library learns to find that
    // one's pools; and that the calling thread is a worker of that one's, if it is.
    void meet() const noexcept {
        if (library() != this_library()) {
            meet_another_library();
        }
    }

    // Of 31 bits. Differs from the numbers of all pools that were at the same address before; almost surely
    // also from those that a library made which shares no variables with this one.
    [[nodiscard]] std::uint32_t number() const noexcept { return short_number_; }

    // A pool is made with one reference, and destroyed with its last. See `shared_pool`.
    void add_reference() noexcept {
        references_.fetch_add(1, std::memory_order_relaxed);  // relaxed: the caller has one already
    }
    void remove_reference() noexcept {
        // Release: what this thread did with the pool comes before its destruction. Acquire: pairs with that
        // release in the other threads, if this one destroys.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }

    // Whether this pool started the calling thread. True until the thread ends, when it is no `worker` any
    // more and its pool may be gone; so the record has the pool's number.
    [[nodiscard]] bool owns_this_thread() const noexcept { return thread_record_().pool == number_; }

    // Whether this pool's tasks may wait for the calling thread, which so must not wait for them: this pool
    // started it, or it is in a task that has called `exit()`. By that, static executors are destroyed, in
    // the middle of the task, which never ends. A pool that was made since then is waited for, as ever.
    [[nodiscard]] bool may_wait_for_this_thread() const noexcept {
        return owns_this_thread() || number_ <= thread_record_().last_pool_at_exit;
    }

    // Returns the calling thread's worker if it belongs to this pool, else null.
    [[nodiscard]] worker* worker_here() const noexcept;

    // Identifies the shared library that made this pool. If it equals `this_library()`, then this library's
    // record of a thread is the pool's record.
    [[nodiscard]] std::uint32_t library() const noexcept { return number_of(thread_record_); }
    [[nodiscard]] static std::uint32_t this_library() noexcept { return number_of(&pool_thread::own); }

    // The number of the process that made this pool, see `forks`.
    [[nodiscard]] std::uint32_t process() const noexcept { return process_; }

    // Whether another process made this pool. Then it has no threads in this process.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // The stop sources of its tasks. The child of a fork must not touch them.
    [[nodiscard]] running_stoppables& stoppables() noexcept { return stoppables_; }

    // An item that is still in a queue became stale: a thread other than the one that pops it has claimed or
    // cancelled it.
    void note_stale_item() noexcept {
        // Relaxed: to a thread that reads an older number, more items seem to wait than do, which only costs
        // a look.
        stale_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // A stale item has left its queue. Until this call, one item too few seemed to wait, so the caller then
    // looks for work or calls `wake_one`. Sequentially consistent, as what these read: a worker that misses
    // this call in `waiting()` has changed the counts of `sleep` before the caller reads them.
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1); }

    // Wakes a worker or starts a thread if an item waits and no worker is about to find it.
    void wake_one() noexcept {
        if (sleep_.wake_one()) {
            // The analyzer leaves out the constructor of `worker_pool`, and so takes it for unfinished.
            start_thread();  // NOLINT(clang-analyzer-cplusplus.PureVirtualCall)
        }
    }

    // Does both: a stale item has left its queue on a thread that does not look for work now.
    void replace_stale_item() noexcept {
        note_stale_item_gone();
        wake_one();
    }

    // A thread of this pool calls `begin_thread` first of all, and `end_thread` after its work.
    void begin_thread(worker& self) const noexcept;
    void end_thread() const noexcept {
        runnable_threads::count_this_thread(false);
        own_pool_thread.self = nullptr;
    }

    // The worker functions below are called on the thread of `self`.

    // `self` searches from now on, or is as good as searching.
    void start_searching(sleeper& self) noexcept { sleep_.start_searching(self); }

    // `self` has found an item and claimed it, or has to run user code before it searches.
    void stop_searching(sleeper& self) noexcept {
        if (sleep_.stop_searching(self)) {
            start_thread();
        }
    }

    // If another worker is idle or can be started, it will run what waits: `watch` is notified when that is
    // no longer so. Else returns false.
    [[nodiscard]] bool watch_idle(const sleeper& self, idle_watch& watch) noexcept {
        return sleep_.watch_idle(self, watch);
    }

    // Returns false if `watch` was notified or is about to be. Its owner must then wait for the notification.
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept { return sleep_.unwatch_idle(watch); }

    // The waits of its workers that sleep.
    [[nodiscard]] blocked_wait_list& blocked_waits() noexcept { return blocked_waits_; }

    // Calls `visit(wait, removals)` for what keeps the pool from running a task that waits in it: for all
    // waits of its workers, if all sleep.
    template <class Visit>
    void for_each_obstacle(Visit&& visit) noexcept {
        blocked_waits_.for_all(most_workers_, visit);
    }

    // Whether workers keep what they submit in local queues.
    [[nodiscard]] bool uses_local_queues() const noexcept { return uses_local_queues_; }

    // The whole work of the thread of `self`.
    virtual void work(worker& self) noexcept = 0;

    // Starts a spare for `blocked`, which runs `left` when `blocked` sleeps. Returns false if no thread can
    // be started. See `worker`.
    [[nodiscard]] virtual bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept = 0;

    // Runs `left` as soon as the worker blocks that has left it. The thread of a spare calls this.
    virtual void run_errand(worker& self, errand& left) noexcept = 0;

    void note_spare_started() noexcept { blocked_waits_.add_spare(); }
    void note_spare_ended() noexcept { blocked_waits_.remove_spare(most_workers_); }

    // Queues `item` with a reference on it, or throws and leaves everything as it was.
    virtual void push(work_item& item) = 0;

    // Coroutines that have started, and are not done, need the pool's workers, even after a shutdown. From
    // `note_coroutine_started`, which a worker calls, until `note_coroutine_ended`, no worker ends.
    void note_coroutine_started() noexcept { coroutines_.fetch_add(1); }
    void note_coroutine_ended() noexcept;

    // Does what `push` does, for the next turn of such a coroutine. The pool may have been shut down. Throws
    // if an initializer has failed.
    virtual void push_coroutine(work_item& item) = 0;

    // A hint.
    [[nodiscard]] virtual bool shared_queue_seems_empty() const noexcept = 0;

    // Requires: the pool was shut down. See `threads::watch_end`.
    [[nodiscard]] virtual bool watch_end(end_watch& watch) noexcept = 0;

protected:
    // The analyzer leaves out the constructor of `sleep_`.
    // NOLINTNEXTLINE(clang-analyzer-optin.cplusplus.UninitializedObject)
    pool_base(std::size_t max_workers, bool allows_local_queues) noexcept
        : sleep_(*this, max_workers == 1),
          uses_local_queues_(allows_local_queues),
          most_workers_(max_workers) {}
    virtual ~pool_base() = default;

    // Requires: `sleep_` has asked for a thread.
    virtual void start_thread() noexcept = 0;

    sleep sleep_;

    // Started, and not done. Sequentially consistent, as the counts of `sleep`.
    sync::atomic<std::size_t> coroutines_{0};

    // Below zero for a moment if an item is popped before the thread that made it stale has counted it.
    sync::atomic<std::ptrdiff_t> stale_items_{0};

private:
    // Does what `find` does, for a pool that this library made.
    [[nodiscard]] static shared_pool<pool_base> find_own(const pool_base* address,
                                                         std::uint32_t number) noexcept;

    // Returns false if the last reference is gone, and the pool about to be destroyed. Requires: the caller
    // keeps the destructor from ending.
    [[nodiscard]] bool add_reference_unless_ending() noexcept;

    using finder = shared_pool<pool_base> (*)(const pool_base* address, std::uint32_t number) noexcept;

    // A library whose pools this one has met. In a list that only grows, so it may be read at any time.
    struct other_library {
        other_library(std::uint32_t its_number, finder its_find) noexcept
            : number(its_number), find(its_find) {}

        const std::uint32_t number;
        const finder find;
        const other_library* next = nullptr;
    };
    [[gnu::visibility("default")]] static constinit inline std::atomic<const other_library*> other_libraries_{
        nullptr};

    [[nodiscard]] static const other_library* first_other_library() noexcept {
        // Acquire: pairs with the release of `meet_another_library`.
        return other_libraries_.load(std::memory_order_acquire);
    }

    // Whether this library has met a pool of that one.
    [[nodiscard]] static bool has_met(std::uint32_t library) noexcept {
        const other_library* each = first_other_library();
        while (each && each->number != library) {
            each = each->next;
        }
        return each != nullptr;
    }

    // If there is no memory, the library remains unknown.
    [[gnu::cold]] void meet_another_library() const noexcept;

    // Called when this thread ends or calls `exit()`. Notes that a task has called `exit()`, if this thread
    // is in one: it has not called `end_thread`, as it does before it ends.
    static void note_exit() noexcept;

    using record_getter = const pool_thread& (*)() noexcept;

    // The addresses of two libraries' code almost surely differ in these bits too. If they do not, a library
    // that shares no variables takes its own record for the pool's.
    static std::uint32_t number_of(record_getter getter) noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(getter));
    }

    // Unique among all shared libraries of the process that share variables. No pool has 0.
    static std::size_t next_number() noexcept {
        return last_number().fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: orders nothing
    }
    // Each library that shares no variables with others starts elsewhere, and low enough to go on for long.
    [[gnu::visibility("default")]] static std::atomic<std::size_t>& last_number() noexcept {
        static std::atomic<std::size_t> last{number_of(&pool_thread::own) & 0x3FFF'FFFF};
        return last;
    }

    // Not a `sync::atomic`: its interleavings are those of any count of references.
    std::atomic<std::size_t> references_{1};
    // Pointers: whichever library calls them, the functions are those of the library which made this pool,
    // whose code also writes the records of the pool's threads.
    const record_getter thread_record_ = &pool_thread::own;
    const finder find_ = &pool_base::find_own;
    const std::size_t number_ = next_number();
    const std::uint32_t short_number_ = static_cast<std::uint32_t>(number_) & 0x7FFF'FFFF;
    const std::uint32_t process_ = forks::process();
    const bool uses_local_queues_;
    const std::size_t most_workers_;
    // On a line of its own: each push reads some of the counts above.
    alignas(cache_line) blocked_wait_list blocked_waits_;
    running_stoppables stoppables_;
};

#if defined(__cpp_lib_jthread)
// While this exists, a shutdown of the pool can ask the task to stop. The child of a fork leaves the list
// alone: a thread that is not there may hold its mutex.
class listed_stoppable {
public:
    // If `pool` is null, nobody asks.
    listed_stoppable(pool_base* pool, stoppable& source) noexcept : pool_(pool), source_(source) {
        if (pool_) {
            pool_->stoppables().add(source_);
        }
    }
    listed_stoppable(const listed_stoppable&) = delete;
    listed_stoppable& operator=(const listed_stoppable&) = delete;
    ~listed_stoppable() {
        if (pool_ && !pool_->is_inherited()) {
            pool_->stoppables().remove(source_);
        }
    }

private:
    pool_base* const pool_;
    stoppable& source_;
};
#endif

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void pool_base::begin_thread(worker& self) const noexcept {
    own_pool_thread = {&self, number_, 0};
    current_pool_thread = &own_pool_thread;
    at_end_of_thread<&note_exit>();
    runnable_threads::count_this_thread(true);
}

CONCURRENT_FUTURES_FUNCTION void pool_base::note_coroutine_ended() noexcept {
    if (coroutines_.fetch_sub(1) == 1 && sleep_.counts().closed()) {
        sleep_.close();  // workers that had parked now end
    }
}

CONCURRENT_FUTURES_FUNCTION shared_pool<pool_base> pool_base::find(const pool_base* address,
                                                                   std::uint32_t number) noexcept {
    shared_pool<pool_base> found = find_own(address, number);
    for (const other_library* each = first_other_library(); each && !found; each = each->next) {
        found = each->find(address, number);
    }
    return found;
}

CONCURRENT_FUTURES_FUNCTION shared_pool<pool_base> pool_base::find_own(const pool_base* address,
                                                                       std::uint32_t number) noexcept {
    shared_pool<pool_base> found;
    live_pools::instance().find([&](live_pools::entry& each) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every entry is a pool
        auto& pool = static_cast<pool_base&>(each);
        if (&pool == address && pool.number() == number) {
            if (pool.add_reference_unless_ending()) {
                found = shared_pool<pool_base>::adopt(pool);
            }
            return true;
        }
        return false;
    });
    return found;
}

CONCURRENT_FUTURES_FUNCTION bool pool_base::add_reference_unless_ending() noexcept {
    // Relaxed: the mutex of `live_pools` orders this after the pool was made, and what other
    // threads do with the pool is ordered by the pool's own operations.
    std::size_t references = references_.load(std::memory_order_relaxed);
    while (references != 0 &&
           !references_.compare_exchange_weak(references, references + 1, std::memory_order_relaxed)) {
    }
    return references != 0;
}

CONCURRENT_FUTURES_FUNCTION void pool_base::meet_another_library() const noexcept {
    const pool_thread& here = thread_record_();
    if (here.self && !pool_thread::current().self) {
        current_pool_thread = &here;
    }
    if (has_met(library())) {
        return;
    }
    auto* const added = new (std::nothrow) other_library(library(), find_);
    if (!added) {
        return;
    }
    // Two threads may add the same library; then `find` asks it twice.
    // Release: pairs with the acquire of `first_other_library`.
    while (!other_libraries_.compare_exchange_weak(added->next, added, std::memory_order_release,
                                                   std::memory_order_relaxed)) {
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
