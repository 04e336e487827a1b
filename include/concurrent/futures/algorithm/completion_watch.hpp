#pragma once

#include <cstddef>  // std::size_t
#include <mutex>    // std::lock_guard, std::unique_lock
#include <utility>  // std::move, std::exchange
#include <vector>   // std::vector

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/scheduling/synchronization.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/waiter.hpp>

namespace concurrent::futures::inline v0_1::detail {

// Waits on many futures at once: each tells it once when it is done, so that n futures cost O(n) in all,
// however often the watching thread wakes. Everything but the telling is that one thread's.
template <class T>
class completion_watch {
public:
    class entry final : public waiter {
    public:
        void on_done(outcome how) noexcept override { watch_->note_done(*this, how); }

        Future<T> future;  // valid until its owner takes it, which it may once the entry was told

    private:
        friend class completion_watch;

        completion_watch* watch_ = nullptr;
        entry* next_done_ = nullptr;
    };

    // Each of `futures` is valid and in it once.
    explicit completion_watch(std::vector<Future<T>> futures) : entries_(futures.size()) {
        for (std::size_t index = 0; index != entries_.size(); ++index) {
            entries_[index].watch_ = this;
            entries_[index].future = std::move(futures[index]);
        }
        // Those that are done already come first.
        std::vector<bool> was_done(entries_.size());
        for (std::size_t index = 0; index != entries_.size(); ++index) {
            if (state(entries_[index]).done()) {
                was_done[index] = true;
                append(entries_[index], state(entries_[index]).how_done());
            }
        }
        for (std::size_t index = 0; index != entries_.size(); ++index) {
            if (!was_done[index]) {
                watch(entries_[index]);
            }
        }
    }

    completion_watch(const completion_watch&) = delete;
    completion_watch& operator=(const completion_watch&) = delete;

    ~completion_watch() { stop_watching(); }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::vector<entry>& entries() noexcept { return entries_; }

    // Waits until `wanted` futures are done, or, if `or_exception`, one of them has failed, or until `until`.
    void wait_for(std::size_t wanted, bool or_exception, const deadline& until) {
        std::unique_lock lock(mutex_);
        const auto enough = [&] { return done_ >= wanted || (or_exception && failed_ != 0); };
        while (!enough()) {
            if (run_one_here(lock, until)) {
                continue;
            }
            wanted_ = wanted;
            wants_exception_ = or_exception;
            wait(lock, until, enough);
            wanted_ = nobody_waits;
            wants_exception_ = false;
            return;
        }
    }

    // Waits for the next entry that is done, in the order of completion; null if `until` has passed first.
    entry* next(const deadline& until) {
        std::unique_lock lock(mutex_);
        while (!first_done_ && run_one_here(lock, until)) {
        }
        if (!first_done_) {
            wanted_ = done_ + 1;
            wait(lock, until, [this] { return first_done_ != nullptr; });
            wanted_ = nobody_waits;
        }
        entry* const next = first_done_;
        if (next) {
            first_done_ = next->next_done_;
            if (!first_done_) {
                last_done_ = nullptr;
            }
        }
        return next;
    }

    // No future tells any more.
    void stop_watching() noexcept {
        if (stopped_) {  // written by this thread alone
            return;
        }
        std::size_t removed = 0;
        for (entry& each : entries_) {
            if (each.future.valid() && state(each).remove_waiter(each)) {
                ++removed;
            }
        }
        // What could not be removed is telling this at the moment.
        std::unique_lock lock(mutex_);
        watched_ -= removed;
        stopped_ = true;
        changed_.wait(lock, [this] { return told_ == watched_; });
    }

private:
    static constexpr std::size_t nobody_waits = static_cast<std::size_t>(-1);

    static shared_state<T>& state(const entry& each) { return future_access::state(each.future); }

    template <class Ready>
    void wait(std::unique_lock<sync::mutex>& lock, const deadline& until, Ready ready) {
        if (!until.passed()) {  // else it would sleep a little all the same
            wait_until(changed_, lock, until, ready);
        }
    }

    void watch(entry& each) {
        {
            const std::lock_guard lock(mutex_);
            ++watched_;
        }
        if (!state(each).add_waiter_first(each)) {
            const std::lock_guard lock(mutex_);
            --watched_;
            append(each, state(each).how_done());
        }
    }

    void note_done(entry& each, outcome how) noexcept {
        // Notified under the mutex: once it is free, this may be gone.
        const std::lock_guard lock(mutex_);
        ++told_;
        append(each, how);
        if (done_ >= wanted_ || (wants_exception_ && failed_ != 0) || stopped_) {
            changed_.notify_one();
        }
    }

    void append(entry& each, outcome how) noexcept {
        (last_done_ ? last_done_->next_done_ : first_done_) = &each;
        last_done_ = &each;
        ++done_;
        failed_ += how == outcome::exception;
    }

    // On a worker: runs the next task that waits in its own pool's queue; false if there is none or `until`
    // has passed.
    bool run_one_here(std::unique_lock<sync::mutex>& lock, const deadline& until) {
        worker* const self = worker::current();
        if (!self || next_to_run_ == entries_.size() || until.passed()) {
            return false;
        }
        lock.unlock();
        bool ran = false;
        while (!ran && next_to_run_ != entries_.size()) {
            // A future that is no longer waiting never will be again: each is tried once.
            const entry& each = entries_[next_to_run_++];
            ran = each.future.valid() && state(each).run_here(*self);
        }
        lock.lock();
        return ran;
    }

    std::vector<entry> entries_;
    std::size_t next_to_run_ = 0;

    sync::mutex mutex_;
    sync::condition_variable changed_;

    // Guarded by the mutex.
    entry* first_done_ = nullptr;  // a list linked by `next_done_`
    entry* last_done_ = nullptr;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t watched_ = 0;  // how many futures have this as a waiter or had it until they told
    std::size_t told_ = 0;
    std::size_t wanted_ = nobody_waits;  // how many must be done for the watching thread to be woken
    bool wants_exception_ = false;
    bool stopped_ = false;  // it waits for those that are telling at the moment, or has
};

}  // namespace concurrent::futures::detail
