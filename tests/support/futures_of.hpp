// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <vector>

namespace tests {

inline std::vector<concurrent::futures::Future<int>> futures_of(
    const std::vector<concurrent::futures::Promise<int>>& promises) {
    std::vector<concurrent::futures::Future<int>> all;
    for (const auto& promise : promises) {
        all.push_back(promise.get_future());
    }
    return all;
}

}  // namespace tests
