// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <type_traits>
#include <utility>

#include "calls.hpp"
#include "client.hpp"
#include "faults.hpp"
#include "figures.hpp"

namespace endurance {

// One run of a task: made first in its body.
class run {
public:
    run(task_record& task, std::uint64_t seed) : task_(task), random_(seed) {
        const int before = task.runs.fetch_add(1);
        require(before == 0, "a task runs once", before);
        ++task.pool.running;
    }
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() {
        --task_.pool.running;
        if (is_worker_of(task_.pool)) {
            own_.fail_afterwards(random_);
        }
    }

    // Then the task must return.
    void throw_perhaps(unsigned one_in) {
        if (random_.one_in(one_in)) {
            thrown_record& record = the_books.new_thrown(false);
            task_.thrown = &record;
            throw purposeful(record);
        }
        task_.returned = true;
    }

private:
    faults::own_work own_;
    task_record& task_;
    random_source random_;
};

template <class T, class Queue, class Fn, class... Args>
void client::submit(pool<Queue>& target, task_record& task, long expected, Fn&& fn, Args&&... args) {
    ++total.submits;
    futures::Future<T> future;
    const int priority = static_cast<int>(random_.up_to(3));
    const bool accepted = submits(target.record, [&] {
        const faults::library_call call(random_);
        future = target.executor->submit({.priority = priority}, std::forward<Fn>(fn),
                                         std::forward<Args>(args)...);
    });
    if (!accepted) {
        task.refused = true;
        return;
    }
    if constexpr (std::is_same_v<T, counted>) {
        if (depth_ == max_depth && random_.one_in(6)) {
            if (auto other = world_.exchange_future({future, &task, expected}, random_.up_to(100))) {
                mine<counted>().push_back(std::move(*other));
            }
        }
    }
    mine<T>().push_back({std::move(future), &task, expected});
    if (random_.one_in(8)) {
        held<T> dropped = std::move(mine<T>().back());
        mine<T>().pop_back();
        let_go(std::move(dropped));
    }
}

}  // namespace endurance
