// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::derived_from
#include <coroutine>    // std::coroutine_handle, std::coroutine_traits, std::suspend_never
#include <cstddef>      // std::size_t, std::byte
#include <exception>    // std::current_exception, std::exception_ptr
#include <memory>       // std::addressof
#include <new>          // operator new, std::align_val_t, std::launder
#include <tuple>        // std::tie, std::get
#include <type_traits>  // std::remove_cvref_t, std::is_void_v, std::is_class_v
#include <utility>      // std::forward, std::move, std::exchange
#include <version>      // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

#include <concurrent/futures/algorithm/reference_to.hpp>
#include <concurrent/futures/algorithm/submitted_call.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/executor/executor.hpp>
#include <concurrent/futures/executor/foreign_awaiter.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_awaiter.hpp>
#include <concurrent/futures/pool/pool_base.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/task/coroutine_task.hpp>
#include <concurrent/futures/task/executor_reference.hpp>

namespace concurrent::futures { inline namespace v0_1 {
namespace detail {

// The state of a coroutine that an executor runs which is no `thread_pool_executor`. `outlives` says whether
// the executor still exists when the coroutine has ended.
template <class Executor, bool outlives, class T>
class submitted_coroutine_state : public coroutine_state<T> {
public:
    explicit submitted_coroutine_state(Executor& executor) noexcept
        : coroutine_state<T>(nullptr, true), executor_(executor) {
        this->note_unqueued();
    }

    void start() noexcept override { push_turn(); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        const bool is_first = place.index == 0;
        shared_state_base::weak_handle found = coroutine_state<T>::dependency(place);
        return found || !is_first ? std::move(found) : turn_.awaited(*this);
    }

    [[nodiscard]] executor_reference own_executor() const noexcept override {
        if constexpr (outlives) {
            return reference_to(executor_);
        } else {
            return {nullptr, refuse_continuation};
        }
    }

    // `other` may be a part of the executor, from which that has its `schedule()`.
    template <class Other>
    [[nodiscard]] bool is_run_by(const Other& other) const noexcept {
        if constexpr (std::derived_from<Executor, Other>) {
            return std::addressof(static_cast<const Other&>(executor_)) == std::addressof(other);
        } else {
            return false;
        }
    }

protected:
    ~submitted_coroutine_state() override = default;

private:
    void push_turn() noexcept override {
        std::exception_ptr failure;
        try {
            turn_.submit(*this, [this] {
                return submit_call(
                    executor_,
                    [this] {
                        turn_.begin(*this);
                        this->run_turn();
                    },
                    [this] {
                        fail_turn(
                            make_error<broken_promise_error>("the executor dropped a turn of the coroutine"));
                    });
            });
            return;
        } catch (...) {
            failure = std::current_exception();
        }
        fail_turn(std::move(failure));
    }

    void fail_turn(std::exception_ptr reason) noexcept {
        turn_.begin(*this);
        this->fail_waiting(std::move(reason));
    }

    void stop_waiting(bool) noexcept override { turn_.forget(); }

    Executor& executor_;
    submitted_turn turn_;
};

// Finds the executor among the parameters of a coroutine: the first, or the first after the object of a
// member function.
template <class... Parameters>
struct executor_parameter {
    static constexpr bool exists = false;
};
template <class First, class... Rest>
    requires executor<std::remove_reference_t<First>>
struct executor_parameter<First, Rest...> {
    static constexpr bool exists = true;
    static constexpr bool outlives = std::is_lvalue_reference_v<First>;
    static constexpr std::size_t index = 0;
    using type = std::remove_reference_t<First>;
};
template <class Object, class First, class... Rest>
    requires(!executor<std::remove_reference_t<Object>> && std::is_reference_v<Object> &&
             std::is_class_v<std::remove_reference_t<Object>> && executor<std::remove_reference_t<First>>)
struct executor_parameter<Object, First, Rest...> {
    static constexpr bool exists = true;
    static constexpr bool outlives = std::is_lvalue_reference_v<First>;
    static constexpr std::size_t index = 1;
    using type = std::remove_reference_t<First>;
};

// Makes the state of a coroutine.
class coroutine_start {
public:
    template <class Executor>
    static constexpr bool has_pool = requires(Executor& each) { shared_pool<pool_base>(*each.pool_); };

