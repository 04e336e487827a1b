// SPDX-License-Identifier: MIT

#pragma once

#include <array>        // std::array
#include <atomic>       // std::memory_order
#include <chrono>       // std::chrono
#include <cstddef>      // std::byte, std::size_t
#include <cstdint>      // std::int64_t, std::uint32_t
#include <mutex>        // std::unique_lock
#include <type_traits>  // std::decay_t
#include <utility>      // std::exchange, std::forward

#include "costs.hpp"
#include "machine.hpp"

// Stands in the place of the library's own header: the same names, but threads run on a simulated machine,
// where each access of an atomic or a lock takes simulated time.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

template <class T>
class atomic {
    using order = std::memory_order;
    using place = simulation::place;
    using access = simulation::access;
    static constexpr order strict = std::memory_order_seq_cst;

public:
    constexpr atomic(T initial = T(), place where = place::current()) noexcept : value_(initial) {
        if (!std::is_constant_evaluated()) {
            simulation::construct(this, where);
        }
    }
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    [[nodiscard]] T load(order = strict, place where = place::current()) const noexcept {
        simulation::use(this, access::read, where);
        return value_;
    }
    void store(T value, order by = strict, place where = place::current()) noexcept {
        simulation::use(this, by == strict ? access::read_modify_write : access::write, where);
        value_ = value;
    }
    T exchange(T value, order = strict, place where = place::current()) noexcept {
        return modify([value](T) { return value; }, where);
    }
    bool compare_exchange_weak(T& expected, T desired, order, order,
                               place where = place::current()) noexcept {
        simulation::use(this, access::read_modify_write, where);
        if (value_ == expected) {
            value_ = desired;
            return true;
        }
        expected = value_;
        return false;
    }
    bool compare_exchange_weak(T& expected, T desired, order by = strict,
                               place where = place::current()) noexcept {
        return compare_exchange_weak(expected, desired, by, by, where);
    }
    bool compare_exchange_strong(T& expected, T desired, order by = strict,
                                 place where = place::current()) noexcept {
        return compare_exchange_weak(expected, desired, by, by, where);
    }
    T fetch_add(T more, order = strict, place where = place::current()) noexcept {
        return modify([more](T newest) { return static_cast<T>(newest + more); }, where);
    }
    T fetch_sub(T less, order = strict, place where = place::current()) noexcept {
        return modify([less](T newest) { return static_cast<T>(newest - less); }, where);
    }
    T fetch_or(T bits, order = strict, place where = place::current()) noexcept {
        return modify([bits](T newest) { return static_cast<T>(newest | bits); }, where);
    }
    T fetch_and(T bits, order = strict, place where = place::current()) noexcept {
        return modify([bits](T newest) { return static_cast<T>(newest & bits); }, where);
    }

private:
    template <class Change>
    T modify(Change change, place where) noexcept {
        simulation::use(this, access::read_modify_write, where);
        return std::exchange(value_, change(value_));
    }

    T value_;
};

// Behaves as glibc's mutex does: a thread that finds it locked sleeps without spinning, and the thread that
// unlocks it wakes one sleeper. It has the size of glibc's.
class mutex {
public:
    constexpr mutex() = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    void lock(simulation::place where = simulation::place::current()) {
        std::uint32_t before = free;
        if (word_.compare_exchange_strong(before, locked, std::memory_order_acquire, where)) {
            return;
        }
        while (word_.exchange(contended, std::memory_order_acquire, where) != free) {
            simulation::enter_kernel();
            if (word_.load(std::memory_order_relaxed, where) == contended) {
                simulation::sleep_on(this);
            }
        }
    }
    void unlock(simulation::place where = simulation::place::current()) {
        if (word_.exchange(free, std::memory_order_release, where) == contended) {
            simulation::wake(this, 1);
        }
    }

private:
    static constexpr std::uint32_t free = 0;
    static constexpr std::uint32_t locked = 1;
    static constexpr std::uint32_t contended = 2;  // some thread may sleep

    atomic<std::uint32_t> word_{free};
    std::array<std::byte, 36> rest_{};
};

// The time of the calling thread.
struct steady_clock {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<steady_clock>;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept {
        simulation::work(simulation::costs::clock_read);
        return time_point(duration(simulation::now()));
    }
};

// By a number that each notification changes.
class condition_variable {
public:
    condition_variable() = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    template <class Ready>
    void wait(std::unique_lock<mutex>& lock, Ready ready) {
        while (!ready()) {
            wait_until(lock, simulation::never);
        }
    }
    template <class Ready>
    bool wait_until(std::unique_lock<mutex>& lock, steady_clock::time_point until, Ready ready) {
        while (!ready()) {
            if (!wait_until(lock, until.time_since_epoch().count())) {
                return ready();
            }
        }
        return true;
    }
    void notify_one() { notify(1); }
    void notify_all() { notify(simulation::most_threads); }

private:
    bool wait_until(std::unique_lock<mutex>& lock, std::int64_t until) {
        waiters_.fetch_add(1);
        const std::uint32_t before = notifications_.load();
        lock.unlock();
        simulation::enter_kernel();
        const bool woken = notifications_.load() != before || simulation::sleep_on(this, until);
        waiters_.fetch_sub(1);
        lock.lock();
        return woken;
    }
    void notify(std::size_t most) {
        if (waiters_.load() != 0) {
            notifications_.fetch_add(1);
            simulation::wake(this, most);
        }
    }

    atomic<std::uint32_t> waiters_{0};
    atomic<std::uint32_t> notifications_{0};
    std::array<std::byte, 40> rest_{};
};

class thread {
public:
    class id {
    public:
        id() = default;
        explicit id(std::size_t number) : number_(number) {}
        friend bool operator==(const id&, const id&) = default;

        [[nodiscard]] std::size_t number() const { return number_; }

    private:
        std::size_t number_ = simulation::most_threads;
    };

    thread() = default;
    template <class Body>
    explicit thread(Body&& body) {
        using callable = std::decay_t<Body>;
        const auto run = [](void* argument) {
            auto* const owned = static_cast<callable*>(argument);
            std::move (*owned)();
            delete owned;
        };
        id_ = id(simulation::start_thread(run, new callable(std::forward<Body>(body))));
    }
    thread(thread&& other) noexcept : id_(std::exchange(other.id_, id())) {}
    thread& operator=(thread&& other) noexcept {
        id_ = std::exchange(other.id_, id());
        return *this;
    }
    ~thread() = default;

    [[nodiscard]] id get_id() const noexcept { return id_; }
    [[nodiscard]] bool joinable() const noexcept { return id_ != id(); }
    void join() { simulation::join_thread(std::exchange(id_, id()).number()); }
    void detach() { id_ = id(); }

private:
    id id_;
};

namespace this_thread {

inline thread::id get_id() noexcept {
    return thread::id(simulation::this_thread());
}
inline void yield() noexcept {
    simulation::yield();
}
inline void sleep_for(std::chrono::nanoseconds duration) noexcept {
    simulation::sleep_until(simulation::now() + duration.count());
}

}  // namespace this_thread

inline void spin_pause() noexcept {
    simulation::work(simulation::costs::spin_pause);
}

}}}  // namespace concurrent::futures::detail::sync
