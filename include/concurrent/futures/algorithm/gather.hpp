// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <exception>    // std::exception_ptr, std::current_exception
#include <functional>   // std::reference_wrapper
#include <memory>       // std::destroy_n
#include <new>          // operator new, operator delete
#include <ranges>       // std::ranges
#include <tuple>        // std::tuple, std::apply
#include <type_traits>  // std::is_void_v, std::is_reference_v, std::remove_cvref_t
#include <utility>      // std::forward, std::move
#include <variant>      // std::monostate
#include <vector>       // std::vector

#include <concurrent/futures/algorithm/composed_state.hpp>
#include <concurrent/futures/algorithm/future_range.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/callback.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
using gathered_value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Returns the value of `future`, which is done and has one: moved if that is the last handle, or if `T` can't
// be copied.
template <class T>
[[nodiscard]] gathered_value<T> value_of(const Future<T>& future) {
    shared_state<T>& state = future_access::state(future);
    if constexpr (std::is_void_v<T>) {
        return {};
    } else if constexpr (std::is_reference_v<T>) {
        return state.result().get();
    } else {
        if constexpr (is_copyable<T>) {
            if (!state.has_one_handle()) {
                return static_cast<const T&>(state.result().get());
            }
        }
        return std::move(state.result().get());
    }
}

// The part of what gathers futures that doesn't depend on their types.
class gathering {
public:
    // A future that is gathered.
    class part : public callback {
    public:
        part(const part&) = delete;
        part& operator=(const part&) = delete;

    protected:
        explicit part(gathering& whole) noexcept : whole_(whole) {}
        ~part() = default;

    private:
        friend class gathering;

        void call_back(outcome how) final { whole_.note_done(*this, how); }

        // Its state, as long as there is a handle on it.
        [[nodiscard]] virtual shared_state_base* state() const noexcept = 0;
        virtual void drop() noexcept = 0;
        // Its value was taken. Drops its future, unless the value may refer to something that goes with that.
        virtual void drop_unless_referred_to() noexcept = 0;

        gathering& whole_;
    };

protected:
    gathering() = default;
    ~gathering() = default;
    gathering(const gathering&) = delete;
    gathering& operator=(const gathering&) = delete;

    [[nodiscard]] virtual shared_state_base& whole() noexcept = 0;
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    [[nodiscard]] virtual part& at(std::size_t index) noexcept = 0;
    // Stores the values of all parts as the result, or an exception.
    virtual void store_values() noexcept = 0;

    // Waits for all parts. The whole may have become done when this returns, and be gone.
    void start() noexcept {
        const std::size_t parts = size();
        missing_.store(parts, std::memory_order_relaxed);  // relaxed: nobody else knows it yet
        open_.store(parts + 1, std::memory_order_relaxed);
        for (std::size_t index = 0; index != parts; ++index) {
            part& each = at(index);
            each.call_when_done(*each.state());
        }
        part* failed = nullptr;
        whole().with_lock([&] {
            is_started_ = true;
            failed = failed_;
        });
        if (failed) {
            fail_like(*failed);
        } else if (parts == 0) {
            succeed();
        }
        close(1);
    }

    // Takes back all callbacks.
    void take_back_all() noexcept;

    void drop_all() noexcept {
        for (std::size_t index = 0; index != size(); ++index) {
            at(index).drop();
        }
    }

    // Requires: the part was not dropped.
    [[nodiscard]] shared_state_base& state_at(std::size_t index) noexcept { return *at(index).state(); }
    void drop_at(std::size_t index) noexcept { at(index).drop(); }

    // The first part that is not done, from `index` on.
    [[nodiscard]] shared_state_base::weak_handle dependency_of(std::size_t& index) noexcept {
        shared_state_base::weak_handle found;
        whole().if_unqueued([&] {
            for (; index < size(); ++index) {
                shared_state_base* const state = at(index).state();
                if (state && !state->done()) {
                    found = shared_state_base::weak_handle(*state);
                    return;
                }
            }
        });
        return found;
    }

private:
    void drop_all_not_referred_to() noexcept {
        for (std::size_t index = 0; index != size(); ++index) {
            at(index).drop_unless_referred_to();
        }
    }

    void note_done(part& done, outcome how) noexcept {
        if (how != outcome::value) {
            bool fails = false;
            whole().with_lock([&] {
                fails = is_started_;
                if (!fails && !failed_) {
                    failed_ = &done;  // `start` goes on with it
                }
            });
            if (fails) {
                fail_like(done);
            }
        } else if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            succeed();
        }
        close(1);
    }

    void succeed() noexcept;

    // As `cause` has failed or is cancelled.
    [[gnu::cold]] void fail_like(const part& cause) noexcept;

    // `parts` callbacks will not use the memory any more.
    void close(std::size_t parts) noexcept {
        // Acquire and release: the uses of the memory by the others come before it is freed.
        if (parts != 0 && open_.fetch_sub(parts, std::memory_order_acq_rel) == parts) {
            whole().release_from_queue();
        }
    }

    sync::atomic<std::size_t> missing_{0};  // parts without a value
    sync::atomic<std::size_t> open_{0};     // callbacks that may use the memory, and `start`
    // Guarded by the lock of the whole, until it is started.
    part* failed_ = nullptr;  // the first
    bool is_started_ = false;
};

