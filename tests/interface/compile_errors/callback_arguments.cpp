// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

void call_back(const concurrent::futures::Future<int>& future) {
    future.add_done_callback([](int result) { return result; });
}
