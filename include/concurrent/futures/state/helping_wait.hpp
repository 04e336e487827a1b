// SPDX-License-Identifier: MIT

#pragma once

#include <memory>   // std::unique_ptr
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/dependency_walk.hpp>
#include <concurrent/futures/state/helping_errand.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/sync/errand.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/idle_watch.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `helping_wait` is a worker's wait for futures that it can't run, but which may depend on what it can: it
// runs what `walk` finds. Before the worker sleeps, it shows what it waits for, until it has something to do.
class helping_wait {
public:
    helping_wait(dependency_walk& walk, helper& self) noexcept : walk_(walk), self_(self) {}
    helping_wait(const helping_wait&) = delete;
    helping_wait& operator=(const helping_wait&) = delete;
    // Requires: not locked, as for `hide`.
    ~helping_wait() { hide(); }

    enum class step {
        look_again,  // this thread has run something, or has not seen all
        sleep,       // until the walk has news
        watch,       // another worker will run what was found: sleep until `watch` is notified, or for news
        waits_for_self  // the wait would never end
    };

    // Finds something, and runs it. If the wait may end before its futures do, that is left to other workers
    // as long as they can: then `watching` is the helper that `watch` was given to, which it may be already.
    // Throws if there is no memory.
    [[nodiscard]] step go_on(bool to_the_end, idle_watch& watch, helper*& watching);

    [[nodiscard]] bool is_shown() const noexcept { return is_shown_; }

    // The worker has something to do. Requires: the mutex of the walk is not held, as a thread that looks at
    // a shown wait takes that.
    void hide() noexcept;

private:
    // Returns false if no thread can be started.
    [[nodiscard, gnu::cold]] bool leave_to_spare(shared_state_base& found);

    // Returns whether the worker may sleep. If not, it must look once more.
    [[nodiscard]] bool show() noexcept;

    dependency_walk& walk_;
    helper& self_;
    bool is_shown_ = false;
    bool is_new_ = true;  // since it is shown, nobody was told
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION helping_wait::step helping_wait::go_on(bool to_the_end, idle_watch& watch,
                                                                   helper*& watching) {
    walk_.open_what_was_set_aside();
    if (!is_shown_) {
        walk_.forget_what_is_done();
    }
    shared_state_base::weak_handle found;
    helper* self = nullptr;
    dependency_walk::step found_out = walk_.next(found, self, to_the_end, is_shown_);
    while (self && !to_the_end && (watching || self->watch_idle(watch))) {
        watching = self;
        walk_.set_aside();
        found_out = walk_.next(found, self, to_the_end, is_shown_);
    }
    if (found_out == dependency_walk::step::nothing) {
        return !show() ? step::look_again : watching ? step::watch : step::sleep;
    }
    if (found_out == dependency_walk::step::waits_for_self) {
        return step::waits_for_self;
    }
    hide();
    if (self && (found_out != dependency_walk::step::for_spare || !leave_to_spare(found.state()))) {
        found.state().help(*self, &found);
    }
    return step::look_again;
}

CONCURRENT_FUTURES_FUNCTION void helping_wait::hide() noexcept {
    is_new_ = true;
    if (std::exchange(is_shown_, false)) {
        self_.end_to_block(walk_);
    }
}

CONCURRENT_FUTURES_FUNCTION bool helping_wait::leave_to_spare(shared_state_base& found) {
    if (!found.is_waiting()) {
        return true;  // a spare was about to run it
    }
    if (!self_.leave_to_spare(std::unique_ptr<errand>(new helping_errand(found)))) {
        return false;
    }
    walk_.note_left_to_spare();
    return true;
}

CONCURRENT_FUTURES_FUNCTION bool helping_wait::show() noexcept {
    if (!std::exchange(is_shown_, true)) {
        self_.begin_to_block(walk_);
        walk_.look_at_leaves_again();
        return false;
    }
    walk_.have_sleepers_look_again(std::exchange(is_new_, false));
    return true;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
