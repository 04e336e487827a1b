// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint64_t
#include <mutex>    // std::lock_guard
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>
#include <concurrent/futures/sync/parking_spot.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The queues of a pool, as `sleep` sees them. All functions but the first read counts by sequentially
// consistent loads, and take no lock.
class work_source {
public:
    work_source(const work_source&) = delete;
    work_source& operator=(const work_source&) = delete;

    // Has the calls below find each item whose push has not seen what the calling thread did before, and so
    // relies on that thread.
    virtual void order_pushes() noexcept = 0;

    // Whether any queue has an item, stale or not.
    [[nodiscard]] virtual bool has_items() const noexcept = 0;

    // The number of items that wait in all queues.
    [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;

    // Whether items may be pushed although the pool is closed.
    [[nodiscard]] virtual bool expects_items() const noexcept = 0;

protected:
    work_source() = default;
    ~work_source() = default;
};

// What a worker waits for while it spins.
enum class spin_target : unsigned char { nothing, shared_item, any_item };

// A worker, as `sleep` sees it.
class sleeper {
public:
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

protected:
    sleeper() = default;
    ~sleeper() = default;

    // It has found something to do. Returns whether it was searching, and must be told to `stop_searching`.
    [[nodiscard]] bool found_work() noexcept {
        may_spin_for_ = spin_target::any_item;
        return search_ != search::none;
    }

private:
    friend class sleep;

    // Whether it searches, and pushes are told so by the word, or are not.
    enum class search : unsigned char { none, seen, unseen };

    // Only for the worker's thread.
    bool is_initializing_ = false;
    search search_ = search::none;
    spin_target may_spin_for_ = spin_target::shared_item;

    parking_spot parking_spot_;
    sleeper* next_parked_ = nullptr;  // guarded by the lock of the list
};

// The counts of a pool's workers at one moment, in one word, so that they change together.
class worker_counts {
public:
    using word = std::uint64_t;

    // No more threads than the counts have room for.
    static constexpr std::size_t most_workers = (std::size_t{1} << 15) - 1;

    static constexpr word one_searching = 1;
    static constexpr word one_parked = word{1} << 15;
    static constexpr word is_starting = word{1} << 30;
    static constexpr word is_full = word{1} << 31;
    static constexpr word start_failed = word{1} << 32;
    static constexpr word is_closed = word{1} << 33;
    static constexpr word one_epoch = word{1} << 34;

    constexpr explicit worker_counts(word bits) noexcept : bits_(bits) {}

    [[nodiscard]] constexpr std::size_t searching() const noexcept { return bits_ & most_workers; }
    [[nodiscard]] constexpr std::size_t parked() const noexcept { return (bits_ >> 15) & most_workers; }

    // A thread is started and has not begun.
    [[nodiscard]] constexpr bool starting() const noexcept { return (bits_ & is_starting) != 0; }
    [[nodiscard]] constexpr bool may_start() const noexcept { return (bits_ & (is_starting | is_full)) == 0; }
    // As far as the last attempt shows.
    [[nodiscard]] constexpr bool can_start() const noexcept {
        return (bits_ & (is_starting | is_full | start_failed)) == 0;
    }

    [[nodiscard]] constexpr bool closed() const noexcept { return (bits_ & is_closed) != 0; }

    // A worker is about to park: the epoch is odd.
    [[nodiscard]] constexpr bool sleepy() const noexcept { return (bits_ & one_epoch) != 0; }
    [[nodiscard]] constexpr word epoch() const noexcept { return bits_ / one_epoch; }

    // Whether a push must call `sleep::wake_one`.
    [[nodiscard]] constexpr bool push_must_wake() const noexcept {
        return sleepy() || (searching() == 0 && (parked() != 0 || may_start()));
    }

    [[nodiscard]] constexpr word bits() const noexcept { return bits_; }

private:
    word bits_;
};

// Which workers of a pool sleep, and which one is woken when there is work. pool/README.md has the states of
// a worker, the invariant, the protocol and why no wake-up is lost.
//
// Some functions return whether the caller must start a thread, by `threads`. No other thread is started
// until that thread calls `begin`, or the caller calls `start_has_failed`.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what is written together shares a cache line
class sleep {
public:
    // `is_for_one` says that the pool has one worker at most.
    sleep(work_source& source, bool is_for_one) noexcept : source_(source), is_for_one_(is_for_one) {}
    sleep(const sleep&) = delete;
    sleep& operator=(const sleep&) = delete;

    // A push reads the counts after its item was counted, and before the item can be run.
    [[nodiscard]] worker_counts counts() const noexcept { return worker_counts(word_.load()); }

