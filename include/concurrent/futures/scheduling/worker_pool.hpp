#pragma once

#include <algorithm>   // std::clamp, std::count_if
#include <atomic>      // std::atomic
#include <cstddef>     // std::size_t, std::ptrdiff_t
#include <exception>   // std::exception_ptr
#include <functional>  // std::function
#include <list>        // std::list
#include <memory>      // std::unique_ptr, std::enable_shared_from_this
#include <mutex>       // std::mutex
#include <string>      // std::string
#include <thread>      // std::thread
#include <utility>     // std::move, std::exchange
#include <vector>      // std::vector

#include <concurrent/futures/error.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/scheduling/orphaned_threads.hpp>
#include <concurrent/futures/scheduling/platform.hpp>
#include <concurrent/futures/scheduling/work_item.hpp>
#include <concurrent/futures/scheduling/worker.hpp>

namespace concurrent::futures::detail {

// A queue of work items and the threads that run them. The executor owns it together with its threads, so
// that it outlives an executor that is destroyed on one of them.
//
// Invariant, at each unlocking of the mutex: every item that waits in the queue has a worker that is about to
// look into it, or all workers that may be started are busy. About to look are
//   - those that were started or woken and have not come to the queue since (`coming_`), and
//   - those that have said so (`worker::about_to_look`), having done all but publish their task's result.
// So `push` wakes or starts at most one worker, and none where enough come anyway; a worker that leaves the
// second group without coming to the queue repairs the invariant itself (`worker_stays_busy`).
//
// A worker ends when the pool is shut down and the queue is empty. The invariant then still holds for what
// waits.
template <class Queue>
class worker_pool final : public pool_base, public std::enable_shared_from_this<worker_pool<Queue>> {
public:
    worker_pool(std::size_t max_workers, std::string thread_name_prefix, std::function<void()> initializer)
        : max_workers_(max_workers),
          thread_name_prefix_(std::move(thread_name_prefix)),
          initializer_(std::move(initializer)) {}

    // Queues `item` with a reference on it, or throws and leaves everything as it was.
    void push(work_item& item) {
        worker* woken = nullptr;
        work_list dead;
        std::exception_ptr start_failure;
        {
            const std::lock_guard lock(mutex_);
            if (broken_) {
                std::rethrow_exception(broken_);
            }
            if (shut_down_) {
                throw executor_shutdown("cannot schedule new futures after shutdown");
            }
            woken = call_worker_for(waiting() + 1, start_failure);
            if (start_failure && workers_.empty()) {
                std::rethrow_exception(start_failure);
            }
            queue_.push(item);
            dead = sweep();
        }
        notify(woken, start_failure);
        while (work_item* const each = dead.take_first()) {
            each->drop();
        }
    }

    // Refuses work from now on; what waits still runs, unless `cancel_waiting`.
    void shut_down(bool cancel_waiting) {
        work_list cancelled;
        {
            const std::lock_guard lock(mutex_);
            shut_down_ = true;
            if (cancel_waiting) {
                cancelled = queue_.take_all();
            }
            while (worker* const parked = take_parked()) {
                parked->wake_up_.notify_one();
            }
        }
        while (work_item* const item = cancelled.take_first()) {
            item->cancel_waiting();
            note_dead_item_gone();
        }
    }

    // After `shut_down`: waits until every worker has ended. Several threads may wait at once.
    void join() {
        const std::lock_guard joining(joining_);
        // A worker that stays busy may start another as long as it runs itself.
        for (;;) {
            std::vector<std::thread> threads;
            {
                const std::lock_guard lock(mutex_);
                threads.swap(threads_);
            }
            if (threads.empty()) {
                return;
            }
            for (std::thread& thread : threads) {
                thread.join();
            }
        }
    }

    // After `shut_down`, instead of `join` on one of the pool's own workers.
    void orphan() noexcept {
        orphans_.front().pool = this->weak_from_this();
        {
            const std::lock_guard lock(mutex_);
            start_limit_ = 0;  // nobody would join another
            orphans_.front().threads = std::exchange(threads_, {});
        }
        orphaned_threads::instance().adopt(orphans_);
    }

    [[nodiscard]] bool owns_this_thread() const noexcept {
        const worker* const self = worker::current();
        return self && &self->pool() == this;
    }

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    [[nodiscard]] std::size_t worker_count() const {
        const std::lock_guard lock(mutex_);
        return workers_.size();
    }

    [[nodiscard]] std::size_t pending_count() const {
        const std::lock_guard lock(mutex_);
        return waiting();
    }

    void worker_stays_busy(worker& self) noexcept override {
        worker* woken = nullptr;
        std::exception_ptr
            start_failure;  // nothing is lost by it: this worker comes to the queue itself, if later
        {
            const std::lock_guard lock(mutex_);
            self.about_to_look_.store(false, std::memory_order_relaxed);  // the mutex orders it for `push`
            woken = call_worker_for(waiting(), start_failure);
        }
        notify(woken, start_failure);
    }

private:
    // What a worker's thread does.
    void work(worker& self) noexcept {
        worker::current_ = &self;
        show_thread_name(self.name());
        if (initialize()) {
            run_items(self);
        }
        worker::current_ = nullptr;
    }

    bool initialize() noexcept {
        if (!initializer_) {
            return true;
        }
        try {
            initializer_();
            return true;
        } catch (...) {
            break_because_of_current_exception();
            return false;
        }
    }

