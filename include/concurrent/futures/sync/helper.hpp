// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/sync/idle_watch.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The calling thread, if it can run what it waits for: a worker. A future says whether the thread is one for
// it, see `shared_state_base::helper_here`.
class helper {
public:
    helper(const helper&) = delete;
    helper& operator=(const helper&) = delete;

    // If another worker is idle or can be started, and so comes for what waits: has `watch` told when that is
    // over. Else returns false.
    [[nodiscard]] virtual bool watch_idle(idle_watch& watch) noexcept = 0;

    // False if `watch` was told, or is about to be, which its owner must wait for.
    [[nodiscard]] virtual bool unwatch_idle(idle_watch& watch) noexcept = 0;

protected:
    helper() = default;
    ~helper() = default;
};

}}}  // namespace concurrent::futures::detail
