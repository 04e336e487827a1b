// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>   // std::chrono
#include <cstddef>  // std::size_t

#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How many threads want a processor, as far as the pools of this process know: their workers that are not
// parked, and the threads that spin because they wait for these.
class runnable_threads {
public:
    // Relaxed, all: an estimate, which orders nothing.
    static void add(std::size_t more) noexcept { count_.fetch_add(more, std::memory_order_relaxed); }
    static void forget_all_but(std::size_t left) noexcept { count_.store(left, std::memory_order_relaxed); }
    static void remove(std::size_t fewer) noexcept { count_.fetch_sub(fewer, std::memory_order_relaxed); }

    // Whether this thread is a worker's, and so counted.
    static void count_this_thread(bool counts) noexcept { counts_this_thread_ = counts; }
    [[nodiscard]] static bool counts_this_thread() noexcept { return counts_this_thread_; }

    // Asks how many processors there are, unless some thread has done so in this second: asking costs more
    // than making an executor. Every executor that is made calls this, so a change is noticed.
    static void note_processors() noexcept { note_processors(sync::steady_clock::now(), usable_cpus); }

    // The same, with `now` in place of the clock and `ask` in place of the operating system.
    template <class Ask>
    static void note_processors(sync::steady_clock::time_point now, Ask ask) noexcept {
        const auto second = static_cast<std::size_t>(
            std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
        // Does not rely on another thread that is asking for the first time, and has no answer yet.
        if (noted_in_second_.exchange(second, std::memory_order_relaxed) != second ||
            processors_.load(std::memory_order_relaxed) == 0) {
            processors_.store(static_cast<std::size_t>(ask()), std::memory_order_relaxed);
        }
    }

    // Whether each has a processor to itself, so that a thread that spins takes none away from another.
    [[nodiscard]] static bool fit() noexcept {
        std::size_t processors = processors_.load(std::memory_order_relaxed);
        if (processors == 0) {  // no executor was made: this waits for the future of a promise
            note_processors();
            processors = processors_.load(std::memory_order_relaxed);
        }
        return processors > 1 && count_.load(std::memory_order_relaxed) <= processors;
    }

private:
    // One for all shared libraries.
    [[gnu::visibility("default")]] static constinit inline thread_local bool counts_this_thread_ = false;
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> count_{0};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> processors_{0};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> noted_in_second_{0};
};

// Waits for `ready` without sleeping, about as long as going to sleep and being woken would cost: false if it
// was in vain. Looks at it less often the more `pauses` there are between two looks, each of which takes the
// cache line away from who is to write it. For a thread that is counted as runnable, if all of those fit.
//
// To spin for as long as the alternative costs is never more than twice as dear as the best that could have
// been done (Karlin, Li, Manasse and Owicki, "Empirical studies of competitive spinning for a shared-memory
// multiprocessor", SOSP 1991).
template <class Ready>
bool spin_until(int pauses, Ready ready) noexcept {
    using clock = sync::steady_clock;
    constexpr auto limit = std::chrono::microseconds(20);
    constexpr auto taken_away = std::chrono::microseconds(5);  // in a round: another thread had the processor
    int pauses_in_round = 16;
    const clock::time_point start = clock::now();
    clock::time_point before;
    clock::time_point now = start;
    do {
        for (int paused = 0; paused < pauses_in_round; paused += pauses) {
            if (ready()) {
                return true;
            }
            for (int pause = 0; pause != pauses; ++pause) {
                sync::spin_pause();
            }
        }
        // Whoever is waited for may have been given this very processor, as a thread often is that was just
        // woken. So the first round is short.
        sync::this_thread::yield();
        pauses_in_round = 64;
        before = now;
        now = clock::now();
    } while (now - before < taken_away && now - start < limit);
    return ready();
}

}}}  // namespace concurrent::futures::detail
