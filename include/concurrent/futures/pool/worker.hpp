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

// What a thread knows of the pool that has started it.
struct pool_thread {
    worker* self = nullptr;  // while it works
    std::size_t pool = 0;    // up to its very end, when the destructors of thread_local objects run

    // The calling thread's.
    [[nodiscard]] static pool_thread& current() noexcept;
};

// One for all shared libraries, also those whose other symbols are hidden. (So is all that a process has but
// one of.) But a library may keep even this to itself, by a version script, or on Windows; so a pool is asked
// for the record that its own library has, see `pool_base`.
[[gnu::visibility("default")]] constinit inline thread_local pool_thread current_pool_thread = {};

inline pool_thread& pool_thread::current() noexcept {
    return current_pool_thread;
}

// What tasks, workers and the crew need to know of a pool, whatever its queue.
class pool_base : public std::enable_shared_from_this<pool_base> {
public:
    pool_base(const pool_base&) = delete;
    pool_base& operator=(const pool_base&) = delete;

    // Whether the calling thread is one of this pool's. It is up to its very end, when the thread is no
    // `worker` any more; its pool may be gone then, so it knows that by a number.
    [[nodiscard]] bool owns_this_thread() const noexcept { return thread_record_().pool == number_; }

    // The calling thread's worker, if it is one of this pool's; else null.
    [[nodiscard]] worker* worker_here() const noexcept;

    // A number of the shared library that has made this pool. Where it is `this_library()`, what this library
    // knows of its threads is what the pool knows.
    [[nodiscard]] std::uint32_t library() const noexcept { return number_of(thread_record_); }
    [[nodiscard]] static std::uint32_t this_library() noexcept { return number_of(&pool_thread::current); }

    // The number of the process that made it, see `forks`.
    [[nodiscard]] std::uint32_t process() const noexcept { return process_; }

    // Whether that is another process: then it has no threads here.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // Of its tasks. In the child of a fork it is left alone.
    [[nodiscard]] running_stoppables& stoppables() noexcept { return stoppables_; }

    // Somebody other than the queue's reader has claimed or cancelled an item that is still in a queue.
    void note_stale_item() noexcept {
        // Relaxed, as all uses: a count that steers when to sweep and whether as many workers are there as
        // items wait; the queues' locks order what must be.
        stale_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // Such an item has left its queue. Until the caller looks for work or calls `wake_one`, there
    // may seem to be one less that waits.
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1, std::memory_order_relaxed); }

    // Sees to it that somebody comes for what waits.
    virtual void wake_one() noexcept = 0;

    // `self` had said that it is about to look for work, but is now to run a user's code first.
    virtual void worker_stays_busy(worker& self) noexcept = 0;

    // `self` was idle and has claimed what it has found.
    virtual void worker_has_claimed(worker& self) noexcept = 0;

    // If another worker than `self`, which is the calling thread's, is idle or can be started, and so comes
    // for what waits: has `watch` told when that is over. Else returns false.
    [[nodiscard]] virtual bool watch_idle(worker& self, idle_watch& watch) noexcept = 0;

    // False if `watch` was told, or is about to be, which its owner must wait for.
    [[nodiscard]] virtual bool unwatch_idle(idle_watch& watch) noexcept = 0;

    // What the thread of `self` does.
    virtual void work(worker& self) noexcept = 0;

    // How many items wait, in all queues: exact for those whose pushing came before.
    [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;

    // Whether anything is in a queue. Each queue is looked at by `has_items`.
    [[nodiscard]] virtual bool something_waits() noexcept = 0;

    // A hint.
    [[nodiscard]] virtual bool shared_queue_seems_empty() const noexcept = 0;

protected:
    pool_base() = default;
    ~pool_base() = default;

    // By a thread that was started for this pool, first of all, and at the end of its work.
    void begin_thread(worker& self) const noexcept {
        thread_record_() = {&self, number_};
        runnable_threads::count_this_thread(true);
    }
    void end_work() const noexcept {
        runnable_threads::count_this_thread(false);
        thread_record_().self = nullptr;
    }

    // Below zero for a moment when the queue's reader meets a dead item before its killer has noted it.
    sync::atomic<std::ptrdiff_t> stale_items_{0};

private:
    using record_getter = pool_thread& (*)() noexcept;

    // Addresses of two libraries' code differ in these bits too, but for a rare chance; by which a library
    // that shares no variable takes its own record for the pool's.
    static std::uint32_t number_of(record_getter getter) noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(getter));
    }

    // Of the process, with all its shared libraries that share variables; 0 is no pool's.
    [[gnu::visibility("default")]] static std::size_t next_number() noexcept {
        static std::atomic<std::size_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;  // orders nothing
    }

    // A pointer, so that whichever library calls it, it runs in the one that has made this pool, whose code
    // also writes the records of its threads.
    const record_getter thread_record_ = &pool_thread::current;
    const std::size_t number_ = next_number();
    const std::uint32_t process_ = forks::process();
    running_stoppables stoppables_;
};

