// SPDX-License-Identifier: MIT

// The locks that guard the queues and the lists of a pool. The other programs take a `spin_lock` for a mutex,
// and a `counting_lock` for a `counting_mutex`.

#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/counting_mutex.hpp>
#include <concurrent/futures/sync/permit.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>

#include "checker/model.hpp"

namespace {

using concurrent::futures::detail::adding_one;
using concurrent::futures::detail::counting_guard;
using concurrent::futures::detail::counting_lock;
using concurrent::futures::detail::counting_mutex;
using concurrent::futures::detail::permit;
using concurrent::futures::detail::spin_lock;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

template <class Lock, class Guard>
void keep_two_apart() {
    Lock lock;
    checked<int> count;
    const auto add_twice = [&] {
        for (int time = 0; time != 2; ++time) {
            const Guard guard(lock);
            count.set(count.get() + 1);
        }
    };
    thread other(add_twice);
    add_twice();
    other.join();
    check(count.get() == 4, "each was counted");
}

const scenario two_threads("a spin_lock keeps two threads apart, and orders what they do", {},
                           keep_two_apart<spin_lock, std::lock_guard<spin_lock>>);
const scenario two_threads_counting("a counting_lock keeps two threads apart, and orders what they do", {},
                                    keep_two_apart<counting_lock, counting_guard<counting_lock>>);

const scenario permitted("of a worker and its spares, one runs at a time", {}, [] {
    permit shared;
    checked<int> count;
    const auto run_as_spare = [&] {
        shared.acquire();
        count.set(count.get() + 1);
        shared.release();
    };
    thread one(run_as_spare);
    thread two(run_as_spare);
    count.set(count.get() + 1);
    shared.release();
    if (!shared.try_acquire()) {
        shared.acquire();
    }
    count.set(count.get() + 1);
    shared.release();
    one.join();
    two.join();
    check(count.get() == 4, "each was counted");
});

const scenario three_threads("a spin_lock keeps three threads apart", {}, [] {
    spin_lock lock;
    checked<int> count;
    const auto add = [&] {
        const std::lock_guard guard(lock);
        count.set(count.get() + 1);
    };
    thread one(add);
    thread two(add);
    add();
    one.join();
    two.join();
    check(count.get() == 3, "each was counted");
});

// One thread adds, and then reads a flag under the lock; the other sets the flag and reads the count.
template <class Lock>
void add_and_look() {
    Lock lock;
    model::atomic<bool> looks{false};
    bool sees_other = false;
    thread adder([&] {
        const counting_guard guard(lock, adding_one);
        sees_other = looks.load();
    });
    looks.store(true);
    const bool seen = lock.count() == 1;
    adder.join();
    check(seen || sees_other, "one of the two sees the other");
}

const scenario look_counting("counting_lock: whoever adds sees whoever looks, or the other way round", {},
                             add_and_look<counting_lock>);
const scenario look_mutex("counting_mutex: whoever adds sees whoever looks, or the other way round", {},
                          add_and_look<counting_mutex>);

// Two threads add, and one of them takes away again what it has added.
template <class Lock>
void add_and_take_away() {
    Lock lock;
    checked<int> count;
    const auto add = [&](bool stays) {
        counting_guard guard(lock, adding_one);
        if (stays) {
            count.set(count.get() + 1);
        } else {
            guard.set_count(guard.count() - 1);
        }
    };
    thread other([&] { add(false); });
    add(true);
    other.join();
    check(lock.count() == 1 && count.get() == 1, "what stays is counted");
}

const scenario take_away_counting("counting_lock: what is taken away again is not counted", {},
                                  add_and_take_away<counting_lock>);
const scenario take_away_mutex("counting_mutex: what is taken away again is not counted", {},
                               add_and_take_away<counting_mutex>);

// What was stored before `set_count` is seen by a thread that finds the new count, without the lock.
template <class Lock>
void count_publishes() {
    Lock lock;
    model::atomic<int> moved{0};
    lock.unlock(lock.lock_adding_one());
    thread mover([&] {
        counting_guard guard(lock);
        moved.store(1, std::memory_order_relaxed);
        guard.set_count(0);
    });
    check(lock.count() == 1 || moved.load() == 1, "the item is in one place at least");
    mover.join();
}

const scenario publishes_counting("counting_lock: a new count publishes what was stored before", {},
                                  count_publishes<counting_lock>);
const scenario publishes_mutex("counting_mutex: a new count publishes what was stored before", {},
                               count_publishes<counting_mutex>);

}  // namespace
