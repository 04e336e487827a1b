#pragma once

#include <atomic>              // std::atomic
#include <chrono>              // std::chrono::steady_clock
#include <condition_variable>  // std::condition_variable
#include <future>              // std::promise
#include <mutex>               // std::mutex
#include <new>                 // std::bad_alloc
#include <thread>              // std::thread, std::this_thread

// All by which a thread of this library can see, wait for, or start another: the standard library's. Named
// here once, so that the tests can put in the place of this file one with the same names that decides itself
// which thread goes on, and so tries one interleaving after the other (tests/model).
namespace concurrent::futures::inline v0_1::detail::sync {

using std::atomic;
using std::condition_variable;
using std::mutex;
using std::thread;
using std::chrono::steady_clock;

namespace this_thread = std::this_thread;

// Whether a thread is over, with the destructors of its thread_local objects.
class thread_end {
public:
    // By the thread, as the last that it does before those destructors. Without memory for it, the thread
    // seems never to end.
    void announce() noexcept {
        try {
            over_.set_value_at_thread_exit();
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    [[nodiscard]] bool passed() const {
        return seen_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }

private:
    std::promise<void> over_;
    const std::future<void> seen_ = over_.get_future();
};

// Tells the processor that this thread is spinning.
inline void spin_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace concurrent::futures::detail::sync