    // Restores the invariant after a push, if `push_must_wake()`.
    [[nodiscard]] bool wake_one() noexcept { return wake(1, 1); }

    // See `helper::watch_idle`.
    [[nodiscard]] bool watch_idle(const sleeper& self, idle_watch& watch) noexcept;

    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept;

    // Each worker calls the following functions on its own thread.

    // The first step of a new thread. `initializes` says whether it will call `has_initialized` or
    // `initializer_has_failed`; else it searches at once. Returns whether to start another thread.
    [[nodiscard]] bool begin(sleeper& self, bool initializes) noexcept;

    [[gnu::cold]] void has_initialized(sleeper& self) noexcept;

    // Requires: the pool runs nothing any more.
    [[gnu::cold]] void initializer_has_failed(sleeper& self) noexcept;

    // `self` searches from now on. Where it is the only worker, it need not be counted: while it is not
    // parked, a push can neither wake nor start another. Where a push can't do so now, the word need not
    // change, which all pushes would have to fetch anew.
    void start_searching(sleeper& self) noexcept {
        if (is_for_one_ || self.search_ != sleeper::search::none) {
            return;
        }
        const worker_counts now = counts();
        if (now.parked() != 0 || now.may_start()) {
            count_in_word(self);
        } else {
            self.search_ = sleeper::search::unseen;
            searching_unseen_.fetch_add(1);
        }
    }

    // `self` has found an item and will run it, or has something else to do. Others may have relied on it. If
    // much waits, two are woken, so that more and more wake. Returns whether to start a thread. Requires:
    // `self` was searching.
    [[nodiscard]] bool stop_searching(sleeper& self) noexcept;

    // Returns for what `self` may spin before it parks. Nothing, if another worker searches, or another
    // thread needs its processor, or `self` has spun since it last found an item or was woken. Otherwise
    // `self` searches from now on.
    //
    // What a worker was woken for, and doesn't find, the worker that pushed it has mostly run itself, and is
    // likely to push more of its kind: a coroutine that awaits one task after the other. To look for them
    // would take their cache lines away; but while it searches, no push has to wake it.
    [[nodiscard]] spin_target may_spin(sleeper& self) noexcept;

    // Sleeps until woken, or returns at once if an item waits. Either way `self` is searching afterwards.
    // Returns false if the worker is to end.
    [[nodiscard]] bool park(sleeper& self) noexcept;

    // What starts threads calls the following functions.

    // Returns whether the caller is to start the first thread. Requires: no other thread was ever started.
    [[nodiscard]] bool start_first() noexcept {
        const worker_counts before = counts();
        if (before.closed() || !before.may_start()) {
            return false;
        }
        word_.fetch_or(worker_counts::is_starting);
        return true;
    }

    // No thread can be started once there are so many.
    void note_full(bool full) noexcept {
        if (full) {
            word_.fetch_or(worker_counts::is_full);
        } else {
            word_.fetch_and(~worker_counts::is_full);
        }
    }

    // The thread that the caller was to start was not started.
    [[gnu::cold]] void start_has_failed() noexcept;

    // No thread is started any more.
    void start_no_more() noexcept {
        note_full(true);
        notify_if_nobody_idle();
    }

    // From now on, a worker that finds nothing ends, and no push is admitted but a turn of a coroutine. See
    // `expects_items`.
    void close() noexcept;

private:
    // Whether a worker is idle or can be started. The word is read before the other counts, and once more
    // after them: so a worker that starts, initializes and searches is found, whenever it goes on.
    [[nodiscard]] bool anybody_idle() const noexcept;

    // `self` searches, and pushes see that.
    void count_in_word(sleeper& self) noexcept {
        word_.fetch_add(worker_counts::one_searching);
        become_seen(self);
    }

    // `self` is counted in the word by now, and only then leaves the other count: see `anybody_idle`.
    void become_seen(sleeper& self) noexcept {
        if (self.search_ == sleeper::search::unseen) {
            searching_unseen_.fetch_sub(1);
        }
        self.search_ = sleeper::search::seen;
    }

    // Called after a worker ceased to be idle. Loads `watched_` after the counts have changed, see
    // `watch_idle`.
    void notify_if_nobody_idle() noexcept;

    // Wakes workers until `wanted` search, or `most` are woken. If too few are parked, asks for a thread, by
    // returning true, if more items wait than workers search or initialize. Tells a worker that is about to
    // park to look again.
    bool wake(std::size_t wanted, std::size_t most) noexcept;

