// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/pool/threads.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/task/awaited_event.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The end of a pool.
class ending_state final : public awaited_event, public end_watch {
public:
    // The pool exists until `complete`.
    explicit ending_state(pool_base& pool) noexcept : pool_(pool) {}

    void on_end() noexcept override { complete(); }

private:
    ~ending_state() override = default;

    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle obstacle(
        dependency_place& place) noexcept override;

    pool_base& pool_;
};

// Waits until no thread of a closed pool runs. On a worker of another pool, this helps meanwhile with what
// the pool's tasks wait for. Returns at once if there is no memory for that.
void await_end(pool_base& pool) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::weak_handle ending_state::obstacle(dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    pool_.blocked_waits().for_each(search);
    return search.take();
}

CONCURRENT_FUTURES_FUNCTION void await_end(pool_base& pool) noexcept {
    if (!worker::current()) {
        return;
    }
    ending_state* made = nullptr;
    try {
        made = new ending_state(pool);
    } catch (...) {
        return;
    }
    const auto kept = shared_state_base::handle::adopt(*made);
    // The analyzer leaves out the constructor of `worker_pool`, and so takes it for unfinished.
    if (pool.watch_end(*made)) {  // NOLINT(clang-analyzer-cplusplus.PureVirtualCall)
        await_if_it_ends(*made);
    } else {
        made->complete();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
