// SPDX-License-Identifier: MIT

#pragma once

#include <coroutine>  // std::coroutine_handle
#include <exception>  // std::exception_ptr, std::rethrow_exception
#include <utility>    // std::exchange

#include <concurrent/futures/algorithm/submitted_call.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_awaiter.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/task/coroutine_task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How a coroutine goes on as a task of `Executor`. It lives in the coroutine's frame.
template <class Executor>
class [[nodiscard]] schedule_awaiter : public own_awaiter {
public:
    explicit schedule_awaiter(Executor& executor) noexcept : executor_(executor) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        if constexpr (waits_by_itself<Promise>) {
            coroutine_task& coroutine = frame.promise().state();
            return coroutine.wait_for_arrival(
                {&coroutine, this, &failure_,
                 [](coroutine_task& goes_on, void* awaiter) {
                     return static_cast<schedule_awaiter*>(awaiter)->submit_arrival(goes_on);
                 },
                 frame.promise().is_abroad(executor_)});
        } else {
            static_cast<void>(submit([frame] { frame.resume(); }, [frame] { frame.resume(); }));
            return true;
        }
    }

    void await_resume() {
        if (failure_) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
        if (was_dropped_) {
            throw_error<cancelled_error>("the executor dropped the task as which a coroutine was to go on");
        }
    }

private:
    [[nodiscard]] shared_state_base::handle submit_arrival(coroutine_task& coroutine) {
        return submit([&coroutine] { coroutine.arrive(); },
                      [&coroutine]() noexcept { coroutine.note_dropped(); });
    }

    // If the executor drops the task, the coroutine goes on by an exception.
    template <class GoOn, class WhenDropped>
    [[nodiscard]] shared_state_base::handle submit(GoOn go_on, WhenDropped when_dropped) {
        return submit_call(executor_, go_on, [this, when_dropped] {
            was_dropped_ = true;
            when_dropped();
        });
    }

    Executor& executor_;
    bool was_dropped_ = false;
    std::exception_ptr failure_;  // what the executor has thrown
};

}}}  // namespace concurrent::futures::detail
