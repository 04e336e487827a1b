// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <utility>

namespace endurance {

namespace futures = concurrent::futures;

// An executor of one's own. It hands over to two executors by turns, or to one that it is given twice, and
// returns the futures of these, so that their workers can help.
template <class Executor>
class own_executor : public futures::executor_base<own_executor<Executor>> {
public:
    own_executor(Executor& first, Executor& second) noexcept : executors_{&first, &second} {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        // Relaxed: orders nothing, so that ThreadSanitizer sees what the library orders.
        const std::size_t turn = turns_.fetch_add(1, std::memory_order_relaxed);
        return executors_[turn % executors_.size()]->submit(std::forward<Fn>(fn),
                                                            std::forward<Args>(args)...);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    const std::array<Executor*, 2> executors_;
    std::atomic<std::size_t> turns_{0};
};

}  // namespace endurance