template <class T>
class gathered_part final : public gathering::part {
public:
    struct origin {
        gathering& whole;
        Future<T> future;
    };

    // Not explicit, so that a tuple of parts can be made.
    gathered_part(origin from) noexcept : gathering::part(from.whole), future_(std::move(from.future)) {}

    [[nodiscard]] gathered_value<T> take_value() const { return value_of(future_); }

private:
    [[nodiscard]] shared_state_base* state() const noexcept override {
        return future_.valid() ? &future_access::state(future_) : nullptr;
    }
    void drop() noexcept override { future_ = {}; }
    void drop_unless_referred_to() noexcept override {
        if constexpr (!holds_references<T>) {
            drop();
        }
    }

    Future<T> future_;
};

// What `gather` makes of several futures.
template <class Result>
class gathered_state : public composed_state<Result>, public gathering {
public:
    using gathering::start;

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept final {
        return dependency_of(place.index);
    }

protected:
    gathered_state() = default;
    ~gathered_state() override = default;

private:
    [[nodiscard]] shared_state_base& whole() noexcept final { return *this; }
    void discard_captures() noexcept final { drop_all(); }
    void drop_sources() noexcept final { drop_all(); }
    void stop_waiting(bool stop) noexcept final {
        take_back_all();
        // A future may be gathered twice, so each handle is dropped before the next is looked at.
        for (std::size_t index = 0; index != size(); ++index) {
            gathered_state::cancel_if_last(state_at(index), stop);
            drop_at(index);
        }
    }
};

// Of futures of different types.
template <class... Ts>
class gathered_tuple final : public gathered_state<std::tuple<gathered_value<Ts>...>>, public cached_memory {
public:
    explicit gathered_tuple(Future<Ts>... futures)
        : parts_(typename gathered_part<Ts>::origin{*this, std::move(futures)}...) {}

private:
    ~gathered_tuple() override = default;

    [[nodiscard]] std::size_t size() const noexcept override { return sizeof...(Ts); }
    [[nodiscard]] gathering::part& at(std::size_t index) noexcept override {
        gathering::part* found = nullptr;
        std::size_t number = 0;
        std::apply([&](auto&... each) { ((number++ == index ? found = &each : found), ...); }, parts_);
        return *found;
    }
    void store_values() noexcept override {
        try {
            std::apply(
                [this](auto&... each) {
                    // In braces, the values are taken in order.
                    this->result().emplace_from(
                        [&] { return std::tuple<gathered_value<Ts>...>{each.take_value()...}; });
                },
                parts_);
        } catch (...) {
            this->set_exception(std::current_exception());
        }
    }

    std::tuple<gathered_part<Ts>...> parts_;
};

// The values of several futures of one type. A vector can't hold references.
template <class T>
struct gathered_values {
    using type = std::vector<
        std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;
};
template <class T>
    requires std::is_void_v<T>
struct gathered_values<T> {
    using type = void;
};

// Of futures of one type. The parts are in the same allocation, behind this object.
template <class T>
class gathered_range final : public gathered_state<typename gathered_values<T>::type> {
    using values = typename gathered_values<T>::type;
    using part_type = gathered_part<T>;

public:
    // `for_each_future(take)` calls `take(Future<T>)` for `size` futures.
    template <class ForEachFuture>
    [[nodiscard]] static gathered_range& make(std::size_t size, ForEachFuture for_each_future) {
        gathered_range* const made = new (size) gathered_range;
        try {
            for_each_future([&](Future<T> future) {
                ::new (static_cast<void*>(made->parts() + made->size_)) part_type({*made, std::move(future)});
                ++made->size_;
            });
        } catch (...) {
            delete made;
            throw;
        }
        return *made;
    }

private:
    gathered_range() = default;
    ~gathered_range() override { std::destroy_n(parts(), size_); }

    [[nodiscard]] static void* operator new(std::size_t size_of_this, std::size_t parts) {
        return ::operator new(size_of_this + parts * sizeof(part_type));
    }
    static void operator delete(void* memory) noexcept { ::operator delete(memory); }
    static void operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }

    [[nodiscard]] part_type* parts() noexcept {
        static_assert(alignof(gathered_range) >= alignof(part_type));
        return reinterpret_cast<part_type*>(this + 1);
    }

    [[nodiscard]] std::size_t size() const noexcept override { return size_; }
    [[nodiscard]] gathering::part& at(std::size_t index) noexcept override { return parts()[index]; }
    void store_values() noexcept override {
        if constexpr (std::is_void_v<T>) {
            this->result().emplace();
        } else {
            try {
                values all;
                all.reserve(size_);
                for (std::size_t index = 0; index != size_; ++index) {
                    all.push_back(parts()[index].take_value());
                }
                this->result().emplace(std::move(all));
            } catch (...) {
                this->set_exception(std::current_exception());
            }
        }
    }

    std::size_t size_ = 0;
};

