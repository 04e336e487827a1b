// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>  // std::same_as, std::default_initializable

#include <concurrent/futures/queue/locked_queue.hpp>
#include <concurrent/futures/queue/queued_task.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/counting_mutex.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

template <class Discipline>
concept own_discipline =
    std::default_initializable<Discipline> && requires(Discipline& discipline, queued_task& task) {
        discipline.push(task);
        { discipline.pop() } -> std::same_as<queued_task*>;
    };

// A user's queue discipline as the order of a `locked_queue`. Nobody knows an order in which the discipline
// would have to be given its tasks again.
template <own_discipline Discipline>
class discipline_order {
public:
    static constexpr bool restores = false;

    void push(work_item& item) { discipline_.push(item); }

    work_item* pop() noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every queued_task is a work_item
        return static_cast<work_item*>(discipline_.pop());
    }

    work_list take_all() noexcept {
        work_list items;
        while (work_item* const item = pop()) {
            items.append(*item);
        }
        return items;
    }

private:
    Discipline discipline_;
};

// By a mutex, not by a spin lock: the calls of a discipline may take long, and allocate.
template <own_discipline Discipline>
using discipline_queue = locked_queue<discipline_order<Discipline>, counting_mutex>;

}}}  // namespace concurrent::futures::detail
