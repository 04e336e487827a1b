#pragma once

#include <atomic>   // std::atomic
#include <cstddef>  // std::size_t, std::ptrdiff_t
#include <memory>   // std::enable_shared_from_this
#include <string>   // std::string
#include <utility>  // std::move

#include <concurrent/futures/scheduling/local_queue.hpp>
#include <concurrent/futures/scheduling/parking_spot.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>
#include <concurrent/futures/scheduling/work_item.hpp>

namespace concurrent::futures::inline v0_1 {
namespace detail {

class worker;

// What tasks, workers and the crew need to know of a pool, whatever its queue.
class pool_base : public std::enable_shared_from_this<pool_base> {
public:
    pool_base(const pool_base&) = delete;
    pool_base& operator=(const pool_base&) = delete;

    // Whether the calling thread is one of this pool's. It is up to its very end, when the destructors of
    // thread_local objects run, and the thread is no `worker` any more; its pool may be gone then, so it
    // knows that by a number.
    [[nodiscard]] bool owns_this_thread() const noexcept { return owner_of_this_thread_ == number_; }

    // Somebody other than the queue's reader has claimed or cancelled an item that is still in a queue.
    void note_dead_item() noexcept {
        // Relaxed, as all uses: a count that steers when to sweep and whether as many workers are there as
        // items wait; the queues' locks order what must be.
        dead_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // Such an item has left its queue. Until the caller looks for work or calls `call_for_what_waits`, there
    // may seem to be one less that waits.
    void note_dead_item_gone() noexcept { dead_items_.fetch_sub(1, std::memory_order_relaxed); }

    // Sees to it that somebody comes for what waits.
    virtual void call_for_what_waits() noexcept = 0;

    // `self` had said that it is about to look for work, but is now to run a user's code first.
    virtual void worker_stays_busy(worker& self) noexcept = 0;

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

    // By a thread that was started for this pool, first of all.
    void own_this_thread() const noexcept { owner_of_this_thread_ = number_; }

    // Below zero for a moment when the queue's reader meets a dead item before its killer has noted it.
    sync::atomic<std::ptrdiff_t> dead_items_{0};

private:
    // Of the process, with all its shared libraries; 0 is no pool's.
    [[gnu::visibility("default")]] static std::size_t next_number() noexcept {
        static std::atomic<std::size_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;  // orders nothing
    }

    [[gnu::visibility("default")]] static constinit inline thread_local std::size_t owner_of_this_thread_ = 0;

    const std::size_t number_ = next_number();
};

// One thread of a pool.
class worker {
public:
    worker(pool_base& pool, std::string name) : pool_(pool), name_(std::move(name)) {}

    // The worker whose thread calls this; null on a thread that no pool started.
    [[nodiscard]] static worker* current() noexcept { return current_; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // Takes out `item` if it is among those that this worker, which is the calling thread's, has submitted.
    [[nodiscard]] bool take_back(work_item& item) noexcept { return own_.take_back(item); }

    // Says, before it publishes a task's result, that this worker runs no more of the user's code before it
    // looks for work. So whoever has seen that result and submits the next task finds a worker that is as
    // good as idle. A worker that has work before its eyes is not.
    void about_to_look() noexcept {
        if (own_.size() == 0 && pool_.shared_queue_seems_empty()) {
            // Relaxed: the publishing that follows is a release that orders this store for all who see the
            // result; the crew's lock orders it for all others.
            about_to_look_.store(true, std::memory_order_relaxed);
        }
    }

    // Takes that back, before it runs a done callback or destroys a result after all.
    void stay_busy() noexcept {
        if (is_about_to_look()) {
            pool_.worker_stays_busy(*this);
        }
    }

private:
    friend class crew;
    template <class Queue>
    friend class worker_pool;

    [[nodiscard]] bool is_about_to_look() const noexcept {
        return about_to_look_.load(std::memory_order_relaxed);  // set by this thread alone, and cleared
    }

    // One for all shared libraries, also those whose other symbols are hidden: a task must be known to be a
    // pool's whichever of them asks. (So is all that a process has but one of.)
    [[gnu::visibility("default")]] static constinit inline thread_local worker* current_ = nullptr;

    pool_base& pool_;
    const std::string name_;
    sync::atomic<bool> about_to_look_{false};

    local_queue own_;
    worker* next_with_own_ = nullptr;  // in the pool's list of those whose `own_` was ever used
    bool has_own_ = false;             // this thread's alone
    bool is_coming_ = true;            // this thread's alone; see `crew`
    unsigned turns_ = 0;               // this thread's alone
    worker* helped_ = nullptr;         // this thread's alone: into whose own queue it looked last, in turn

    parking_spot parking_spot_;
    worker* next_parked_ = nullptr;  // guarded by the crew's lock
};

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

}  // namespace concurrent::futures