// Says whether the elements of a `Range` may be moved from: it is an rvalue, and owns them.
template <class Range>
inline constexpr bool gives_elements = !std::is_lvalue_reference_v<Range> &&
                                       !std::ranges::view<std::remove_cvref_t<Range>> && !future_map<Range>;

template <class Result, class State>
[[nodiscard]] Future<Result> start_gathering(State& made) {
    Future<Result> future = future_access::adopt<Result>(made);
    made.start();
    return future;
}

template <class Range>
[[nodiscard]] auto gather_range(Range&& futures) {
    using future = future_in<Range>;
    using value = typename future::value_type;
    if constexpr (std::ranges::forward_range<Range> || std::ranges::sized_range<Range>) {
        const auto size = static_cast<std::size_t>(std::ranges::distance(futures));
        return start_gathering<typename gathered_values<value>::type>(
            gathered_range<value>::make(size, [&](auto take) {
                for (auto&& element : futures) {
                    throw_if_inherited(future_access::state(future_of<Range>(element)));
                    if constexpr (gives_elements<Range&&>) {
                        take(std::move(element));
                    } else {
                        take(future(future_of<Range>(element)));
                    }
                }
            }));
    } else {
        std::vector<future> all;
        for (auto&& element : futures) {
            all.push_back(future_of<Range>(element));
        }
        return gather_range(std::move(all));
    }
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void gathering::take_back_all() noexcept {
    if (whole().is_inherited()) {
        return;
    }
    std::size_t taken = 0;
    for (std::size_t index = 0; index != size(); ++index) {
        part& each = at(index);
        if (shared_state_base* const state = each.state()) {
            taken += each.take_back_from(*state);
        }
    }
    close(taken);
}

CONCURRENT_FUTURES_FUNCTION void gathering::succeed() noexcept {
    if (whole().claim_unqueued()) {
        store_values();
        if (whole().exception()) {
            drop_all();
        } else {
            drop_all_not_referred_to();
        }
        whole().complete_without_handle();
    }
}

CONCURRENT_FUTURES_FUNCTION void gathering::fail_like(const part& cause) noexcept {
    if (!whole().claim_unqueued()) {
        return;
    }
    shared_state_base& state = *cause.state();
    std::exception_ptr failure = state.exception();
    if (failure) {
        state.mark_exception_as_looked_at();
    } else {
        failure = make_error<cancelled_error>("a gathered future was cancelled");
    }
    take_back_all();
    drop_all();
    whole().set_exception(std::move(failure));
    whole().complete_without_handle();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Returns the future of all values: a tuple, with `std::monostate` for void. It is done when all the futures
/// are, but fails as soon as one fails, with the same exception. If one is cancelled, it fails with
/// `cancelled_error`. The other futures go on.
///
/// A value is moved out of a future that was passed as an rvalue, if that was the last handle (or if the
/// value can't be copied). A reference to something that a task captured is valid as long as there is a
/// handle on the new future.
///
/// Cancelling the new future, or requesting a stop of it, also cancels the gathered futures, as far as nobody
/// else has a handle on them. A task may wait for it even on a pool of one worker: see `Future::result`. If
/// no futures are given, the new one is done at once.
///
/// \throws invalid_state_error if a future is not `valid()`
/// \throws broken_executor in the child of a fork, if a future is the parent's and was not done
/// \throws std::bad_alloc if there is no memory
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("text"); });
/// auto [n, t] = futures::gather(number, text).result();
/// assert(n == 42 && t == "text");
/// \endcode
template <future_type... Futures>
[[nodiscard]] auto gather(Futures&&... futures) {
    (detail::throw_if_inherited(detail::future_access::state(futures)), ...);
    return detail::start_gathering<
        std::tuple<detail::gathered_value<typename std::remove_cvref_t<Futures>::value_type>...>>(
        *new detail::gathered_tuple<typename std::remove_cvref_t<Futures>::value_type...>(
            std::forward<Futures>(futures)...));
}

/// Does the same for the futures of a range, or for the keys of a map, and returns the future of a vector of
/// their values, in order; `Future<void>` if they are of void. For references, the vector has
/// `std::reference_wrapper`s. A container that is passed as an rvalue gives up its futures.
///
/// \code
/// std::vector<futures::Future<int>> tasks;
/// for (int i = 0; i < 3; ++i)
///     tasks.push_back(executor.submit([i] { return i * i; }));
/// auto sum = futures::gather(std::move(tasks)).then([](const std::vector<int>& squares) {
///     return std::accumulate(squares.begin(), squares.end(), 0);
/// });
/// assert(sum.result() == 5);
/// \endcode
template <future_range Range>
    requires(!future_type<Range>)
[[nodiscard]] auto gather(Range&& futures) {
    return detail::gather_range(std::forward<Range>(futures));
}

}}  // namespace concurrent::futures
