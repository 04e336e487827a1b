// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>  // std::same_as, std::default_initializable
#include <cstddef>   // std::size_t, std::ptrdiff_t
#include <mutex>     // std::lock_guard

#include <concurrent/futures/queue/queued_task.hpp>
#include <concurrent/futures/queue/work_item.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

template <class Discipline>
concept own_discipline =
    std::default_initializable<Discipline> && requires(Discipline& discipline, queued_task& task) {
        discipline.push(task);
        { discipline.pop() } -> std::same_as<queued_task*>;
    };

// Makes a user's queue discipline safe for several threads by a mutex: its calls may take long, and allocate.
template <own_discipline Discipline>
class discipline_queue {
public:
    static constexpr bool allows_local_queues = false;

    [[nodiscard]] std::size_t size() const noexcept {
        // Relaxed: either only a hint, or the caller has called `has_items()`, whose mutex makes all earlier
        // pushes visible.
        return size_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] bool seems_empty() const noexcept { return size() == 0; }

    // If the discipline throws, the queue is as it was.
    template <class Admit>
    [[nodiscard]] bool push(work_item& item, Admit admit) {
        const std::lock_guard lock(mutex_);
        if (!admit()) {
            return false;
        }
        discipline_.push(item);
        set_size(size() + 1);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const std::lock_guard lock(mutex_);
        return take();
    }

    [[nodiscard]] bool has_items() noexcept {
        const std::lock_guard lock(mutex_);
        return size() != 0;
    }

    work_list take_all() noexcept {
        const std::lock_guard lock(mutex_);
        work_list items;
        while (work_item* const item = take()) {
            items.append(*item);
        }
        return items;
    }

    // There is no known order in which the discipline would accept its tasks again. So a cancelled task stays
    // in it until its turn comes.
    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>&) const noexcept { return false; }
    work_list purge(sync::atomic<std::ptrdiff_t>&) noexcept { return {}; }

private:
    // Requires: `mutex_` held.
    work_item* take() noexcept {
        queued_task* const task = discipline_.pop();
        if (!task) {
            return nullptr;
        }
        set_size(size() - 1);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every queued_task is a work_item
        return static_cast<work_item*>(task);
    }

    // Requires: `mutex_` held.
    void set_size(std::size_t size) noexcept { size_.store(size, std::memory_order_relaxed); }

    sync::mutex mutex_;
    Discipline discipline_;
    sync::atomic<std::size_t> size_{0};
};

}}}  // namespace concurrent::futures::detail
