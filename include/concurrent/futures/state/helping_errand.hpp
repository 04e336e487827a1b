// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Runs the task of a future, if it is still queued.
class helping_errand final : public errand {
public:
    explicit helping_errand(shared_state_base& state) noexcept : errand(&state), kept_(state) {}

    void run(helper& spare) noexcept override {
        if (kept_.state().is_waiting() && kept_.state().helper_here()) {
            kept_.state().help(spare, &kept_);
        }
    }

private:
    shared_state_base::weak_handle kept_;
};

}}}  // namespace concurrent::futures::detail
