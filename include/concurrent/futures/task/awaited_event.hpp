// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The future of something that workers do and that is no task, for a worker that waits for it and is about to
// sleep. By this future, the worker finds what it can run meanwhile, and others see what it waits for; see
// `dependency_walk`.
class awaited_event : public shared_state<void>, public cached_memory {
public:
    void complete() noexcept {
        result().emplace();
        complete_without_handle();
    }

    [[nodiscard]] helper* helper_of_others() noexcept final { return worker::current(); }
    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency(
        dependency_place& place) noexcept final;

protected:
    awaited_event() noexcept { note_started(); }
    ~awaited_event() override = default;

    // Returns what a worker waits for that keeps this from being completed, at `place`; see
    // `shared_state_base::dependency`. Requires: this is not completed meanwhile.
    [[nodiscard]] virtual shared_state_base::weak_handle obstacle(dependency_place& place) noexcept = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::weak_handle awaited_event::dependency(dependency_place& place) noexcept {
    shared_state_base::weak_handle found;
    with_lock([&] {
        if (!done()) {
            found = obstacle(place);
        }
    });
    return found;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
