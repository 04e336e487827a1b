#pragma once

#include <concurrent/futures/scheduling/platform.hpp>
#include <concurrent/futures/scheduling/spin_wait.hpp>
#include <concurrent/futures/scheduling/worker.hpp>

namespace concurrent::futures::inline v0_1::detail {

// The child of a fork has but the thread that called it, and a copy of all memory as it was at that moment:
// with pools whose threads are not there, and locks that are held by such threads and never will be free. So
// a pool remembers in which process it was made, and in another does nothing that needs its threads or its
// locks.
class forks {
public:
    // Counts them from now on.
    [[gnu::visibility("default")]] static void watch() noexcept {
        static const bool watched = (at_fork(nullptr, nullptr, note_fork), true);
        static_cast<void>(watched);
    }

    // How many lie between the process that watched first and this one. Written by the only thread of a
    // process alone, so it needs no atomic.
    [[nodiscard]] static unsigned count() noexcept { return count_; }

private:
    static void note_fork() noexcept {
        ++count_;
        runnable_threads::forget_all_but(worker::current() ? 1 : 0);
    }

    // One for all shared libraries.
    [[gnu::visibility("default")]] static constinit inline unsigned count_ = 0;
};

}  // namespace concurrent::futures::detail
