// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <vector>

void wait() {
    static_cast<void>(concurrent::futures::as_completed(std::vector{1, 2, 3}));
}