    // Makes the epoch odd, if it is even, and counts `self` as searching. If the epoch is odd already, a load
    // is enough. A push that reads the counts before the epoch becomes odd has counted its item before, so
    // this worker sees the item. A push that reads the counts later changes the epoch.
    [[nodiscard]] worker_counts announce(sleeper& self) noexcept {
        const bool seen = self.search_ == sleeper::search::seen;
        const worker_counts announced = change([seen](worker_counts::word now) {
            return (now + (seen ? 0 : worker_counts::one_searching)) | worker_counts::one_epoch;
        });
        become_seen(self);
        return announced;
    }

    // Returns false if the epoch has changed since `announce`.
    [[nodiscard, gnu::noinline]] bool add_parked(sleeper& self, worker_counts::word epoch) noexcept {
        const std::lock_guard lock(parked_lock_);
        worker_counts::word before = word_.load();
        do {
            if (worker_counts(before).epoch() != epoch) {
                return false;
            }
        } while (!word_.compare_exchange_weak(
            before, before + worker_counts::one_parked - worker_counts::one_searching));
        self.next_parked_ = std::exchange(parked_, &self);
        return true;
    }

    // Requires: the caller has taken one worker from the number of those that are parked, so one is in the
    // list. Wakes the worker that was parked last, as its cache is warmest.
    void unpark_one() noexcept;

    [[nodiscard]] static constexpr worker_counts::word no_longer_sleepy(worker_counts::word now) noexcept {
        constexpr worker_counts::word last_epoch = ~(worker_counts::one_epoch - 1);
        if (!worker_counts(now).sleepy()) {
            return now;
        }
        return (now & last_epoch) == last_epoch ? now & ~last_epoch : now + worker_counts::one_epoch;
    }

    // Replaces the counts by `next(counts)`, unless they are equal. Returns the new counts.
    template <class Next>
    worker_counts change(Next next) noexcept {
        worker_counts::word before = word_.load();
        for (;;) {
            const worker_counts::word after = next(before);
            if (after == before || word_.compare_exchange_weak(before, after)) {
                return worker_counts(after);
            }
        }
    }

    work_source& source_;
    const bool is_for_one_;

    // All operations on these are sequentially consistent, see pool/README.md.
    alignas(cache_line) sync::atomic<worker_counts::word> word_{0};
    sync::atomic<std::size_t> initializing_{0};
    sync::atomic<bool> watched_{false};  // whether `watches_` is not empty

    alignas(cache_line) sync::atomic<std::size_t> searching_unseen_{0};  // these are not counted in the word

    spin_lock parked_lock_;
    sleeper* parked_ = nullptr;  // guarded by `parked_lock_`

