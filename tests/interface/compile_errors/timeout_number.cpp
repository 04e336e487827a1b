// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

int take(const concurrent::futures::Future<int>& future) {
    return future.result(5);
}
