// SPDX-License-Identifier: MIT

// What is done with task groups.

#include <chrono>
#include <concurrent/futures.hpp>
#include <cstdint>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "submitting.hpp"

namespace endurance {

namespace {

// Looks at what a task of a group has come to, and waits for it.
void look_at(const futures::Future<long>& future, task_record& task, long expected) {
    try {
        require(future.result() == expected, "a result is right");
        note_ending(task, ending::value);
    } catch (const futures::cancelled_error&) {
        note_ending(task, ending::cancelled);
    } catch (...) {
        note_thrown(task);
    }
}

// A task of a group. It may submit another one to the group, and wait for that.
template <class Group>
struct grouped {
    Group* group = nullptr;
    task_record* task = nullptr;
    std::uint64_t seed = 0;
    long expected = 0;
    int depth = 0;
    counted passenger{};

    long operator()() {
        run here(*task, seed);
        random_source random(seed);
        if (depth > 0 && random.one_in(3)) {
            grouped child{group, &the_books.new_task(task->pool), random.seed(), expected + 1, depth - 1};
            submit(random, child, [](const auto& future, const grouped& submitted) {
                look_at(future, *submitted.task, submitted.expected);
            });
        }
        if (random.one_in(20)) {
            group->cancel();
        }
        here.throw_perhaps(10);
        return expected + passenger.value();
    }

    // Submits `submitted` to its group, and calls `use` with its future, unless it is refused.
    template <class Use>
    static void submit(random_source& random, const grouped& submitted, Use use) {
        ++total.submits;
        std::optional<futures::Future<long>> future;
        const bool accepted = submits(submitted.task->pool, [&] {
            const faults::library_call call(random);
            future = submitted.group->submit(submitted);
        });
        if (accepted) {
            use(*future, submitted);
        } else {
            submitted.task->refused = true;
        }
    }
};

}  // namespace

template <class Queue>
void client::use_group_of(const pool_pointer<Queue>& target) {
    ++total.groups;
    using executor = futures::thread_pool_executor<Queue>;
    using task = grouped<futures::task_group<executor>>;
    std::optional<futures::task_group<executor>> group;
    insist(random_, [&] { group.emplace(*target->executor); });
    std::vector<std::pair<futures::Future<long>, task>> all;
    for (unsigned round = 1 + random_.up_to(2); round != 0; --round) {
        for (unsigned count = random_.up_to(8); count != 0; --count) {
            const long expected = random_.up_to(16);
            const task made{&*group, &the_books.new_task(target->record), random_.seed(), expected, 2};
            task::submit(random_, made,
                         [&](const auto& future, const task& same) { all.emplace_back(future, same); });
        }
        if (random_.one_in(5)) {
            group->cancel();
        }
        const bool for_ever = random_.one_in(2);
        bool in_time = true;
        try {
            const faults::library_call call(random_);
            group->wait(for_ever ? futures::timeout() : soon());
        } catch (const purposeful& thrown) {
            thrown.retrieved();
        } catch (const futures::broken_thread_pool&) {
            require(target->record.initializers_failed > 0, "only an initializer breaks a pool");
        } catch (const futures::timeout_error&) {
            require(!for_ever, "a wait without a limit has no end but that of the tasks");
            in_time = false;
        } catch (const std::bad_alloc&) {
            note_failed_allocation();
            in_time = false;
        }
        for (const auto& [future, same] : all) {
            require(!in_time || future.done(), "a group waits for all of its tasks");
        }
    }
    group.reset();
    for (const auto& [future, same] : all) {
        require(future.done(), "no task outlives its group");
        look_at(future, *same.task, same.expected);
    }
}

void client::use_group(const any_pool& target) {
    std::visit(
        [this](const auto& each) {
            if (each) {
                use_group_of(each);
            }
        },
        target);
}

}  // namespace endurance
