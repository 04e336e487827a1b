// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::terminate

#include <concurrent/futures/platform/definitions.hpp>

#if defined(__linux__)
#include <sys/syscall.h>  // SYS_membarrier
#include <unistd.h>       // syscall
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Has all threads of the process that run pass a full fence, by Linux's `membarrier` (4.14 and later).
class process_fence {
public:
#if defined(__linux__) && defined(SYS_membarrier)
    static constexpr bool is_possible = true;
#else
    static constexpr bool is_possible = false;
#endif

    // Whether `run` may be called from now on. May take milliseconds. The child of a fork need not call it
    // anew.
    [[nodiscard]] static bool prepare() noexcept;

    static void run() noexcept;

private:
    // Those of <linux/membarrier.h>, which old systems lack.
    static constexpr int global = 1 << 0;
    static constexpr int private_expedited = 1 << 3;
    static constexpr int register_private_expedited = 1 << 4;

    [[nodiscard]] static bool call(int command) noexcept;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool process_fence::prepare() noexcept {
    return call(register_private_expedited) && call(private_expedited);
}

CONCURRENT_FUTURES_FUNCTION void process_fence::run() noexcept {
    // The slow one needs no registration. If the process has forbidden itself both since `prepare`, nothing
    // that relies on this can go on.
    if (!call(private_expedited) && !call(global)) {
        std::terminate();
    }
}

CONCURRENT_FUTURES_FUNCTION bool process_fence::call([[maybe_unused]] int command) noexcept {
#if defined(__linux__) && defined(SYS_membarrier)
    return ::syscall(SYS_membarrier, command, 0, 0) == 0;
#else
    return false;
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
