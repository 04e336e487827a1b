// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <memory>   // std::unique_ptr, std::make_unique
#include <string>   // std::string
#include <utility>  // std::move

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/no_destructor.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/sleep.hpp>
#include <concurrent/futures/queue/local_queue.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/permit.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {
namespace detail {

// One thread of a pool.
//
// A worker that sleeps in a task may have to run another, but not on top of its own: that other task may turn
// out to wait for its own. Then it leaves the other task to a spare, which is a worker with a thread of its
// own, for this one task. The two share a `permit`, and each gives it back while it sleeps: so no more tasks
// run at once than the pool has workers. Java's `ForkJoinPool` has such spare threads too.
class worker final : public helper, public sleeper {
public:
    // `previous` is the worker that was made before, or null.
    worker(pool_base& pool, std::string name, worker* previous = nullptr, bool is_spare = false)
        : pool_(pool),
          name_(std::move(name)),
          previous_worker_(previous),
          is_spare_(is_spare),
          local_queue_(pool.blocked_waits()) {}

    // Returns the worker of the calling thread, as far as this library knows; null if no pool started the
    // thread.
    [[nodiscard]] static worker* current() noexcept { return pool_thread::current().self; }

    // The same, but null if the pool is of another library.
    [[nodiscard]] static worker* of_this_library() noexcept { return pool_thread::own().self; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] worker* previous_worker() const noexcept { return previous_worker_; }
    [[nodiscard]] bool is_spare() const noexcept { return is_spare_; }

    // The following functions are called on this worker's thread.

    [[nodiscard]] bool watch_idle(idle_watch& watch) noexcept override {
        return pool_.watch_idle(*this, watch);
    }
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept override { return pool_.unwatch_idle(watch); }
    CONCURRENT_FUTURES_FUNCTION void begin_to_block(blocked_wait& wait) noexcept override;
    CONCURRENT_FUTURES_FUNCTION void end_to_block(blocked_wait& wait) noexcept override;
    [[nodiscard]] bool leave_to_spare(std::unique_ptr<errand> left) noexcept override {
        return pool_.start_spare(*this, std::move(left));
    }

    // Returns the permit to run, which this worker has. Throws if there is no memory.
    [[nodiscard, gnu::cold]] permit& share_permit();
    [[nodiscard]] bool shares_permit() const noexcept { return permit_ != nullptr; }

    // Called between two tasks, if this worker shares its permit.
    [[gnu::cold]] void let_spares_run() noexcept;

    // These are called before this worker parks or ends, and afterwards.
    void give_permit_back() noexcept {
        if (permit_ && !pool_.is_inherited()) {
            permit_->release();
        }
    }
    void take_permit_back() noexcept {
        if (permit_ && !permit_->try_acquire()) {
            note_busy();  // nobody may rely on it meanwhile
            permit_->acquire();
        }
    }

    // A spare calls these before and after its errand. It never searches, so it is never as good as idle.
    void begin_errand(errand& left) noexcept;
    void end_errand() noexcept;
    [[nodiscard]] bool is_initialized() const noexcept { return is_initialized_; }
    void note_initialized() noexcept { is_initialized_ = true; }

    // Called before a spare gets its errand.
    void set_permit(permit& shared) noexcept { permit_ = &shared; }

    // Called before this worker publishes a task's result, if it runs no user code from then until it looks
    // for work: it is as good as searching. So a thread that sees the result and submits the next task starts
    // no needless thread. A worker that has work before it does not count as searching, nor does one that
    // goes on with another task, nor the copy of a worker in the child of a fork.
    [[gnu::always_inline]] void note_nearly_idle() noexcept {
        if (depth_ == 0 && local_queue_.seems_empty() && pool_.shared_queue_seems_empty() &&
            !pool_.is_inherited()) {
            pool_.start_searching(*this);
        }
    }

    // Takes `item` out of the local queue that has it, mostly this worker's.
    [[nodiscard, gnu::always_inline]] bool take_back(work_item& item) noexcept {
        return local_queue::take_back(item, &local_queue_);
    }

    // Called before this worker parks. While it sleeps, others need not end the bias of its queue.
    void give_up_bias() noexcept { local_queue_.give_up_bias(); }

    // Called when this worker has claimed the task that it took out of a queue; and when it was nearly idle,
    // but runs a done callback or destroys a result after all.
    void note_busy() noexcept {
        if (found_work()) {
            pool_.stop_searching(*this);
        }
    }

    // This worker begins to run `item`, which its pool has, or goes on with it.
    void note_running(work_item& item) noexcept {
        local_queue_.note_running(item, pool_.uses_local_queues());
    }

