// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>   // std::size_t
#include <cstdint>   // std::uint32_t
#include <memory>    // std::addressof
#include <mutex>     // std::lock_guard, std::unique_lock
#include <optional>  // std::optional
#include <utility>   // std::move, std::exchange
#include <vector>    // std::vector

#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/helping_wait.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `completion_watch` waits for many futures at once. Each future tells the watch once, so n futures cost
// O(n) in all, however often the watching thread wakes. Another thread calls `on_nobody_idle`, too; all else
// is the watching thread's.
//
// In the child of a fork, nothing tells a watch that the parent made, another thread may have held its mutex
// for ever, and the list of done entries may be in the middle of a change. So there the watch only asks the
// futures themselves. A task that the watching thread runs while it waits may fork and return: then the
// child, too, goes on in the middle of the wait.
class completion_watch final : private idle_watch {
public:
    class entry final : public thread_waiter {
    public:
        CONCURRENT_FUTURES_FUNCTION void on_done(outcome how) noexcept override;

        shared_state_base::handle future;  // until the watching thread takes it, once the entry was told

    private:
        friend class completion_watch;

        completion_watch* watch_ = nullptr;  // null if the future was done already
        entry* next_done_ = nullptr;
    };

    // Requires: each of `futures` is valid, and is there once.
    template <class Handle>
    explicit completion_watch(std::vector<Handle> futures) : completion_watch(futures.size()) {
        for (std::size_t index = 0; index != futures.size(); ++index) {
            entries_[index].future = future_access::release(std::move(futures[index]));
        }
        begin();
    }

    completion_watch(const completion_watch&) = delete;
    completion_watch& operator=(const completion_watch&) = delete;

    ~completion_watch();

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::vector<entry>& entries() noexcept { return entries_; }

    // Waits until `wanted` futures are done, or one has failed if `or_exception`, or `until` has passed.
    // `to_the_end` says that the wait ends only when all are done. Requires: `next` was not called.
    void wait_for(std::size_t wanted, bool or_exception, bool to_the_end, const deadline& until);

    // Waits for the next entry in the order of completion; returns null if `until` passes first.
    entry* next(const deadline& until);

    // After this, no future tells any more.
    void stop_watching() noexcept;

private:
    static constexpr std::size_t nobody_waits = static_cast<std::size_t>(-1);

    // To be called once all entries have their futures.
    explicit completion_watch(std::size_t futures);
    void begin();

    static shared_state_base& state(const entry& each) noexcept { return each.future.state(); }

    // Whether this is the child of a fork, and its parent made the watch. Any call of user code may change
    // that.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // Throws if `wait_for` would wait in the child of a fork.
    [[gnu::cold]] void throw_if_child_would_wait(std::size_t wanted, bool or_exception,
                                                 const deadline& until) const;

    // Does what `next` does in the child of a fork, in the order of the entries. Goes around them once in
    // all, but for futures that the child itself completes. Throws if it would wait.
    [[nodiscard, gnu::cold]] entry* next_in_child(const deadline& until);

    // Waits until `ready()` or `until`. `wanted` done futures make `ready()` true, and so does one failed
    // future if `or_exception`. A worker runs tasks that are queued in its own pool. If the wait may end
    // before they do, it runs them only while no other worker can. If one of them forks, then in the child
    // this returns, without the lock.
    template <class Ready>
    void wait(std::unique_lock<sync::mutex>& lock, std::size_t wanted, bool or_exception, bool to_the_end,
              const deadline& until, Ready ready);

    // This was given to `watching`, unless that is null.
    void stop_watching(std::unique_lock<sync::mutex>& lock, helper* watching) noexcept;

    // Runs something, or says how to wait; see `helping_wait::go_on`.
    helping_wait::step help(bool to_the_end, helper*& watching);

    // Returns the first entry whose task is queued in the calling worker's pool, or null. A task that is no
    // longer queued will never be again, so this looks at each once.
    entry* next_to_run();

    // Returns whether there are futures that wait for others which this thread may be able to run.
    bool look_for_dependencies();

    // Throws if the wait would never end.
    void throw_if_in_vain(bool to_the_end) const;

    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    void watch(entry& each);

    void note_done(entry& each, outcome how) noexcept;

    void append(entry& each, outcome how) noexcept {
        (last_done_ ? last_done_->next_done_ : first_done_) = &each;
        last_done_ = &each;
        ++done_;
        failed_ += how == outcome::exception;
    }