    template <class T, class Executor, bool outlives>
    struct state_for {
        using type = submitted_coroutine_state<Executor, outlives, T>;
    };
    template <class T, class Executor, bool outlives>
        requires has_pool<Executor>
    struct state_for<T, Executor, outlives> {
        using type = coroutine_state<T>;
    };

    template <class State, class Executor>
    static State* construct(void* memory, Executor& executor) {
        if constexpr (has_pool<Executor>) {
            executor.pool_->throw_if_refusing();
            return ::new (memory) State(executor.pool_.get(), true);
        } else {
            return ::new (memory) State(executor);
        }
    }

    // Whether `executor` is the one that runs the coroutine.
    template <class Executor, class T>
    [[nodiscard]] static bool runs(const Executor& executor, const coroutine_state<T>& coroutine) noexcept {
        if constexpr (has_pool<Executor>) {
            return coroutine.owner_identity().address == executor.pool_.get();
        } else {
            return false;
        }
    }
    template <class Executor, class Own, bool outlives, class T>
    [[nodiscard]] static bool runs(const Executor& executor,
                                   const submitted_coroutine_state<Own, outlives, T>& coroutine) noexcept {
        return coroutine.is_run_by(executor);
    }
};

template <class T, class... Parameters>
struct coroutine_state_for {
    using type = coroutine_state<T>;
};
template <class T, class... Parameters>
    requires executor_parameter<Parameters...>::exists
struct coroutine_state_for<T, Parameters...> {
    using parameter = executor_parameter<Parameters...>;
    using type = typename coroutine_start::state_for<T, typename parameter::type, parameter::outlives>::type;
};

// Lies before the frame of a coroutine.
struct coroutine_header {
    coroutine_header* outer = nullptr;  // while no state is made
    bool has_state = false;

    // The coroutine that this thread is making; its parameters' copies may make others meanwhile. The promise
    // can't compute the address from its own: to Clang, it is not in the frame yet when it is constructed.
    static constinit inline thread_local coroutine_header* newest = nullptr;
};

// The memory of a coroutine: its state, and then its frame. The state is made by the promise, which the frame
// contains, and outlives it.
template <class State>
class coroutine_memory {
public:
    [[nodiscard]] static void* allocate(std::size_t frame_size) {
        auto* const memory = static_cast<std::byte*>(allocate_block(frame_offset + frame_size));
        auto* const header = ::new (memory + header_offset) coroutine_header;
        header->outer = std::exchange(coroutine_header::newest, header);
        return memory + frame_offset;
    }

    // Makes the state of the coroutine for which this thread has allocated memory last. If that throws, the
    // frame is deallocated.
    template <class Make>
    [[nodiscard]] static State* construct(Make make) {
        coroutine_header& header = *coroutine_header::newest;
        State* const made = make(reinterpret_cast<std::byte*>(std::addressof(header)) - header_offset);
        coroutine_header::newest = header.outer;
        header.has_state = true;
        return made;
    }

    // The frame is gone. Frees the memory if no state was made there.
    static void deallocate(void* frame) noexcept {
        std::byte* const memory = static_cast<std::byte*>(frame) - frame_offset;
        const auto& header = *std::launder(reinterpret_cast<coroutine_header*>(memory + header_offset));
        if (!header.has_state) {
            coroutine_header::newest = header.outer;
            free(memory);
        }
    }

    static void free(void* memory) noexcept {
        if constexpr (is_over_aligned) {
            ::operator delete(memory, std::align_val_t(alignof(State)));
        } else {
            ::operator delete(memory);
        }
    }

private:
    static constexpr std::size_t default_alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    static constexpr bool is_over_aligned = alignof(State) > default_alignment;

