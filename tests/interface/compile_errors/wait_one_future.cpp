// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

void wait(const concurrent::futures::Future<int>& future) {
    static_cast<void>(concurrent::futures::wait(future));
}