    std::vector<entry> entries_;
    std::size_t next_to_run_ = 0;
    const shared_state_base* inherited_ = nullptr;  // a future that another process would have completed
    const std::uint32_t process_ = forks::process();
    std::size_t next_in_child_ = 0;
    entry* next_ = nullptr;  // of those that were taken from the list of done entries

    sync::mutex mutex_;
    sync::condition_variable changed_;

    // Guarded by `mutex_`.
    entry* first_done_ = nullptr;  // a list linked by `next_done_`
    entry* last_done_ = nullptr;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t watched_ = 0;  // how many futures have this as a waiter, or had it until they told
    std::size_t told_ = 0;
    std::size_t wanted_ = nobody_waits;  // how many futures must be done to wake the watching thread
    bool wants_exception_ = false;
    bool alone_ = false;    // no other worker can run what is queued
    bool stopped_ = false;  // `stop_watching` is waiting for the futures that tell, or has waited

    std::size_t looked_ = 0;               // so many entries were looked at for that
    std::optional<dependency_walk> walk_;  // on a worker, which may be able to help
    std::optional<helping_wait> helping_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void completion_watch::entry::on_done(outcome how) noexcept {
    watch_->note_done(*this, how);
}

CONCURRENT_FUTURES_FUNCTION completion_watch::completion_watch(std::size_t futures) : entries_(futures) {}

CONCURRENT_FUTURES_FUNCTION completion_watch::~completion_watch() {
    stop_watching();
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::begin() {
    // Futures that are done already come first.
    for (entry& each : entries_) {
        if (state(each).done()) {
            append(each, state(each).how_done());
            continue;
        }
        each.watch_ = this;
        if (state(each).is_inherited()) {
            inherited_ = std::addressof(state(each));
        }
    }
    for (entry& each : entries_) {
        if (each.watch_) {
            watch(each);
        }
    }
}

template <class Ready>
void completion_watch::wait(std::unique_lock<sync::mutex>& lock, std::size_t wanted, bool or_exception,
                            bool to_the_end, const deadline& until, Ready ready) {
    while (!ready() && !until.passed()) {  // else a wait would still sleep a little
        lock.unlock();
        trampoline::run_postponed();
        if (is_inherited()) {
            return;
        }
        helper* watching = nullptr;
        helping_wait::step step = helping_wait::step::look_again;
        try {
            step = help(to_the_end, watching);
        } catch (...) {
            lock.lock();
            stop_watching(lock, watching);
            throw;
        }
        if (is_inherited()) {
            return;
        }
        if (step == helping_wait::step::waits_for_self) {
            throw_as_it_waits_for_itself();
        }
        if (step == helping_wait::step::sleep) {
            throw_if_in_vain(to_the_end);
        }
        lock.lock();
        if (step != helping_wait::step::look_again) {
            wanted_ = wanted;
            wants_exception_ = or_exception;
            wait_until(changed_, lock, until,
                       [&] { return ready() || alone_ || (walk_ && walk_->has_news()); });
            wanted_ = nobody_waits;
            wants_exception_ = false;
        }
        stop_watching(lock, watching);
    }
    if (helping_) {
        lock.unlock();
        helping_->hide();
        lock.lock();
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::wait_for(std::size_t wanted, bool or_exception,
                                                            bool to_the_end, const deadline& until) {
    if (!is_inherited()) {
        std::unique_lock lock(mutex_);
        wait(lock, wanted, or_exception, to_the_end, until,
             [&] { return done_ >= wanted || (or_exception && failed_ != 0); });
    }
    if (is_inherited()) {
        throw_if_child_would_wait(wanted, or_exception, until);
    }
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next(const deadline& until) {
    if (is_inherited()) {
        return next_in_child(until);
    }
    if (!next_) {
        std::unique_lock lock(mutex_);
        if (!first_done_) {
            wait(lock, done_ + 1, false, false, until, [this] { return first_done_ != nullptr; });
            if (is_inherited()) {
                return next_in_child(until);
            }
        }
        next_ = std::exchange(first_done_, nullptr);
        last_done_ = nullptr;
    }
    return next_ ? std::exchange(next_, next_->next_done_) : nullptr;
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::throw_if_child_would_wait(std::size_t wanted,
                                                                             bool or_exception,
                                                                             const deadline& until) const {
    std::size_t done = 0;
    const shared_state_base* unfinished = nullptr;
    for (const entry& each : entries_) {
        const shared_state_base& its_state = state(each);
        if (!its_state.done()) {
            unfinished = std::addressof(its_state);
        } else if (or_exception && its_state.how_done() == outcome::exception) {
            return;
        } else {
            ++done;
        }
    }
    if (done < wanted && unfinished && !until.passed()) {
        throw_if_inherited(*unfinished);
    }
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next_in_child(const deadline& until) {
    const shared_state_base* unfinished = nullptr;
    for (std::size_t looks = entries_.size(); looks != 0; --looks) {
        entry& each = entries_[next_in_child_];
        next_in_child_ = next_in_child_ + 1 == entries_.size() ? 0 : next_in_child_ + 1;
        if (!each.future) {
            continue;  // it was taken
        }
        if (state(each).done()) {
            return std::addressof(each);
        }
        unfinished = std::addressof(state(each));
    }
    if (unfinished && !until.passed()) {
        throw_if_inherited(*unfinished);
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step completion_watch::help(bool to_the_end, helper*& watching) {
    entry* const waiting = next_to_run();
    if (helper* const self = waiting ? state(*waiting).helper_here() : nullptr) {
        if (to_the_end || !self->watch_idle(*this)) {
            if (helping_) {
                helping_->hide();
            }
            state(*waiting).help(*self, nullptr);
            return helping_wait::step::look_again;
        }
        watching = self;
    }
    if (look_for_dependencies()) {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the call has made it
        return helping_->go_on(to_the_end, *this, watching);
    }
    return watching ? helping_wait::step::watch : helping_wait::step::sleep;
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next_to_run() {
    while (next_to_run_ != entries_.size()) {
        entry& each = entries_[next_to_run_];
        if (each.future && state(each).is_waiting() && state(each).helper_here()) {
            return std::addressof(each);
        }
        ++next_to_run_;
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION bool completion_watch::look_for_dependencies() {
    for (; looked_ != entries_.size(); ++looked_) {
        const entry& each = entries_[looked_];
        helper* const self = each.future && !state(each).done() ? state(each).helper_of_others() : nullptr;
        if (self) {
            if (!walk_) {
                walk_.emplace(mutex_, changed_);
                helping_.emplace(*walk_, *self);
            }
            walk_->add_root(state(each), false);  // as this is told anyway
        }
    }
    return walk_.has_value();
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::throw_if_in_vain(bool to_the_end) const {
    if (inherited_) {
        throw_if_inherited(*inherited_);
    }
    if (to_the_end) {
        for (const entry& each : entries_) {
            if (each.future && state(each).runs_here()) {
                throw_as_it_waits_for_itself();
            }
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::watch(entry& each) {
    {
        const std::lock_guard lock(mutex_);
        ++watched_;
    }
    if (!state(each).add_waiter(each)) {
        const std::lock_guard lock(mutex_);
        --watched_;
        append(each, state(each).how_done());
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::note_done(entry& each, outcome how) noexcept {
    // Notify under the mutex: once the mutex is free, this may be gone.
    const std::lock_guard lock(mutex_);
    ++told_;
    append(each, how);
    if (done_ >= wanted_ || (wants_exception_ && failed_ != 0) || stopped_) {
        changed_.notify_one();
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::stop_watching() noexcept {
    // Only this thread writes `stopped_`. In the child of a fork, no thread tells; and as this thread
    // runs nothing while `helping_` is shown, that has nothing to hide.
    if (stopped_ || is_inherited()) {
        return;
    }
    helping_.reset();
    walk_.reset();
    std::size_t removed = 0;
    for (entry& each : entries_) {
        if (each.future && state(each).remove_waiter(each)) {
            ++removed;
        }
    }
    // An entry that could not be removed is telling at the moment.
    std::unique_lock lock(mutex_);
    watched_ -= removed;
    stopped_ = true;
    changed_.wait(lock, [this] { return told_ == watched_; });
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::stop_watching(std::unique_lock<sync::mutex>& lock,
                                                                 helper* watching) noexcept {
    if (!watching) {
        return;
    }
    lock.unlock();
    const bool removed = watching->unwatch_idle(*this);
    lock.lock();
    if (!removed) {
        changed_.wait(lock, [this] { return alone_; });
    }
    alone_ = false;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
