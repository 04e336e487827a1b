// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>        // std::memory_order
#include <bit>           // std::bit_cast
#include <chrono>        // std::chrono
#include <compare>       // std::strong_ordering
#include <cstdint>       // std::uint64_t
#include <cstring>       // std::memcpy
#include <mutex>         // std::unique_lock
#include <optional>      // std::optional
#include <system_error>  // std::system_error
#include <type_traits>   // std::is_trivially_copyable_v
#include <utility>       // std::exchange, std::forward

#include "checker/failure.hpp"
#include "checker/operations.hpp"

// Stands in the place of the library's own header: the same names, but the checker decides which thread goes
// on and which of its values an atomic shows.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

// What is known to the checker by a number. What was made outside an execution, as a static variable is, is
// new in each.
template <auto add, auto remove>
class object {
public:
    object(const object&) = delete;
    object& operator=(const object&) = delete;

protected:
    template <class... Initial>
    constexpr explicit object(Initial... initial) {
        if (!std::is_constant_evaluated() && model::in_execution()) {
            lifetime_ = of_an_execution;
            number_ = add(this, initial...);
        }
    }
    constexpr ~object() {
        if (!std::is_constant_evaluated() && lifetime_ != of_the_program && model::in_execution()) {
            remove({number_, this});
        }
    }

    template <class... Initial>
    model::object_id id(Initial... initial) const {
        if (lifetime_ == of_the_program && execution_ != model::execution_number()) {
            execution_ = model::execution_number();
            number_ = add(this, initial...);
        }
        return {number_, this};
    }

private:
    // Values that memory which was used for something else won't have.
    static constexpr std::uint64_t of_the_program = 0x7A1B5C3D9E2F4860;
    static constexpr std::uint64_t of_an_execution = ~of_the_program;

    std::uint64_t lifetime_ = of_the_program;
    mutable std::uint32_t number_ = model::outside_execution;
    mutable std::uint64_t execution_ = 0;
};

template <class T>
constexpr std::uint64_t as_bits(T value) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return std::is_constant_evaluated() ? 0 : reinterpret_cast<std::uintptr_t>(value);
    } else {
        return static_cast<std::uint64_t>(value);
    }
}

template <class T>
T from_bits(std::uint64_t bits) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<T>(static_cast<std::uintptr_t>(bits));
    } else {
        return static_cast<T>(bits);
    }
}

template <class T>
class atomic : private object<&model::add_atomic, &model::remove_atomic> {
    using order = std::memory_order;
    using place = model::place;
    using base = object<&model::add_atomic, &model::remove_atomic>;
    static constexpr order strict = std::memory_order_seq_cst;

public:
    constexpr atomic(T initial = T()) : base(as_bits(initial)), outside_(initial) {}

    [[nodiscard]] T load(order by = strict, place where = place::current()) const noexcept {
        return model::in_execution() ? from_bits<T>(model::load(self(), by, where)) : outside_;
    }
    void store(T value, order by = strict, place where = place::current()) noexcept {
        if (model::in_execution()) {
            model::store(self(), as_bits(value), by, where);
        } else {
            outside_ = value;
        }
    }
    T exchange(T value, order by = strict, place where = place::current()) noexcept {
        return modify([value](T) { return value; }, by, where);
    }
    bool compare_exchange_weak(T& expected, T desired, order success, order failure,
                               place where = place::current()) noexcept {
        const T wanted = expected;
        const auto change = [=](T newest) {
            return newest == wanted ? std::optional(desired) : std::nullopt;
        };
        const T before = modify(change, success, where, failure);
        if (before == wanted) {
            return true;  // `expected` is left alone: another thread may have it by now
        }
        expected = before;
        return false;
    }
    bool compare_exchange_weak(T& expected, T desired, order by = strict,
                               place where = place::current()) noexcept {
        return compare_exchange_weak(expected, desired, by, by_failure(by), where);
    }
    bool compare_exchange_strong(T& expected, T desired, order by = strict,
                                 place where = place::current()) noexcept {
        return compare_exchange_weak(expected, desired, by, by_failure(by), where);
    }
    T fetch_add(T more, order by = strict, place where = place::current()) noexcept {
        return modify([more](T newest) { return static_cast<T>(newest + more); }, by, where);
    }
    T fetch_sub(T less, order by = strict, place where = place::current()) noexcept {
        return modify([less](T newest) { return static_cast<T>(newest - less); }, by, where);
    }
    T fetch_or(T bits, order by = strict, place where = place::current()) noexcept {
        return modify([bits](T newest) { return static_cast<T>(newest | bits); }, by, where);
    }
    T fetch_and(T bits, order by = strict, place where = place::current()) noexcept {
        return modify([bits](T newest) { return static_cast<T>(newest & bits); }, by, where);
    }

private:
    template <class Change>
    class change_bits final : public model::modification {
    public:
        explicit change_bits(const Change& change) : change_(change) {}
        std::optional<std::uint64_t> apply(std::uint64_t newest) const override {
            const std::optional<T> changed = change_(from_bits<T>(newest));
            return changed ? std::optional(as_bits(*changed)) : std::nullopt;
        }

