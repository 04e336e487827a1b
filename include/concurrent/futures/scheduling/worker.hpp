#pragma once

#include <atomic>              // std::atomic
#include <condition_variable>  // std::condition_variable
#include <cstddef>             // std::ptrdiff_t
#include <string>              // std::string
#include <utility>             // std::move

namespace concurrent::futures {
namespace detail {

class worker;

// What a task and a worker need to know of a pool, whatever its queue.
class pool_base {
public:
    pool_base(const pool_base&) = delete;
    pool_base& operator=(const pool_base&) = delete;

    // Somebody other than the queue's reader has claimed or cancelled an item that is still in the queue.
    void note_dead_item() noexcept {
        // Relaxed: a count that steers when to sweep and what `pending_count` answers; it orders nothing.
        dead_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // `self` had said that it is about to look for work, but is now to run a user's code first.
    virtual void worker_stays_busy(worker& self) noexcept = 0;

protected:
    pool_base() = default;
    ~pool_base() = default;

    // Below zero for a moment when the queue's reader meets a dead item before its killer has noted it.
    std::atomic<std::ptrdiff_t> dead_items_{0};
};

// One thread of a pool.
class worker {
public:
    worker(pool_base& pool, std::string name) : pool_(pool), name_(std::move(name)) {}

    // The worker whose thread calls this; null on a thread that no pool started.
    [[nodiscard]] static worker* current() noexcept { return current_; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // Says, before it publishes a task's result, that this worker runs no more of the user's code before it
    // looks for work. So whoever has seen that result and submits the next task finds a worker that is as
    // good as idle.
    void about_to_look() noexcept {
        // Relaxed: the publishing that follows is a release that orders this store for all who see the
        // result; the pool's mutex orders it for all others.
        about_to_look_.store(true, std::memory_order_relaxed);
    }

    // Takes that back, before it runs a done callback or destroys a result after all.
    void stay_busy() noexcept {
        if (about_to_look_.load(std::memory_order_relaxed)) {  // written by this thread alone
            pool_.worker_stays_busy(*this);
        }
    }

private:
    template <class Queue>
    friend class worker_pool;

    static constinit inline thread_local worker* current_ = nullptr;

    pool_base& pool_;
    const std::string name_;
    std::atomic<bool> about_to_look_{false};

    // Guarded by the pool's mutex.
    std::condition_variable wake_up_;
    worker* next_parked_ = nullptr;
    bool is_parked_ = false;
};

}  // namespace detail

/// The name of the calling thread if a `thread_pool_executor` started it, else an empty string. The reference
/// is valid as long as the thread runs.
inline const std::string& this_thread_name() noexcept {
    static const std::string none;
    const detail::worker* const self = detail::worker::current();
    return self ? self->name() : none;
}

}  // namespace concurrent::futures
