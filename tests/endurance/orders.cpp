// SPDX-License-Identifier: MIT

// In which order a single worker starts what waits.

#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"

namespace endurance {

namespace {

struct submitted {
    long number;
    int priority;
};

template <class Queue>
bool in_order(const submitted& first, const submitted& second) {
    if constexpr (std::is_same_v<Queue, futures::fifo>) {
        return first.number < second.number;
    } else if constexpr (std::is_same_v<Queue, futures::lifo>) {
        return first.number > second.number;
    } else {
        return first.priority > second.priority ||
               (first.priority == second.priority && first.number < second.number);
    }
}

}  // namespace

template <class Queue>
void client::check_order_of() {
    ++total.orders;
    pool_record& record = the_books.new_pool();
    std::latch released(1);
    std::latch busy(1);
    std::vector<submitted> started;  // the only worker's, until the executor is destroyed
    constexpr unsigned most = 100;
    started.reserve(most);
    std::size_t expected = 0;
    {
        std::optional<futures::thread_pool_executor<Queue>> executor;
        insist(random_, [&] { executor.emplace(1); });
        if (!submits(record, [&] {
                const faults::library_call call(random_);
                executor->submit([&] {
                    busy.count_down();
                    released.wait();
                });
            })) {
            return;
        }
        busy.wait();
        for (unsigned count = random_.up_to(most); count != 0; --count) {
            const submitted task{static_cast<long>(count), static_cast<int>(random_.up_to(3))};
            futures::Future<void> future;
            const bool accepted = submits(record, [&] {
                const faults::library_call call(random_);
                future = executor->submit({.priority = task.priority},
                                          [&started, task = submitted{-task.number, task.priority},
                                           passenger = counted()] { started.push_back(task); });
            });
            expected += accepted && !(random_.one_in(5) && future.cancel());
        }
        released.count_down();
    }
    require(started.size() == expected, "all tasks run that nobody cancels", started.size(), expected);
    for (std::size_t index = 1; index < started.size(); ++index) {
        require(in_order<Queue>(started[index - 1], started[index]), "a single worker keeps the order",
                index);
    }
}

void client::check_order() {
    switch (random_.up_to(3)) {
        case 0:
            check_order_of<futures::fifo>();
            break;
        case 1:
            check_order_of<futures::lifo>();
            break;
        default:
            check_order_of<futures::priority>();
    }
}

}  // namespace endurance
