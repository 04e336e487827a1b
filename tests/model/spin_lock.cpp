// SPDX-License-Identifier: MIT

// The lock that guards the queues and the crew. The other programs take it for a mutex.

#include <concurrent/futures/sync/spin_lock.hpp>

#include "checker/model.hpp"

namespace {

using concurrent::futures::detail::spin_lock;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

const scenario two_threads("a spin_lock keeps two threads apart, and orders what they do", {}, [] {
    spin_lock lock;
    checked<int> count;
    const auto add_twice = [&] {
        for (int time = 0; time != 2; ++time) {
            const std::lock_guard guard(lock);
            count.set(count.get() + 1);
        }
    };
    thread other(add_twice);
    add_twice();
    other.join();
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

}  // namespace
