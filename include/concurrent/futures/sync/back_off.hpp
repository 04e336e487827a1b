// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>  // std::chrono

#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How to wait for what another running thread does in a few instructions, as the holder of a spin lock does:
// at first without giving up the processor, then by giving it to that thread, which must have lost its own,
// and at last by sleeping, as a thread of a higher priority would otherwise never let it have one.
class back_off {
public:
    void pause() noexcept {
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

private:
    int attempts_ = 0;
};

}}}  // namespace concurrent::futures::detail
