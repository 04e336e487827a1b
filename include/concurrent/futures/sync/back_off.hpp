// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Waits for what another running thread does in a few instructions, such as the holder of a spin lock. At
// first it keeps the processor. Then it yields, as the other thread must have lost its processor. At last it
// sleeps, as a thread of a higher priority would otherwise never let the other one run.
class back_off {
public:
    void pause() noexcept;

private:
    int attempts_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void back_off::pause() noexcept {
    constexpr int spins = 64;
    constexpr int yields = 512;
    if (attempts_ < spins) {
        sync::spin_pause();
    } else if (attempts_ < spins + yields) {
        sync::this_thread::yield();
    } else {
        sync::this_thread::sleep_for(std::chrono::microseconds(50));
        return;
    }
    ++attempts_;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
