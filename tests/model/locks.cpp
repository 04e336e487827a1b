// SPDX-License-Identifier: MIT

// The locks that guard the queues and the lists of a pool. The other programs take a `spin_lock` for a mutex,
// and a `counting_lock` for a `counting_mutex`.

#include <concurrent/futures/sync/biased_lock.hpp>
#include <concurrent/futures/sync/counting_guard.hpp>
#include <concurrent/futures/sync/counting_lock.hpp>
#include <concurrent/futures/sync/counting_mutex.hpp>
#include <concurrent/futures/sync/permit.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>

#include <optional>

#include "checker/model.hpp"

namespace {

using concurrent::futures::detail::adding_one;
using concurrent::futures::detail::biased_lock;
using concurrent::futures::detail::counting_guard;
using concurrent::futures::detail::counting_lock;
using concurrent::futures::detail::counting_mutex;
using concurrent::futures::detail::owner_guard;
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

// The owner of a biased lock and others add, each so often.
void keep_owner_apart(int owner, int others, int times_of_others) {
    biased_lock lock(true);
    checked<int> count;
    const auto add_as_other = [&] {
        for (int time = 0; time != times_of_others; ++time) {
            const counting_guard guard(lock);
            count.set(count.get() + 1);
        }
    };
    thread first(add_as_other);
    std::optional<thread> second;
    if (others == 2) {
        second.emplace(add_as_other);
    }
    for (int time = 0; time != owner; ++time) {
        const owner_guard guard(lock);
        count.set(count.get() + 1);
    }
    first.join();
    if (second) {
        second->join();
    }
    check(count.get() == owner + others * times_of_others, "each was counted");
}

const scenario owner_and_other("a biased_lock keeps its owner and another apart, and orders what they do",
                               {.biases = true}, [] { keep_owner_apart(3, 1, 2); });
const scenario owner_and_two("a biased_lock keeps its owner and two others apart",
                             {.preemptions = 2, .biases = true}, [] { keep_owner_apart(2, 2, 1); });
const scenario given_up("a biased_lock whose owner gives up the bias keeps it and another apart",
                        {.biases = true}, [] {
                            biased_lock lock(true);
                            checked<int> count;
                            thread other([&] {
                                for (int time = 0; time != 2; ++time) {
                                    const counting_guard guard(lock);
                                    count.set(count.get() + 1);
                                }
                            });
                            for (int time = 0; time != 2; ++time) {
                                {
                                    const owner_guard guard(lock);
                                    count.set(count.get() + 1);
                                }
                                lock.give_up_bias();
                            }
                            other.join();
                            check(count.get() == 4, "each was counted");
                        });
const scenario unbiased("a biased_lock that can't be biased keeps its owner and another apart", {},
                        [] { keep_owner_apart(2, 1, 2); });

// The owner adds, and then reads a flag; another thread sets the flag, ends the bias, and reads the count. A
// third thread may take the lock away from the owner meanwhile.
void add_biased_and_look(bool is_revoked) {
    biased_lock lock(true);
    model::atomic<bool> looks{false};
    bool sees_other = false;
    thread owner([&] {
        { const owner_guard biases(lock); }
        const owner_guard guard(lock, adding_one);
        sees_other = looks.load();
    });
    std::optional<thread> thief;
    if (is_revoked) {
        thief.emplace([&] { const counting_guard guard(lock); });
    }
    looks.store(true);
    lock.end_bias();
    const bool seen = lock.count() == 1;
    owner.join();
    if (thief) {
        thief->join();
    }
    check(seen || sees_other, "one of the two sees the other");
}

const scenario look_biased(
    "biased_lock: whoever ends the bias before a look is seen by the owner, or the other way round",
    {.biases = true}, [] { add_biased_and_look(false); });
const scenario look_revoked(
    "biased_lock: who looks while another thread revokes the bias sees the owner's count too",
    {.preemptions = 2, .biases = true}, [] { add_biased_and_look(true); });

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
