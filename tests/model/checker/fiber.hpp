// SPDX-License-Identifier: MIT

#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace model {

// A thread of the model: a stack of its own, on which it runs when it is switched to, with thread-local
// variables and exceptions under way of its own. All run on the one thread of the process.
class fiber {
public:
    // The one that the program began with, or one that has still to be started.
    fiber();
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;

    // Makes it one that will begin with `main`, which never returns, on `stack`. It may have been abandoned
    // before.
    void start(void (*main)(), std::span<std::byte> stack);

    // Goes on with `next`, until somebody switches back.
    void switch_to(fiber& next);

private:
    ucontext_t context_{};  // where it begins
    jmp_buf left_at_{};
    bool has_begun_ = false;
    std::vector<std::byte> thread_locals_;
    std::array<std::byte, 2 * sizeof(void*)> exceptions_{};
};

}  // namespace model
