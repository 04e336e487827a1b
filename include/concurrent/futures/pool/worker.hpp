// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>   // std::atomic
#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <cstdint>  // std::uint32_t, std::uintptr_t
#include <memory>   // std::enable_shared_from_this
#include <string>   // std::string
#include <utility>  // std::move, std::exchange

#include <concurrent/futures/pool/stoppable.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/parking_spot.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {
namespace detail {

class worker;

// What a thread knows about the pool that started it.
struct pool_thread {
    worker* self = nullptr;  // null before and after its work
    std::size_t pool = 0;    // set until the thread ends, also while destructors of thread_local objects run

    // The record of the calling thread.
    [[nodiscard]] static pool_thread& current() noexcept;
};

// Shared by all shared libraries, even those with hidden symbols, like everything that a process has only
// once. But a version script can keep the variable local to one library, and on Windows each library has its
// own. So a pool reads the record through the library that made it, see `pool_base`.
[[gnu::visibility("default")]] constinit inline thread_local pool_thread current_pool_thread = {};

inline pool_thread& pool_thread::current() noexcept {
    return current_pool_thread;
}

// What tasks, workers and the crew need to know about a pool, whatever its queue is.
class pool_base : public std::enable_shared_from_this<pool_base> {
public:
    pool_base(const pool_base&) = delete;
    pool_base& operator=(const pool_base&) = delete;

    // Whether this pool started the calling thread. True until the thread ends, when it is no `worker` any
    // more and its pool may be gone; so the record has the pool's number.
    [[nodiscard]] bool owns_this_thread() const noexcept { return thread_record_().pool == number_; }

    // Returns the calling thread's worker if it belongs to this pool, else null.
    [[nodiscard]] worker* worker_here() const noexcept;

    // Identifies the shared library that made this pool. If it equals `this_library()`, then this library's
    // record of a thread is the pool's record.
    [[nodiscard]] std::uint32_t library() const noexcept { return number_of(thread_record_); }
    [[nodiscard]] static std::uint32_t this_library() noexcept { return number_of(&pool_thread::current); }

    // The number of the process that made this pool, see `forks`.
    [[nodiscard]] std::uint32_t process() const noexcept { return process_; }

    // Whether another process made this pool. Then it has no threads in this process.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // The stop sources of its tasks. The child of a fork must not touch them.
    [[nodiscard]] running_stoppables& stoppables() noexcept { return stoppables_; }

    // An item that is still in a queue became stale: a thread other than the one that pops it has claimed or
    // cancelled it.
    void note_stale_item() noexcept {
        // Relaxed, like all uses. The count only decides when to purge and how many workers the waiting items
        // need; the queues' locks order what must be ordered.
        stale_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // A stale item has left its queue. Until this call, one item too few seemed to wait, so the caller then
    // looks for work or calls `wake_one`.
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1, std::memory_order_relaxed); }

    // Wakes a worker or starts a thread if an item waits and no worker is about to find it.
    virtual void wake_one() noexcept = 0;

    // `self` was nearly idle, but has to run user code first.
    virtual void worker_stays_busy(worker& self) noexcept = 0;

    // `self` was idle and has claimed the task that it took out of a queue.
    virtual void worker_has_claimed(worker& self) noexcept = 0;

    // Requires: the calling thread is `self`'s. If another worker is idle or can be started, it will run what
    // waits: `watch` is notified when that is no longer so. Else returns false.
    [[nodiscard]] virtual bool watch_idle(worker& self, idle_watch& watch) noexcept = 0;

    // Returns false if `watch` was notified or is about to be. Its owner must then wait for the notification.
    [[nodiscard]] virtual bool unwatch_idle(idle_watch& watch) noexcept = 0;

    // The whole work of the thread of `self`.
    virtual void work(worker& self) noexcept = 0;

    // The number of items that wait in all queues. Counts each item whose push happened before.
    [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;

    // Whether any queue has an item. Calls `has_items` on each queue.
    [[nodiscard]] virtual bool something_waits() noexcept = 0;

    // A hint.
    [[nodiscard]] virtual bool shared_queue_seems_empty() const noexcept = 0;

protected:
    pool_base() = default;
    ~pool_base() = default;

    // A thread of this pool calls `begin_thread` first of all, and `end_work` after its work.
    void begin_thread(worker& self) const noexcept {
        thread_record_() = {&self, number_};
        runnable_threads::count_this_thread(true);
    }
    void end_work() const noexcept {
        runnable_threads::count_this_thread(false);
        thread_record_().self = nullptr;
    }

    // Below zero for a moment if an item is popped before the thread that made it stale has counted it.
    sync::atomic<std::ptrdiff_t> stale_items_{0};

private:
    using record_getter = pool_thread& (*)() noexcept;

    // The addresses of two libraries' code almost surely differ in these bits too. If they do not, a library
    // that shares no variables takes its own record for the pool's.
    static std::uint32_t number_of(record_getter getter) noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(getter));
    }

    // Unique among all shared libraries of the process that share variables. No pool has 0.
    [[gnu::visibility("default")]] static std::size_t next_number() noexcept {
        static std::atomic<std::size_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: orders nothing
    }

    // A pointer: whichever library calls it, the function is that of the library which made this pool, whose
    // code also writes the records of the pool's threads.
    const record_getter thread_record_ = &pool_thread::current;
    const std::size_t number_ = next_number();
    const std::uint32_t process_ = forks::process();
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

