// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace benchmarks {

// A tree in which each node but the leaves has ten children, and is the sum of them. The leaves have numbers.
struct skynet_tree {
    static constexpr std::size_t children = 10;

    explicit skynet_tree(int levels) {
        for (int level = 0; level < levels; ++level) {
            leaves *= std::int64_t{children};
            tasks += leaves;
        }
        sum = leaves * (leaves - 1) / 2;
    }

    std::int64_t leaves = 1;
    std::int64_t tasks = 1;  // one for each node
    std::int64_t sum = 0;
};

// The sum of `leaves` leaves, of which the first has the number `first`: each child but the last is a task.
inline std::int64_t skynet(concurrent::futures::thread_pool_executor<>& executor, std::int64_t first,
                           std::int64_t leaves) {
    if (leaves == 1) {
        return first;
    }
    const std::int64_t share = leaves / std::int64_t{skynet_tree::children};
    std::array<concurrent::futures::Future<std::int64_t>, skynet_tree::children - 1> submitted;
    for (auto& child : submitted) {
        child = executor.submit(skynet, std::ref(executor), first, share);
        first += share;
    }
    std::int64_t sum = skynet(executor, first, share);
    for (auto child = submitted.rbegin(); child != submitted.rend(); ++child) {
        sum += child->result();
    }
    return sum;
}

}  // namespace benchmarks
