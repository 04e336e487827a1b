// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>

void submit(concurrent::futures::task_group<>& group) {
    group.submit([](int number) { return number; });
}
