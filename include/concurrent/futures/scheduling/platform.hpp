#pragma once

// Everything that asks the operating system, each with what is done where it can't be asked.

#include <algorithm>    // std::max
#include <cstddef>      // std::size_t
#include <string_view>  // std::string_view
#include <thread>       // std::thread::hardware_concurrency

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>  // pthread_setname_np, pthread_atfork
#endif
#if defined(__linux__)
#include <sched.h>  // sched_getaffinity
#endif

namespace concurrent::futures {

/// How many CPUs this process may run on: those of its affinity mask where the operating system tells, else
/// those that the machine has; at least 1. Thread-safe.
///
/// \code
/// futures::thread_pool_executor for_computing(futures::usable_cpus());
/// assert(for_computing.max_workers() >= 1);
/// \endcode
inline int usable_cpus() noexcept {
#if defined(__linux__)
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return std::max(1, CPU_COUNT(&allowed));
    }
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

namespace detail {

// Shows the start of `name`, as much as the operating system keeps, in debuggers and process listings.
// Nothing depends on whether it could be set.
inline void show_thread_name([[maybe_unused]] std::string_view name) noexcept {
#if defined(__linux__) || defined(__APPLE__)
#if defined(__linux__)
    constexpr std::size_t limit = 15;  // the kernel's, without the terminator
#else
    constexpr std::size_t limit = 63;
#endif
    char shown[limit + 1] = {};
    name.copy(shown, limit);
#if defined(__linux__)
    pthread_setname_np(pthread_self(), shown);
#else
    pthread_setname_np(shown);
#endif
#endif
}

// Has all three called by each fork of this process from now on, by the thread that forks: `before` it, and
// then in each of the two processes. Each may be null. If there is no memory left for that, they aren't
// called.
inline void at_fork([[maybe_unused]] void (*before)(), [[maybe_unused]] void (*in_parent)(),
                    [[maybe_unused]] void (*in_child)()) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(before, in_parent, in_child);
#endif
}

// What two threads can't write at the same time without waiting for each other's. Not
// `std::hardware_destructive_interference_size`, of which GCC warns that it varies with the options of the
// compiler.
inline constexpr std::size_t cache_line = 64;

}  // namespace detail
}  // namespace concurrent::futures
