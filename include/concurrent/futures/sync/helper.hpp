// SPDX-License-Identifier: MIT

#pragma once

#include <memory>  // std::unique_ptr

#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The calling thread, if it can run the task that it waits for: a worker. A future says whether this thread
// can help it, see `shared_state_base::helper_here`.
class helper {
public:
    helper(const helper&) = delete;
    helper& operator=(const helper&) = delete;

    // If another worker is idle or can be started, it will run what waits: `watch` is notified when that is
    // no longer so. Else returns false.
    [[nodiscard]] virtual bool watch_idle(idle_watch& watch) noexcept = 0;

    // Returns false if `watch` was notified or is about to be. Its owner must then wait for the notification.
    [[nodiscard]] virtual bool unwatch_idle(idle_watch& watch) noexcept = 0;

    // From `begin_to_block` to `end_to_block`, other workers can see what this one waits for: it is about to
    // sleep. Another worker may call `look_again` meanwhile.
    virtual void begin_to_block(blocked_wait& wait) noexcept = 0;
    virtual void end_to_block(blocked_wait& wait) noexcept = 0;

    // Has a spare run `left`, on a thread of its own, when this worker blocks, unless one is about to run an
    // errand for the same. Returns false if no thread can be started.
    [[nodiscard]] virtual bool leave_to_spare(std::unique_ptr<errand> left) noexcept = 0;

protected:
    helper() = default;
    ~helper() = default;
};

}}}  // namespace concurrent::futures::detail