    private:
        const Change& change_;
    };

    static constexpr order by_failure(order by) noexcept {
        return by == std::memory_order_acq_rel   ? std::memory_order_acquire
               : by == std::memory_order_release ? std::memory_order_relaxed
                                                 : by;
    }

    template <class Change>
    T modify(const Change& change, order success, place where, order failure = std::memory_order_relaxed) {
        if (model::in_execution()) {
            return from_bits<T>(model::modify(self(), success, failure, change_bits<Change>(change), where));
        }
        const T before = outside_;
        outside_ = std::optional<T>(change(before)).value_or(before);
        return before;
    }

    model::object_id self() const { return id(as_bits(outside_)); }

    T outside_;  // its first value, or its only one outside an execution
};

class mutex : private object<&model::add_mutex, &model::remove_mutex> {
public:
    void lock() {
        if (model::in_execution()) {
            model::lock(id());
        }
    }
    void unlock() {
        if (model::in_execution()) {
            model::unlock(id());
        }
    }

private:
    friend class condition_variable;
};

// Goes on from step to step of what threads do, and when a wait's time is up.
struct steady_clock {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<steady_clock>;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept {
        return time_point(duration(model::in_execution() ? model::now() : 0));
    }
};

// Doesn't wake spuriously: all that wait here look again whether they should go on.
class condition_variable : private object<&model::add_condition, &model::remove_condition> {
public:
    template <class Ready>
    void wait(std::unique_lock<mutex>& lock, Ready ready) {
        while (!ready()) {
            model::wait(id(), lock.mutex()->id(), std::nullopt);
        }
    }
    template <class Ready>
    bool wait_until(std::unique_lock<mutex>& lock, steady_clock::time_point until, Ready ready) {
        while (!ready()) {
            if (!model::wait(id(), lock.mutex()->id(), until.time_since_epoch().count())) {
                return ready();
            }
        }
        return true;
    }
    void notify_one() { model::notify(id(), false); }
    void notify_all() { model::notify(id(), true); }
};

class thread {
public:
    class id {
    public:
        id() = default;
        id(std::uint64_t execution, model::thread_number number) : execution_(execution), number_(number) {}
        friend bool operator==(const id&, const id&) = default;

        [[nodiscard]] bool is_of_this_execution() const {
            return model::in_execution() && execution_ == model::execution_number();
        }
        [[nodiscard]] model::thread_number number() const { return number_; }

    private:
        std::uint64_t execution_ = 0;
        model::thread_number number_ = 0;
    };

    thread() = default;
    template <class Body>
    explicit thread(Body&& body) {
        if (model::start_fails()) {
            throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
        }
        using callable = std::decay_t<Body>;
        const auto run = [](void* argument) {
            auto* const owned = static_cast<callable*>(argument);
            std::move (*owned)();
            delete owned;
        };
        id_ = id(model::execution_number(), model::start_thread(run, new callable(std::forward<Body>(body))));
    }
    thread(thread&& other) noexcept : id_(std::exchange(other.id_, id())) {}
    thread& operator=(thread&& other) noexcept {
        must_not_run();
        id_ = std::exchange(other.id_, id());
        return *this;
    }
    ~thread() { must_not_run(); }

    [[nodiscard]] id get_id() const noexcept { return id_; }
    [[nodiscard]] bool joinable() const noexcept { return id_ != id(); }
    // No execution ends before all its threads have.
    void join() {
        if (id_.is_of_this_execution()) {
            model::join_thread(id_.number());
        }
        id_ = id();
    }
    void detach() { id_ = id(); }

private:
    // The standard's ends the process.
    void must_not_run() const noexcept {
        if (id_.is_of_this_execution()) {
            model::fail("a thread is destroyed that was neither joined nor detached");
        }
    }

    id id_;
};

namespace this_thread {

inline thread::id get_id() noexcept {
    return model::in_execution() ? thread::id(model::execution_number(), model::current_thread())
                                 : thread::id();
}
inline void yield() noexcept {
    model::pause();
}
inline void sleep_for(std::chrono::nanoseconds duration) noexcept {
    model::pause(duration.count());
}

}  // namespace this_thread

inline void spin_pause() noexcept {
    model::pause();
}

}}}  // namespace concurrent::futures::detail::sync
