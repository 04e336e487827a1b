// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

int take(const concurrent::futures::Future<void>& future) {
    const int result = future.result();
    return result;
}
