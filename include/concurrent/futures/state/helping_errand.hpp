// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Runs the task of a future, if it is still queued.
class helping_errand final : public errand {
public:
    explicit helping_errand(shared_state_base& state) noexcept : errand(&state), kept_(state) {}

    CONCURRENT_FUTURES_FUNCTION void run(helper& spare) noexcept override;

private:
    shared_state_base::weak_handle kept_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void helping_errand::run(helper& spare) noexcept {
    if (kept_.state().is_waiting() && kept_.state().helper_here()) {
        kept_.state().help(spare, &kept_);
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