    spin_lock watches_lock_;
    idle_watch_list watches_;  // guarded by `watches_lock_`
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool sleep::watch_idle(const sleeper& self, idle_watch& watch) noexcept {
    // Others rely on a worker that runs its initializer. It must not rely on them in turn.
    if (self.is_initializing_) {
        return false;
    }
    const std::lock_guard lock(watches_lock_);
    watches_.add(watch);
    // Before `anybody_idle`; pairs with `notify_if_nobody_idle`, which loads in the other order.
    watched_.store(true);
    if (!anybody_idle()) {
        static_cast<void>(watches_.remove(watch));
        watched_.store(!watches_.empty());
        return false;
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::unwatch_idle(idle_watch& watch) noexcept {
    const std::lock_guard lock(watches_lock_);
    const bool removed = watches_.remove(watch);
    watched_.store(!watches_.empty());
    return removed;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::begin(sleeper& self, bool initializes) noexcept {
    self.is_initializing_ = initializes;
    self.search_ = initializes ? sleeper::search::none : sleeper::search::seen;
    if (initializes) {
        initializing_.fetch_add(1);  // before the thread ceases to be starting: see `anybody_idle`
    }
    change([initializes](worker_counts::word now) {
        return (now & ~(worker_counts::is_starting | worker_counts::start_failed)) +
               (initializes ? 0 : worker_counts::one_searching);
    });
    source_.order_pushes();
    const std::size_t waiting = source_.waiting();
    return waiting != 0 && wake(waiting, 1);
}

CONCURRENT_FUTURES_FUNCTION void sleep::has_initialized(sleeper& self) noexcept {
    self.is_initializing_ = false;
    count_in_word(self);  // before the other count: see `anybody_idle`
    initializing_.fetch_sub(1);
}

CONCURRENT_FUTURES_FUNCTION void sleep::initializer_has_failed(sleeper& self) noexcept {
    self.is_initializing_ = false;
    initializing_.fetch_sub(1);
    notify_if_nobody_idle();
    runnable_threads::remove(1);
}

CONCURRENT_FUTURES_FUNCTION bool sleep::stop_searching(sleeper& self) noexcept {
    if (std::exchange(self.search_, sleeper::search::none) == sleeper::search::unseen) {
        searching_unseen_.fetch_sub(1);
        notify_if_nobody_idle();
        return false;
    }
    const worker_counts now(word_.fetch_sub(worker_counts::one_searching) - worker_counts::one_searching);
    bool start = false;
    if (now.parked() != 0 || now.may_start()) {
        source_.order_pushes();
        const std::size_t waiting = source_.waiting();
        start = waiting != 0 && wake(waiting, 2);
    }
    notify_if_nobody_idle();
    return start;
}

CONCURRENT_FUTURES_FUNCTION spin_target sleep::may_spin(sleeper& self) noexcept {
    const worker_counts now = counts();
    const spin_target target = std::exchange(self.may_spin_for_, spin_target::nothing);
    if (target == spin_target::nothing || now.closed() ||
        now.searching() != (self.search_ == sleeper::search::seen ? 1 : 0) || !runnable_threads::fit()) {
        return spin_target::nothing;
    }
    if (!is_for_one_ && self.search_ != sleeper::search::seen) {
        count_in_word(self);
    }
    return target;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::park(sleeper& self) noexcept {
    const worker_counts announced = announce(self);
    source_.order_pushes();
    // Before the items: what is no longer expected afterwards was pushed before.
    const bool is_to_end = announced.closed() && !source_.expects_items();
    if (source_.has_items()) {
        return true;
    }
    if (is_to_end) {
        word_.fetch_sub(worker_counts::one_searching);
        self.search_ = sleeper::search::none;
        notify_if_nobody_idle();
        runnable_threads::remove(1);
        return false;
    }
    if (!add_parked(self, announced.epoch())) {
        return true;
    }
    runnable_threads::remove(1);
    self.parking_spot_.park();
    self.may_spin_for_ = spin_target::shared_item;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void sleep::start_has_failed() noexcept {
    change([](worker_counts::word now) {
        return (now & ~worker_counts::is_starting) | worker_counts::start_failed;
    });
    notify_if_nobody_idle();
}

CONCURRENT_FUTURES_FUNCTION void sleep::close() noexcept {
    std::size_t parked = 0;
    change([&parked](worker_counts::word now) {
        parked = worker_counts(now).parked();
        const worker_counts::word awake = no_longer_sleepy(now) - parked * worker_counts::one_parked;
        return (awake + parked * worker_counts::one_searching) | worker_counts::is_closed;
    });
    for (; parked != 0; --parked) {
        unpark_one();
    }
}

CONCURRENT_FUTURES_FUNCTION bool sleep::anybody_idle() const noexcept {
    const auto idle = [](worker_counts now) {
        return now.searching() != 0 || now.parked() != 0 || now.starting() || now.can_start();
    };
    return idle(counts()) || initializing_.load() != 0 || searching_unseen_.load() != 0 || idle(counts());
}

CONCURRENT_FUTURES_FUNCTION void sleep::notify_if_nobody_idle() noexcept {
    if (!watched_.load() || anybody_idle()) {
        return;
    }
    idle_watch_list notified;
    {
        const std::lock_guard lock(watches_lock_);
        if (!anybody_idle()) {
            notified = watches_.take_all();
            watched_.store(false);
        }
    }
    notified.notify_all();
}

CONCURRENT_FUTURES_FUNCTION bool sleep::wake(std::size_t wanted, std::size_t most) noexcept {
    worker_counts::word before = word_.load();
    for (;;) {
        const worker_counts now(before);
        const std::size_t missing = now.searching() < wanted ? wanted - now.searching() : 0;
        const std::size_t to_wake = missing < most ? missing : most;
        const std::size_t unparked = to_wake < now.parked() ? to_wake : now.parked();
        const bool may_start = unparked != to_wake && now.may_start();
        if (may_start) {
            source_.order_pushes();  // of two pushes that rely on the same worker, one sees both items
        }
        const bool start = may_start && source_.waiting() > now.searching() + unparked + initializing_.load();
        worker_counts::word after = no_longer_sleepy(before) - unparked * worker_counts::one_parked +
                                    unparked * worker_counts::one_searching;
        if (start) {
            after |= worker_counts::is_starting;
        }
        if (after == before) {
            return false;
        }
        if (word_.compare_exchange_weak(before, after)) {
            for (std::size_t i = 0; i != unparked; ++i) {
                unpark_one();
            }
            return start;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void sleep::unpark_one() noexcept {
    sleeper* chosen = nullptr;
    {
        const std::lock_guard lock(parked_lock_);
        chosen = std::exchange(parked_, parked_->next_parked_);
    }
    runnable_threads::add(1);
    chosen->parking_spot_.unpark();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
