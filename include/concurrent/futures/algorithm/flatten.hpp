// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <exception>    // std::exception_ptr, std::current_exception
#include <memory>       // std::addressof
#include <type_traits>  // std::is_void_v, std::is_reference_v, std::is_same_v
#include <utility>      // std::move, std::exchange

#include <concurrent/futures/algorithm/composed_state.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/task/queued_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Stores the value of `source`, which is done and has one, as the result of `target`: moved if `source` is
// the last handle, or if `T` can't be copied.
template <class T>
void take_value(shared_state<T>& target, shared_state<T>& source) {
    if constexpr (std::is_void_v<T>) {
        target.result().emplace();
    } else if constexpr (std::is_reference_v<T>) {
        target.result().emplace(source.result().get());
    } else if constexpr (is_copyable<T>) {
        if (source.has_one_handle()) {
            target.result().emplace(std::move(source.result().get()));
        } else {
            target.result().emplace(static_cast<const T&>(source.result().get()));
        }
    } else {
        target.result().emplace(std::move(source.result().get()));
    }
}

// The state of a future that waits for another, `outer`, and then for that one's value, `inner`.
template <class T>
class flattened_state final : public composed_state<T>, private callback, public cached_memory {
public:
    explicit flattened_state(Future<Future<T>> outer)
        : outer_(std::move(outer)), executor_task_(future_access::state(outer_).as_task()) {}

    // The state may have become done when this returns.
    void start() noexcept { call_when_done(future_access::state(outer_)); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        shared_state_base::weak_handle found;
        if (place.index == 0) {
            this->if_unqueued([&] {
                if (!awaited().done()) {
                    found = shared_state_base::weak_handle(awaited());
                }
            });
        }
        return found;
    }
    [[nodiscard]] queued_state* as_task() noexcept override { return executor_task_; }

private:
    // How far this has got. Guarded by the lock.
    enum class phase { waits_for_outer, joins_inner, waits_for_inner, left };

    ~flattened_state() override = default;

    // Requires: this waits, and the lock is held.
    [[nodiscard]] shared_state_base& awaited() const {
        if (inner_.valid()) {
            return future_access::state(inner_);
        }
        return future_access::state(outer_);
    }

    void call_back(outcome how) override {
        if (std::exchange(outer_is_done_, true)) {
            end(inner_, how);
        } else if (how == outcome::value) {
            join_inner();
        } else {
            end(outer_, how);
        }
    }

    void join_inner() {
        // Only this has a handle on `outer_`.
        Future<T> inner = std::move(future_access::state(outer_).result().get());
        if (!inner.valid() || std::addressof(future_access::state(inner)) == this) {
            fail_with(make_error<invalid_state_error>(
                inner.valid() ? "a function that `then` has called returned the future that `then` returned, "
                                "which so waits for itself"
                              : "a function that `then` has called returned a future without a state"));
            return;
        }
        shared_state<T>& state = future_access::state(inner);
        const shared_state_base::handle kept(*this);
        const bool waits = this->change([&] {
            inner_ = std::move(inner);
            phase_ = phase::joins_inner;
        });
        if (!waits) {
            this->release_from_queue();
            return;
        }
        const bool added = call_when_done_later(state);
        bool left = false;
        this->with_lock([&] {
            left = phase_ == phase::left;
            phase_ = phase::waits_for_inner;
        });
        if (left) {
            // The thread that cancelled this has left the rest to this thread.
            const Future<T> last = std::move(inner_);
            if (!added || take_back_from(state)) {
                this->release_from_queue();
            }
            this->cancel_if_last(state, stops_);
        } else if (!added) {
            end(inner_, state.how_done());
        }
    }

    // Becomes done as `source` is.
    template <class Source>
    void end(const Future<Source>& source, outcome how) noexcept {
        if (how == outcome::cancelled) {
            this->cancel();
            this->release_from_queue();
            return;
        }
        if (!this->claim_unqueued()) {
            this->release_from_queue();
            return;
        }
        shared_state<Source>& state = future_access::state(source);
        if (how == outcome::exception) {
            state.mark_exception_as_looked_at();
            this->set_exception(state.exception());
        } else if constexpr (std::is_same_v<Source, T>) {
            try {
                take_value(*this, state);
            } catch (...) {
                this->set_exception(std::current_exception());
            }
        }
        if (!holds_references<T> || this->exception()) {
            inner_ = {};
        }
        complete();
    }

    void fail_with(std::exception_ptr reason) noexcept {
        if (!this->claim_unqueued()) {
            this->release_from_queue();
            return;
        }
        this->set_exception(std::move(reason));
        complete();
    }

    void complete() noexcept {
        if (this->complete_taken([] {})) {
            this->destroy_without_handle();
        }
    }

    void stop_waiting(bool stop) noexcept override {
        phase found = phase::left;
        this->with_lock([&] {
            found = phase_;
            phase_ = phase::left;
            stops_ = stop;
        });
        if (found == phase::joins_inner || this->is_inherited()) {
            return;
        }
        shared_state_base& state = awaited();
        if (take_back_from(state)) {
            this->release_from_queue();
        }
        this->cancel_if_last(state, stop);
        inner_ = {};
    }

    void drop_sources() noexcept override { inner_ = {}; }

    const Future<Future<T>> outer_;  // to the end, as it has the task below
    // Once `outer_` is done, until this is; or as long as the result, if that may refer to something of it.
    Future<T> inner_;
    queued_state* const executor_task_;
    bool outer_is_done_ = false;
    bool stops_ = false;
    phase phase_ = phase::waits_for_outer;
};

// Returns a future of the value of the future that is the value of `outer`.
template <class T>
[[nodiscard]] Future<T> flatten(Future<Future<T>> outer) {
    auto& made = *new flattened_state<T>(std::move(outer));
    Future<T> future = future_access::adopt<T>(made);
    made.start();
    return future;
}

}}}  // namespace concurrent::futures::detail
