// SPDX-License-Identifier: MIT

// Tasks of several pools that wait for each other, without a cycle.

#include <algorithm>
#include <array>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"

namespace endurance {

namespace {

using future = futures::Future<long>;

// Waits for all in one way or another, and returns the greatest result.
long greatest_of(const std::vector<future>& all, random_source& random) {
    long greatest = 0;
    const auto look_at = [&](const future& each) { greatest = std::max(greatest, each.result()); };
    switch (random.up_to(4)) {
        case 0:
            std::for_each(all.begin(), all.end(), look_at);
            break;
        case 1:
            for (const future& each : futures::as_completed(all)) {
                look_at(each);
            }
            break;
        case 2:
            for (const long each : futures::gather(all).result()) {
                greatest = std::max(greatest, each);
            }
            break;
        default:
            for (const future& each : all) {
                greatest = std::max(greatest, each.result(std::chrono::hours(1)));
            }
    }
    return greatest;
}

}  // namespace

void client::cross_pools() {
    // Where no thread can be started, a worker has to run on top of its own task what may wait for that.
    if (faults::of_threads()) {
        return;
    }
    ++total.crossings;
    constexpr std::size_t most = 40;
    const std::size_t count = 2 + random_.up_to(most - 1);
    std::vector<future> all(count);
    std::vector<long> depths(count);
    std::vector<std::size_t> order(count);
    for (std::size_t number = 0; number != count; ++number) {
        order[number] = number;
    }
    for (std::size_t number = count - 1; number != 0; --number) {
        std::swap(order[number], order[random_.up_to(static_cast<unsigned>(number + 1))]);
    }
    std::vector<std::vector<std::size_t>> awaited(count);
    for (std::size_t number = 1; number != count; ++number) {
        for (unsigned each = random_.up_to(4); each != 0; --each) {
            awaited[number].push_back(random_.up_to(static_cast<unsigned>(number)));
            depths[number] = std::max(depths[number], depths[awaited[number].back()] + 1);
        }
    }
    std::latch submitted(1);
    const auto workers = [&] { return random_.one_in(3) ? 2 : 1; };
    std::array<futures::thread_pool_executor<>, 3> pools{futures::thread_pool_executor<>(workers()),
                                                         futures::thread_pool_executor<>(workers()),
                                                         futures::thread_pool_executor<>(workers())};
    for (const std::size_t number : order) {
        all[number] = pools[random_.up_to(pools.size())].submit(
            [&, number, random = random_source(random_.seed())]() mutable {
                submitted.wait();
                std::vector<future> before;
                for (const std::size_t each : awaited[number]) {
                    before.push_back(all[each]);
                }
                return before.empty() ? 0 : greatest_of(before, random) + 1;
            });
    }
    submitted.count_down();
    for (std::size_t number = 0; number != count; ++number) {
        require(all[number].result() == depths[number], "tasks that wait for each other end", number);
    }
}

}  // namespace endurance
