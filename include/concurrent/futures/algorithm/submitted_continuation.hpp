// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::exception_ptr, std::current_exception
#include <utility>    // std::move, std::exchange

#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/task/continuation.hpp>
#include <concurrent/futures/task/queued_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The state of a continuation that an executor of any other kind runs.
template <class Executor, class T>
class submitted_continuation_state : public continuation_task<T> {
public:
    struct origin {
        shared_state_base& parent;
        bool sees_failures;
        Executor& executor;
    };

    explicit submitted_continuation_state(origin&& from) noexcept
        : continuation_task<T>(pool_identity(), from.parent, from.sees_failures), executor_(from.executor) {}

protected:
    ~submitted_continuation_state() override = default;

private:
    // What the executor runs.
    class submitted {
    public:
        using passes_failures_on = void;  // see `detail::passes_failures_on`

        explicit submitted(submitted_continuation_state& task) noexcept : task_(&task) {}
        submitted(submitted&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
        submitted& operator=(submitted&&) = delete;
        ~submitted() {
            if (task_) {
                task_->release_one();
            }
        }
        void operator()() noexcept {
            if (submitted_continuation_state* const task = std::exchange(task_, nullptr)) {
                task->run();
                task->release_one();
            }
        }

    private:
        submitted_continuation_state* task_;
    };

    void call_back(outcome how) final {
        if (this->begin(*this, *this, how)) {
            try {
                submit(submitted(*this));
            } catch (...) {
                failure_ = std::current_exception();
            }
            release_one();
        }
    }

    void submit(submitted call) {
        if constexpr (future_type<decltype(executor_.submit(std::move(call)))>) {
            static_cast<void>(future_access::disregard(executor_.submit(std::move(call))));
        } else {
            static_cast<void>(executor_.submit(std::move(call)));
        }
    }

    void run() noexcept {
        const shared_state_base::handle kept(*this);
        if (this->claim()) {
            worker::note_running_elsewhere(*this);
            this->call();
            this->complete();
        }
    }

    // `call` and the `submitted` both hold the memory. The second to go makes the task fail if it has not
    // run: with what the executor has thrown, or because the executor has dropped it.
    void release_one() noexcept {
        // Acquire and release: pairs with itself. It publishes `failure_`, and the uses of the memory.
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            this->fail_waiting(
                failure_ ? std::move(failure_)
                         : make_error<broken_promise_error>("the executor dropped the continuation"));
        }
    }

    void stop_waiting(bool stop) noexcept final {
        static_cast<void>(this->stop_waiting_for_parent(*this));
        this->cancel_if_last(this->parent(), stop);
    }

    Executor& executor_;
    std::exception_ptr failure_;
    sync::atomic<int> holders_{2};
};

}}}  // namespace concurrent::futures::detail