    [[nodiscard]] static constexpr std::size_t aligned(std::size_t size) noexcept {
        return (size + default_alignment - 1) / default_alignment * default_alignment;
    }
    static constexpr std::size_t header_offset = aligned(sizeof(State));
    static constexpr std::size_t frame_offset = header_offset + aligned(sizeof(coroutine_header));

    [[nodiscard]] static void* allocate_block(std::size_t size) {
        if constexpr (is_over_aligned) {
            return ::operator new(size, std::align_val_t(alignof(State)));
        } else {
            return ::operator new(size);
        }
    }
};

// A state that lies in `coroutine_memory`.
template <class State>
class placed final : public State {
public:
    using State::State;
    static void operator delete(void* memory) noexcept { coroutine_memory<placed>::free(memory); }
};

// What starts a coroutine: it waits for its first turn, unless no executor runs it.
template <class Promise>
struct first_turn {
    [[nodiscard]] bool await_ready() const noexcept { return !promise.state().has_executor(); }
    void await_suspend(std::coroutine_handle<>) const noexcept { promise.state().start(); }
    void await_resume() const noexcept {}

    Promise& promise;
};

// What ends a coroutine: its frame goes, with the parameters, and then its future is done.
struct last_turn {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
        coroutine_task& ended = frame.promise().state();
        frame.destroy();
        ended.end();
    }
    void await_resume() const noexcept {}
};

// Has a coroutine that an executor runs wait by an awaiter of this library. If the coroutine is away, it is
// suspended even if what it awaits is done.
template <class Awaitable>
class [[nodiscard]] task_awaiter {
public:
    task_awaiter(Awaitable&& awaited, const coroutine_task& coroutine)
        : awaiter_(awaiter_of(std::forward<Awaitable>(awaited))), coroutine_(coroutine) {}
    task_awaiter(const task_awaiter&) = delete;
    task_awaiter& operator=(const task_awaiter&) = delete;

    [[nodiscard]] bool await_ready() const { return awaiter_.await_ready() && !coroutine_.is_away(); }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        return awaiter_.await_suspend(frame);
    }
    decltype(auto) await_resume() { return awaiter_.await_resume(); }

private:
    awaiter_for<Awaitable> awaiter_;  // or a reference to it
    const coroutine_task& coroutine_;
};

// The part of a coroutine's promise that doesn't depend on how it returns.
template <class T, class... Parameters>
class coroutine_promise_base {
    using state_type = placed<typename coroutine_state_for<T, Parameters...>::type>;
    using memory = coroutine_memory<state_type>;
    using executor_of_coroutine = executor_parameter<Parameters...>;

public:
    static constexpr bool runs_as_tasks = executor_of_coroutine::exists;

    coroutine_promise_base(const coroutine_promise_base&) = delete;
    coroutine_promise_base& operator=(const coroutine_promise_base&) = delete;

    [[nodiscard]] static void* operator new(std::size_t size) { return memory::allocate(size); }
    static void operator delete(void* frame) noexcept { memory::deallocate(frame); }

    [[nodiscard]] Future<T> get_return_object() noexcept {
        return future_access::adopt<T>(static_cast<shared_state<T>&>(*state_));
    }
    [[nodiscard]] auto initial_suspend() noexcept { return first_turn<coroutine_promise_base>{*this}; }
    [[nodiscard]] last_turn final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept {
        if (std::exchange(has_result_, false)) {
            state_->result().destroy();  // then a local variable's destructor has thrown
        }
        state_->set_exception(std::current_exception());
    }

    // The compiler calls this for each `co_await`.
    template <awaitable Awaitable>
    [[nodiscard]] decltype(auto) await_transform(Awaitable&& awaited) const {
        if constexpr (!own_awaitable<Awaitable>) {
            return foreign_awaiter<Awaitable>(std::forward<Awaitable>(awaited), *state_);
        } else if constexpr (runs_as_tasks) {
            // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it is set by the constructor
            return task_awaiter<Awaitable>(std::forward<Awaitable>(awaited), *state_);
        } else {
            return std::forward<Awaitable>(awaited);
        }
    }

