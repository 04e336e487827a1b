// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>              // std::atomic
#include <condition_variable>  // std::condition_variable, and with it std::chrono
#include <mutex>               // std::mutex
#include <thread>              // std::thread, std::this_thread

// `<chrono>` would also bring calendars, time zones and their output, in GCC 13 and later more text than all
// else that the library includes. The headers above declare functions of durations and points in time. Each
// standard library gives them, and so this library, the clocks and units from a header of its own.

// Everything by which the threads of a pool can see, wait for, or start each other comes from here; it is the
// standard library's. The tests (tests/model) put a header with the same names in the place of this one: it
// decides which thread goes on, and so tries one interleaving after the other.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

using std::atomic;
using std::condition_variable;
using std::mutex;
using std::thread;
using std::chrono::steady_clock;

namespace this_thread = std::this_thread;

// Tells the processor that this thread is spinning.
inline void spin_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
}

}}}  // namespace concurrent::futures::detail::sync