// One thread of a pool.
class worker final : public helper {
public:
    worker(pool_base& pool, std::string name) : pool_(pool), name_(std::move(name)) {}

    // Returns the worker of the calling thread, as far as this library knows; null if no pool started the
    // thread.
    [[nodiscard]] static worker* current() noexcept { return pool_thread::current().self; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // Requires: the calling thread is this worker's. Takes `item` out if it is in the local queue.
    [[nodiscard]] bool take_back(work_item& item) noexcept { return local_queue_.take_back(item); }

    [[nodiscard]] bool watch_idle(idle_watch& watch) noexcept override {
        return pool_.watch_idle(*this, watch);
    }
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept override { return pool_.unwatch_idle(watch); }

    // Called before this worker publishes a task's result, if it runs no user code from then until it looks
    // for work. So a thread that sees the result and submits the next task finds a worker that is as good as
    // idle. A worker that has work before it is not, nor is the copy of a worker in the child of a fork.
    void set_nearly_idle() noexcept {
        if (local_queue_.size() == 0 && pool_.shared_queue_seems_empty() && !pool_.is_inherited()) {
            // Relaxed: the result is published by a release, which orders this store for all that see the
            // result. The crew's lock orders it for all others.
            activity_.store(activity::nearly_idle, std::memory_order_relaxed);
        }
    }

    // Takes `set_nearly_idle` back. Called before the worker runs a done callback or destroys a result after
    // all.
    void stay_busy() noexcept {
        if (is(activity::nearly_idle)) {
            pool_.worker_stays_busy(*this);
        }
    }

    // Called when this worker has claimed the task that it took out of a queue.
    void has_claimed() noexcept {
        if (is(activity::claiming)) {
            pool_.worker_has_claimed(*this);
        }
    }

    // While this exists, the worker runs `item`. A worker may run several tasks, on top of each other.
    class running {
    public:
        running(worker& self, const work_item& item) noexcept
            : self_(self), item_(item), below_(std::exchange(self.running_, this)) {}
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        ~running() { self_.running_ = below_; }

    private:
        friend class worker;

        worker& self_;
        const work_item& item_;
        const running* const below_;
    };

    // Requires: the calling thread is this worker's. Whether it is in the middle of running `item`.
    [[nodiscard]] bool runs(const work_item& item) const noexcept {
        const running* each = running_;
        while (each && &each->item_ != &item) {
            each = each->below_;
        }
        return each != nullptr;
    }

private:
    friend class crew;
    template <class Queue>
    friend class worker_pool;

    enum class activity : unsigned char {
        any,          // nothing on which others rely beyond what the crew counts
        nearly_idle,  // see `set_nearly_idle`
        claiming      // the worker was idle and has taken an item that it has not claimed
    };

    // Relaxed: this worker's thread reads its own store. Another thread has the crew's lock, under which a
    // worker stops being nearly idle.
    [[nodiscard]] bool is(activity which) const noexcept {
        return activity_.load(std::memory_order_relaxed) == which;
    }

    pool_base& pool_;
    const std::string name_;
    sync::atomic<activity> activity_{activity::any};
    worker* last_victim_ = nullptr;  // only for this thread; see `pop_from_next_victim`

    local_queue local_queue_;
    worker* next_victim_ = nullptr;     // the next in the pool's list of victims, see `crew`
    bool is_victim_ = false;            // only for this thread
    bool is_searching_ = true;          // only for this thread; see `crew`
    unsigned turns_ = 0;                // only for this thread
    const running* running_ = nullptr;  // only for this thread

    parking_spot parking_spot_;
    worker* next_parked_ = nullptr;  // guarded by the crew's lock
};

inline worker* pool_base::worker_here() const noexcept {
    worker* const self = thread_record_().self;
    return self && &self->pool() == this ? self : nullptr;
}

}  // namespace detail

/// The name of the calling thread if a `thread_pool_executor` started it, else an empty string. The reference
/// is valid as long as the thread runs.
///
/// \code
/// assert(futures::this_thread_name().empty());
/// assert(executor.submit([] { return futures::this_thread_name(); }).result().ends_with("_0"));
/// \endcode
inline const std::string& this_thread_name() noexcept {
    // Never destroyed: destructors of other statics may ask. If there is no memory for it, the process may as
    // well end.
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new)
    static const std::string& none = *new std::string;
    const detail::worker* const self = detail::worker::current();
    return self ? self->name() : none;
}

}}  // namespace concurrent::futures
