// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>   // std::atomic
#include <cstdint>  // std::uint32_t

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/sync/spin_wait.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The child of a fork has only the thread that called `fork`, and a copy of the parent's memory: pools
// without their threads, and locks that missing threads hold for ever. So pools and futures remember the
// process that made them. In another process they do nothing that needs those threads or waits for their
// locks.
class forks {
public:
    // The number of this process. It is never 0, and differs from that of the process that forked this one.
    // It is the operating system's number, so it is the same for all shared libraries, even those that share
    // no variables.
    [[nodiscard, gnu::always_inline]] static std::uint32_t process() noexcept {
        // Relaxed, like all uses. A thread that finds 0 asks the system, and all threads get the same answer.
        // In the child of a fork, the only thread writes it.
        const std::uint32_t known = process_.load(std::memory_order_relaxed);
        return known != 0 ? known : ask_and_watch();
    }

private:
    [[gnu::visibility("default"), gnu::cold, gnu::noinline]] static std::uint32_t ask_and_watch() noexcept {
        static const bool watched = (at_fork(nullptr, nullptr, note_fork), true);
        static_cast<void>(watched);
        const std::uint32_t number = process_number();
        process_.store(number, std::memory_order_relaxed);
        return number;
    }

    [[gnu::cold]] static void note_fork() noexcept {
        process_.store(process_number(), std::memory_order_relaxed);
        runnable_threads::forget_all_but(0);
    }

    // One for all shared libraries that share variables.
    [[gnu::visibility("default")]] static constinit inline std::atomic<std::uint32_t> process_{0};
};

}}}  // namespace concurrent::futures::detail
