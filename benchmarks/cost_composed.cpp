// SPDX-License-Identifier: MIT

// Works of cost.cpp with futures that are made of futures.

#include <concurrent/futures.hpp>
#include <utility>
#include <vector>

#include "cost.hpp"

namespace futures = concurrent::futures;

void costs::then_and_get(int times) {
    in_a_task([times](executor_type& executor) {
        for (int i = 0; i < times; ++i) {
            executor.submit([i] { return i; }).then([](int x) { return x + 1; }).result();
        }
    });
}

void costs::gather_and_get(int times) {
    constexpr int parts = 100;
    in_a_task([times](executor_type& executor) {
        std::vector<futures::Future<int>> all;
        all.reserve(parts);
        for (int i = 0; i < times; i += parts) {
            for (int j = 0; j < parts; ++j) {
                all.push_back(executor.submit([j] { return j; }));
            }
            futures::gather(std::move(all)).result();
            all.clear();
        }
    });
}
