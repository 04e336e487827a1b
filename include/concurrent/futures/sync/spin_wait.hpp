// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Counts the threads that want a processor, as far as the pools of this process know: the workers that are
// not parked, and the threads that spin while they wait for those.
class runnable_threads {
public:
    // Relaxed, like all uses: an estimate, which orders nothing.
    static void add(std::size_t more) noexcept { count_.fetch_add(more, std::memory_order_relaxed); }
    static void forget_all_but(std::size_t left) noexcept { count_.store(left, std::memory_order_relaxed); }
    static void remove(std::size_t fewer) noexcept { count_.fetch_sub(fewer, std::memory_order_relaxed); }

    // Whether this thread is a worker's and so counted already.
    static void count_this_thread(bool counts) noexcept { counts_this_thread_ = counts; }
    [[nodiscard]] static bool counts_this_thread() noexcept { return counts_this_thread_; }

    // Asks for the number of processors, unless some thread has asked in this second: to ask costs more than
    // to make an executor. Each new executor calls this, so a change is noticed.
    [[gnu::noinline]] static void note_processors() noexcept {
        note_processors(sync::steady_clock::now(), usable_cpus);
    }

    // The same, with `now` in place of the clock and `ask` in place of the operating system.
    template <class Ask>
    static void note_processors(sync::steady_clock::time_point now, Ask ask) noexcept {
        const auto second = static_cast<std::size_t>(
            std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
        // Another thread may be asking for the first time and have no answer yet; then this thread asks too.
        if (noted_in_second_.exchange(second, std::memory_order_relaxed) != second ||
            processors_.load(std::memory_order_relaxed) == 0) {
            processors_.store(static_cast<std::size_t>(ask()), std::memory_order_relaxed);
        }
    }

    // Whether each counted thread has a processor to itself, so that a spinning thread takes none from
    // another.
    [[nodiscard]] static bool fit() noexcept {
        std::size_t processors = processors_.load(std::memory_order_relaxed);
        if (processors == 0) {  // no executor was made: the thread waits for the future of a promise
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

// Requires: the calling thread is counted as runnable, and `runnable_threads::fit()`. Waits for `ready`
// without sleeping, about as long as it would cost to sleep and be woken. Returns false if that was in vain.
// Each look at `ready` takes the cache line from the thread that is to write it; so there are `pauses`
// between two looks.
//
// To spin for as long as the alternative costs is never more than twice as dear as the best choice (Karlin,
// Li, Manasse and Owicki, "Empirical studies of competitive spinning for a shared-memory multiprocessor",
// SOSP 1991).
//
// One function for all conditions, as an indirect call takes no time beside a pause.
bool spin_until(int pauses, bool (*is_ready)(void* condition) noexcept, void* condition) noexcept;
template <class Ready>
bool spin_until(int pauses, Ready ready) noexcept {
    return spin_until(
        pauses, [](void* condition) noexcept { return (*static_cast<Ready*>(condition))(); }, &ready);
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool spin_until(int pauses, bool (*is_ready)(void* condition) noexcept,
                                            void* condition) noexcept {
    using clock = sync::steady_clock;
    // Of the clock's type, so that no unit compiles other comparisons.
    constexpr clock::duration limit = std::chrono::microseconds(20);
    constexpr clock::duration taken_away = std::chrono::microseconds(5);  // in a round: by another thread
    // The awaited thread may be on this very processor: a woken thread often starts on its waker's. So each
    // round ends with a yield, and the first round is short. But where threads on two processors wait for
    // each other in turn, a yield may take longer than a short round, and each would make the other yield,
    // again and again. So a thread whose short rounds were in vain tries a long one, and keeps to it if it
    // helps.
    constexpr int pauses_in_short_round = 16;
    constexpr int pauses_in_round = 64;
    constexpr int pauses_in_long_round = 128;
    constexpr int short_rounds = 32;
    static constinit thread_local int short_rounds_left = 0;
    int pauses_left = short_rounds_left != 0 ? pauses_in_short_round : pauses_in_long_round;
    const clock::time_point start = clock::now();
    clock::time_point before;
    clock::time_point now = start;
    bool is_first_round = true;
    do {
        for (; pauses_left > 0; pauses_left -= pauses) {
            if (is_ready(condition)) {
                return true;
            }
            for (int pause = 0; pause != pauses; ++pause) {
                sync::spin_pause();
            }
        }
        if (is_first_round) {
            short_rounds_left = short_rounds_left != 0 ? short_rounds_left - 1 : short_rounds;
            is_first_round = false;
        }
        sync::this_thread::yield();
        pauses_left = pauses_in_round;
        before = now;
        now = clock::now();
    } while (now - before < taken_away && now - start < limit);
    return is_ready(condition);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
