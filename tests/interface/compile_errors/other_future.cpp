// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

bool same(const concurrent::futures::Future<int>& a, const concurrent::futures::Future<long>& b) {
    return a == b;
}
