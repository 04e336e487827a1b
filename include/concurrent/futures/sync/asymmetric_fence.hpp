// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>  // std::atomic, std::atomic_signal_fence

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/process_fence.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A fence between two threads, of which one pays for both. `light` costs the first thread nothing, and
// `heavy` costs the second a system call, which interrupts all threads of the process that run. Either what
// the first thread stored before `light` is seen by what the second loads after `heavy`, or what the second
// stored before `heavy` is seen by what the first loads after `light` (Dice, Huang and Yang, "Asymmetric
// Dekker synchronization", 2001). It orders nothing else: what a thread sees by it was published by a
// release, too.
class asymmetric_fence {
public:
    // Whether `is_available` may return true.
    [[nodiscard]] static constexpr bool is_possible() noexcept { return process_fence::is_possible; }

    // Whether `heavy` may be called. The first call may take milliseconds.
    [[nodiscard]] static bool is_available() noexcept {
        // Relaxed: nothing else depends on it. Several threads may find out at once.
        availability known = availability_.load(std::memory_order_relaxed);
        if (known == availability::unknown) {
            known = process_fence::prepare() ? availability::yes : availability::no;
            availability_.store(known, std::memory_order_relaxed);
        }
        return known == availability::yes;
    }

    // As many uncontended read-modify-writes as a `heavy`, or a little less: it has to spare that many before
    // it has paid.
    static constexpr unsigned worth = 128;

    // How often a thread pauses, to see whether another answers by itself, before it calls `heavy`.
    static constexpr int patience = 64;

    // Only the compiler could exchange what comes before and after.
    [[gnu::always_inline]] static void light() noexcept {
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }

    static void heavy() noexcept { process_fence::run(); }

private:
    enum class availability : unsigned char { unknown, yes, no };

    static inline std::atomic<availability> availability_{availability::unknown};
};

}}}  // namespace concurrent::futures::detail