    // The calling thread begins to run `item`, which another pool has, or none, or goes on with it. Before
    // the thread does anything else, the item is done, or `note_suspended` was called.
    static void note_running_elsewhere(work_item& item) noexcept {
        if (const worker* const self = current()) {
            self->local_queue_.note_running_elsewhere(item);
        }
    }

    // While this exists, the worker runs `item`. A worker may run several tasks, on top of each other.
    class running {
    public:
        running(worker& self, work_item& item) noexcept : self_(self) {
            if (!item.has_owner_of_own_library()) {  // another library made the worker, this one the task
                self_.pool_.meet();
            }
            ++self_.depth_;
            self_.note_running(item);
        }
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        ~running() { --self_.depth_; }

    private:
        worker& self_;
    };

    // Whether this worker is in the middle of running `item`. Requires: `item` is not done.
    [[nodiscard]] bool runs(const work_item& item) const noexcept {
        return local_queue::queue_of_runner(item, true) == &local_queue_;
    }

    // For a worker that waits for `awaited`, which another worker runs: runs a task that `awaited` has
    // submitted, or one that descends from it, out of the other worker's local queue (Wagner and Calder,
    // "Leapfrogging: a portable technique for implementing efficient futures", PPoPP 1993). Such a task can't
    // wait for this worker, unless somebody has passed futures on. `still_runs()` returns whether `awaited`
    // is not done; `on_found()` is called before the task runs. Returns false if there is no such task now.
    template <class StillRuns, class OnFound>
    [[nodiscard]] bool run_descendant(const work_item& awaited, StillRuns still_runs,
                                      OnFound on_found) noexcept {
        local_queue* const others = local_queue::queue_of_runner(awaited);
        work_item* const descendant = others ? others->take_pushed_since(awaited, still_runs) : nullptr;
        if (!descendant) {
            return false;
        }
        on_found();
        if (!descendant->execute(*this)) {
            pool_.replace_stale_item();
        }
        return true;
    }

    // A hint.
    [[nodiscard]] static bool seems_to_have_descendants(const work_item& awaited) noexcept {
        const local_queue* const others = local_queue::queue_of_runner(awaited);
        return others && !others->seems_empty();
    }

private:
    friend class victims;

    pool_base& pool_;
    const std::string name_;
    worker* const previous_worker_;
    const bool is_spare_;
    // The next in the pool's list. Thieves read it, so it is not beside what this worker writes.
    worker* next_victim_ = nullptr;

    local_queue local_queue_;

    // The rest is only for this thread.
    std::size_t depth_ = 0;          // the number of tasks that it runs, on top of each other
    worker* last_victim_ = nullptr;  // of those that it looks at in turn
    worker* last_robbed_ = nullptr;
    bool is_victim_ = false;
    unsigned turns_ = 0;
    bool is_initialized_ = false;  // of a spare
    permit* permit_ = nullptr;     // if there are spares
    std::unique_ptr<permit> own_permit_;
};

inline worker* pool_base::worker_here() const noexcept {
    worker* const self = thread_record_().self;
    return self && &self->pool() == this ? self : nullptr;
}

inline void pool_base::note_exit() noexcept {
    pool_thread& here = own_pool_thread;
    // In the child of a fork, nobody waits for the task that forked. Only the first call counts, as `exit()`
    // may lead to several.
    if (here.self && here.last_pool_at_exit == 0 && !here.self->pool().is_inherited()) {
        // Relaxed: pools of which this thread knows have their numbers.
        here.last_pool_at_exit = last_number().load(std::memory_order_relaxed);
    }
}

// The local queues of a pool's workers, from which others take items. A victim is a worker whose local queue
// was ever pushed to. The list only grows. One more local queue is for the branches of threads that have none
// here: the thread that pushes a branch is the owner, as far as that branch is concerned.
class victims {
public:
    [[nodiscard]] local_queue& queue_of_others() noexcept { return queue_of_others_; }

    // Returns the local queue of `self`, to push to. Requires: the calling thread is that of `self`.
    [[nodiscard]] local_queue& queue_of(worker& self) noexcept {
        if (!self.is_victim_) {
            self.is_victim_ = true;
            worker* first = first_.load(std::memory_order_relaxed);  // relaxed: the compare-exchange orders
            // Sequentially consistent, before the push: a worker that goes to sleep either finds this queue,
            // or has announced so before, which the push then sees.
            do {
                self.next_victim_ = first;
            } while (!first_.compare_exchange_weak(first, &self));
        }
        return self.local_queue_;
    }

    [[nodiscard]] work_item* pop_own(worker& self) noexcept { return self.local_queue_.pop_own(); }

