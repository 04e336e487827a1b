// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <vector>

void wait() {
    static_cast<void>(concurrent::futures::wait(std::vector{1, 2, 3}));
}
