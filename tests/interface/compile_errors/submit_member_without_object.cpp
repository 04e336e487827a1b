// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

struct account {
    void pay_in(int amount);
};

void fan_out(concurrent::futures::thread_pool_executor<>& executor) {
    executor.submit(&account::pay_in, 100);
}