    [[nodiscard]] bool wait_for_state(shared_state_base& awaited) {
        if (std::addressof(awaited) == state_) {
            throw_error<invalid_state_error>("a coroutine awaited its own future, so it would wait for ever");
        }
        return state_->wait_for(awaited);
    }

    // Whether the coroutine has an executor, and `executor` is another.
    template <class Executor>
    [[nodiscard]] bool is_abroad(const Executor& executor) const noexcept {
        return runs_as_tasks && !coroutine_start::runs(executor, *state_);
    }

    [[nodiscard]] coroutine_task& state() const noexcept { return *state_; }

protected:
    // Requires: `frame` is this promise's.
    template <class... Arguments>
    coroutine_promise_base(std::coroutine_handle<> frame, Arguments&... arguments)
        : state_(memory::construct([&](void* place) {
              if constexpr (executor_of_coroutine::exists) {
                  // Clang 16 leaves out the object of a lambda here.
                  constexpr std::size_t left_out = sizeof...(Parameters) - sizeof...(Arguments);
                  auto& executor = std::get<executor_of_coroutine::index - left_out>(std::tie(arguments...));
                  return coroutine_start::construct<state_type>(place, executor);
              } else {
                  return ::new (place) state_type(nullptr, false);
              }
          })) {
        state_->set_frame(frame);
    }
    ~coroutine_promise_base() = default;

    template <class... Value>
    void store(Value&&... value) {
        state_->result().emplace(std::forward<Value>(value)...);
        has_result_ = true;
    }

private:
    state_type* const state_;
    bool has_result_ = false;
};

template <class T, class... Parameters>
class coroutine_promise final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    template <class Value = T>
        requires std::is_constructible_v<T, Value>
    void return_value(Value&& value) {
        this->store(std::forward<Value>(value));
    }
};

template <class T, class... Parameters>
    requires std::is_reference_v<T>
class coroutine_promise<T, Parameters...> final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    void return_value(T value) { this->store(static_cast<T>(value)); }
};

template <class T, class... Parameters>
    requires std::is_void_v<T>
class coroutine_promise<T, Parameters...> final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    void return_void() noexcept {}
};

#if defined(__cpp_lib_jthread)
// How a coroutine gets the token of its own future.
class [[nodiscard]] stop_token_awaiter : public own_awaiter {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        static_assert(waits_by_itself<Promise>,
                      "co_await this_stop_token(): only a coroutine that returns a Future has such a token");
        token_ = frame.promise().state().stop_token();
        return false;
    }
    [[nodiscard]] std::stop_token await_resume() noexcept { return std::move(token_); }

private:
    std::stop_token token_;
};
#endif

}  // namespace detail

#if defined(__cpp_lib_jthread)
/// In a coroutine that returns a `Future`, `co_await this_stop_token()` gives the token that `request_stop()`
/// of the future signals. It doesn't suspend the coroutine.
///
/// \code
/// auto spins = [](futures::thread_pool_executor<>&) -> futures::Future<void> {
///     const std::stop_token stop = co_await futures::this_stop_token();
///     while (!stop.stop_requested()) {
///     }
/// };
/// auto future = spins(executor);
/// while (!future.running()) {
/// }
/// future.request_stop();
/// future.result();
/// \endcode
[[nodiscard]] inline auto this_stop_token() noexcept {
    return detail::stop_token_awaiter();
}
#endif

}}  // namespace concurrent::futures

/// A coroutine may return a `Future<T>`.
///
/// If an executor of your own runs it, `then(fn)` of its future needs the executor after the coroutine has
/// ended. So take the executor as an lvalue reference: after a coroutine that has taken it by value,
/// `then(fn)` fails with `executor_shutdown`, and `then(executor, fn)` names another.
template <class T, class... Parameters>
struct std::coroutine_traits<concurrent::futures::Future<T>, Parameters...> {
    /// What the compiler uses.
    using promise_type = concurrent::futures::detail::coroutine_promise<T, Parameters...>;
};