#if defined(__cpp_lib_jthread)
// That a pool's shutdown can ask a running task to stop. The child of a fork leaves the list alone: its mutex
// may be that of a thread that isn't there.
class listed_stoppable {
public:
    // `pool` may be null: then nobody asks.
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

    // The worker whose thread calls this, as far as this library knows; null on a thread that no pool
    // started.
    [[nodiscard]] static worker* current() noexcept { return pool_thread::current().self; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // Takes out `item` if it is among those that this worker, which is the calling thread's, has submitted.
    [[nodiscard]] bool take_back(work_item& item) noexcept { return local_queue_.take_back(item); }

    [[nodiscard]] bool watch_idle(idle_watch& watch) noexcept override {
        return pool_.watch_idle(*this, watch);
    }
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept override { return pool_.unwatch_idle(watch); }

    // Says, before it publishes a task's result, that this worker runs no more of the user's code before it
    // looks for work. So whoever has seen that result and submits the next task finds a worker that is as
    // good as idle. A worker that has work before its eyes is not; nor is one that a fork has copied.
    void set_nearly_idle() noexcept {
        if (local_queue_.size() == 0 && pool_.shared_queue_seems_empty() && !pool_.is_inherited()) {
            // Relaxed: the publishing that follows is a release that orders this store for all who see the
            // result; the crew's lock orders it for all others.
            activity_.store(activity::nearly_idle, std::memory_order_relaxed);
        }
    }

    // Takes that back, before it runs a done callback or destroys a result after all.
    void stay_busy() noexcept {
        if (is(activity::nearly_idle)) {
            pool_.worker_stays_busy(*this);
        }
    }

    // Says that it has claimed what it has found.
    void has_claimed() noexcept {
        if (is(activity::claiming)) {
            pool_.worker_has_claimed(*this);
        }
    }

    // That this worker, which is the calling thread's, runs `item`, and for how long: the tasks that it runs
    // on top of each other.
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

    // Whether the calling thread's worker is in the middle of running `item`.
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
        any,          // nothing that the others rely on, but for what the crew counts
        nearly_idle,  // see there
        claiming      // it was idle, and has taken an item out of a queue
    };

    // By this thread, which alone writes it, or a hint.
    [[nodiscard]] bool is(activity which) const noexcept {
        return activity_.load(std::memory_order_relaxed) == which;
    }

    pool_base& pool_;
    const std::string name_;
    sync::atomic<activity> activity_{activity::any};
    worker* last_victim_ = nullptr;  // this thread's alone: into whose own queue it looked last, in turn

    local_queue local_queue_;
    worker* next_victim_ = nullptr;     // in the pool's list of those whose `local_queue_` was ever used
    bool is_victim_ = false;            // this thread's alone
    bool is_searching_ = true;          // this thread's alone; see `crew`
    unsigned turns_ = 0;                // this thread's alone
    const running* running_ = nullptr;  // this thread's alone

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
    // Never destroyed: destructors of other statics may ask. A process without room for it may as well end.
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new)
    static const std::string& none = *new std::string;
    const detail::worker* const self = detail::worker::current();
    return self ? self->name() : none;
}

}}  // namespace concurrent::futures