    // Returns the oldest item of any local queue, null if all seem empty. Looks first where `self` last found
    // one: if all workers looked in the same order, they would meet at the same queues.
    [[nodiscard]] work_item* steal(worker& self) noexcept;

    // Returns the oldest item of the next victim, each in turn; null if that has none.
    [[nodiscard]] work_item* steal_in_turn(worker& self) noexcept;

    // Calls `order_pushes` of all local queues but that of `self`, which is the calling thread's worker, or
    // null.
    void order_pushes_of_others(const worker* self) noexcept {
        const local_queue* const own = self ? &self->local_queue_ : nullptr;
        for_each([own](local_queue& each) {
            if (&each != own) {
                each.order_pushes();
            }
        });
    }

    // Counts the turns of `self`, from 0 to one less than `cycle`.
    [[nodiscard]] static unsigned next_turn(worker& self, unsigned cycle) noexcept {
        return self.turns_ = (self.turns_ + 1) % cycle;
    }

    template <class Visit>
    void for_each(Visit visit) {
        for_each_of(*this, visit);
    }
    template <class Visit>
    void for_each(Visit visit) const {
        for_each_of(*this, visit);
    }

private:
    [[nodiscard]] static work_item* steal_between(worker& self, worker* first, const worker* end) noexcept {
        for (worker* each = first; each != end; each = each->next_victim_) {
            if (work_item* const item = pop_from(each->local_queue_)) {
                self.last_robbed_ = each;
                return item;
            }
        }
        return nullptr;
    }

    // One for all who steal, but not for the owner of the queue.
    static work_item* pop_from(local_queue& others) noexcept;

    // Sequentially consistent: pairs with the compare-exchange of `queue_of`.
    template <class Victims, class Visit>
    static void for_each_of(Victims& self, Visit& visit) {
        for (worker* each = self.first_.load(); each; each = each->next_victim_) {
            visit(each->local_queue_);
        }
        visit(self.queue_of_others_);
    }

    sync::atomic<worker*> first_{nullptr};
    local_queue queue_of_others_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void worker::begin_to_block(blocked_wait& wait) noexcept {
    pool_.blocked_waits().add(wait, &local_queue_);
    give_permit_back();
}

void worker::end_to_block(blocked_wait& wait) noexcept {
    pool_.blocked_waits().remove(wait);
    if (permit_ && !pool_.is_inherited()) {
        permit_->acquire();
    }
}

CONCURRENT_FUTURES_FUNCTION permit& worker::share_permit() {
    if (!permit_) {
        if (!own_permit_) {
            own_permit_ = std::make_unique<permit>();
        }
        permit_ = own_permit_.get();
    }
    return *permit_;
}

CONCURRENT_FUTURES_FUNCTION void worker::let_spares_run() noexcept {
    if (permit_->has_spares()) {
        permit_->release();
        take_permit_back();
    } else {
        permit_ = nullptr;
    }
}

CONCURRENT_FUTURES_FUNCTION void worker::begin_errand(errand& left) noexcept {
    ++depth_;
    permit_->acquire();
    permit_->remove_errand(left);
}

CONCURRENT_FUTURES_FUNCTION void worker::end_errand() noexcept {
    permit_->release();
    permit_->remove_spare();
    permit_ = nullptr;
    --depth_;
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::steal(worker& self) noexcept {
    work_item* item = steal_between(self, self.last_robbed_, nullptr);
    if (!item) {
        worker* const first = first_.load(std::memory_order_acquire);  // pairs with the change in `queue_of`
        item = steal_between(self, first, self.last_robbed_);
    }
    return item ? item : pop_from(queue_of_others_);
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::steal_in_turn(worker& self) noexcept {
    worker* const next = self.last_victim_ ? self.last_victim_->next_victim_ : nullptr;
    self.last_victim_ = next ? next : first_.load(std::memory_order_acquire);  // see `steal`
    if (!self.last_victim_) {
        return nullptr;
    }
    return self.last_victim_ == &self ? pop_own(self) : pop_from(self.last_victim_->local_queue_);
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::pop_from(local_queue& others) noexcept {
    return others.pop();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// The name of the calling thread if a `thread_pool_executor` started it, else an empty string. The reference
/// is valid as long as the thread runs.
///
/// \code
/// assert(futures::this_thread_name().empty());
/// assert(executor.submit([] { return futures::this_thread_name(); }).result().ends_with("_0"));
/// \endcode
inline const std::string& this_thread_name() noexcept {
    static detail::no_destructor<const std::string> none;  // destructors of other static objects may ask
    const detail::worker* const self = detail::worker::current();
    return self ? self->name() : none.get();
}

}}  // namespace concurrent::futures
