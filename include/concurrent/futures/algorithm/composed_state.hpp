// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The state of a future that is made of other futures, and that no pool runs. Callbacks of the others
// complete it, and hold the memory until then; see `shared_state_base` on `unqueued`. Derived classes say
// what it depends on.
template <class T>
class composed_state : public shared_state<T> {
public:
    [[nodiscard]] shared_state_base::help_result help(shared_state_base::weak_handle*) noexcept final {
        return this->is_unqueued() ? shared_state_base::help_result::waits_for_others
                                   : shared_state_base::help_result::none;
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return worker::current(); }

protected:
    composed_state() noexcept : shared_state<T>(forks::process()) { this->note_unqueued(); }
    ~composed_state() override = default;
};

}}}  // namespace concurrent::futures::detail