    void run_items(worker& self) noexcept {
        std::unique_lock lock(mutex_);
        --coming_;
        for (;;) {
            self.about_to_look_.store(false, std::memory_order_relaxed);  // the mutex orders it for `push`
            if (work_item* const item = queue_.pop()) {
                lock.unlock();
                if (!item->execute(self)) {
                    note_dead_item_gone();
                }
                lock.lock();
            } else if (shut_down_) {
                return;
            } else {
                self.next_parked_ = std::exchange(parked_, &self);
                self.is_parked_ = true;
                self.wake_up_.wait(lock, [&] { return !self.is_parked_; });
                --coming_;
            }
        }
    }

    void break_because_of_current_exception() noexcept {
        const std::exception_ptr cause = std::current_exception();
        std::exception_ptr reason;
        try {
            std::throw_with_nested(
                broken_thread_pool("a thread initializer failed, the thread pool is not usable any more; the "
                                   "initializer's exception is "
                                   "nested in this one"));
        } catch (...) {
            reason = std::current_exception();
        }
        work_list failed;
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            --coming_;
            first = !broken_;
            if (first) {
                broken_ = reason;
                failed = queue_.take_all();
            }
        }
        if (!first) {
            log("a thread initializer failed in a thread pool that was broken already", cause);
        }
        while (work_item* const item = failed.take_first()) {
            item->fail_waiting(reason);
            note_dead_item_gone();
        }
    }

    void note_dead_item_gone() noexcept {
        dead_items_.fetch_sub(1, std::memory_order_relaxed);  // see `note_dead_item`
    }

    // After the mutex is released: a log handler is the user's code.
    void notify(worker* woken, const std::exception_ptr& start_failure) noexcept {
        if (woken) {
            woken->wake_up_.notify_one();
        }
        if (start_failure && !start_failure_logged_.exchange(true)) {
            log("could not start another worker thread; the others do its work", start_failure);
        }
    }

    // What follows needs the mutex.

    // How many items of the queue are still waiting.
    [[nodiscard]] std::size_t waiting() const noexcept {
        const std::ptrdiff_t dead = dead_items_.load(std::memory_order_relaxed);  // see `note_dead_item`
        const auto queued = static_cast<std::ptrdiff_t>(queue_.size());
        return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(queued - dead, 0, queued));
    }

    // Restores the invariant for a queue of `items` that wait. Returns the worker that is then to be
    // notified, if one was parked; else starts one, if one more may be.
    worker* call_worker_for(std::size_t items, std::exception_ptr& start_failure) noexcept {
        if (enough_are_coming_for(items)) {
            return nullptr;
        }
        worker* const parked = take_parked();
        if (!parked && workers_.size() < start_limit_) {
            try {
                start_worker();
            } catch (...) {
                start_failure = std::current_exception();
            }
        }
        return parked;
    }

    [[nodiscard]] bool enough_are_coming_for(std::size_t items) const noexcept {
        if (items <= coming_ || (!parked_ && workers_.size() >= start_limit_)) {
            return true;
        }
        if (items > coming_ + workers_.size()) {
            return false;
        }
        const auto about_to_look = std::count_if(workers_.begin(), workers_.end(), [](const auto& each) {
            return each->about_to_look_.load(std::memory_order_relaxed);  // see `worker::about_to_look`
        });
        return items <= coming_ + static_cast<std::size_t>(about_to_look);
    }

    // Takes the worker that was parked last, whose cache is warmest; its `wake_up_` is then to be notified.
    worker* take_parked() noexcept {
        worker* const taken = parked_;
        if (taken) {
            parked_ = taken->next_parked_;
            taken->is_parked_ = false;
            ++coming_;
        }
        return taken;
    }

    void start_worker() {
        threads_.reserve(threads_.size() + 1);
        workers_.push_back(
            std::make_unique<worker>(*this, thread_name_prefix_ + '_' + std::to_string(workers_.size())));
        try {
            threads_.emplace_back(
                [pool = this->shared_from_this(), self = workers_.back().get()] { pool->work(*self); });
        } catch (...) {
            workers_.pop_back();
            throw;
        }
        ++coming_;
    }

    // Takes out the dead items once they outnumber those that wait: so the queue's length stays within twice
    // what waits, and each item pays for a constant part of the sweeps, as each takes out half of what it
    // visits.
    work_list sweep() noexcept {
        constexpr std::size_t worth_it = 64;
        work_list dead;
        if (queue_.size() < worth_it || waiting() >= queue_.size() / 2) {
            return dead;
        }
        work_list items = queue_.take_all();
        while (work_item* const item = items.take_first()) {
            if (item->is_waiting()) {
                queue_.push(*item);
            } else {
                dead.append(*item);
                note_dead_item_gone();
            }
        }
        return dead;
    }

    const std::size_t max_workers_;
    const std::string thread_name_prefix_;
    const std::function<void()> initializer_;

    std::list<thread_family> orphans_{1};  // room that `orphan` needs

    std::mutex joining_;  // held by the thread that joins; taken before `mutex_`
    mutable std::mutex mutex_;

    // Guarded by `mutex_`.
    Queue queue_;
    std::vector<std::unique_ptr<worker>> workers_;  // all that were ever started
    std::vector<std::thread> threads_;              // those of them that nobody has joined
    worker* parked_ = nullptr;                      // the last of a list linked by `next_parked_`
    std::size_t start_limit_ = max_workers_;        // no worker is started when there are so many
    std::size_t coming_ = 0;
    bool shut_down_ = false;
    std::exception_ptr broken_;  // what submits throw once an initializer failed

    std::atomic<bool> start_failure_logged_{false};
};

}  // namespace concurrent::futures::detail
