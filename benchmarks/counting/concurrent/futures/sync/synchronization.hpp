// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

// Stands in the place of the library's own header: the same names, but atomics count how often a thread
// reads, modifies and writes one in one step. Locking a mutex counts as such a step too.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

// How many such steps the calling thread has made.
inline thread_local long read_modify_writes = 0;

template <class T>
class atomic : public std::atomic<T> {
    using base = std::atomic<T>;

public:
    using base::base;
    using base::operator=;

    template <class... Args>
    T exchange(Args... args) noexcept {
        ++read_modify_writes;
        return base::exchange(args...);
    }
    template <class... Args>
    bool compare_exchange_weak(T& expected, Args... args) noexcept {
        ++read_modify_writes;
        return base::compare_exchange_weak(expected, args...);
    }
    template <class... Args>
    bool compare_exchange_strong(T& expected, Args... args) noexcept {
        ++read_modify_writes;
        return base::compare_exchange_strong(expected, args...);
    }
    template <class... Args>
    T fetch_add(Args... args) noexcept {
        ++read_modify_writes;
        return base::fetch_add(args...);
    }
    template <class... Args>
    T fetch_sub(Args... args) noexcept {
        ++read_modify_writes;
        return base::fetch_sub(args...);
    }
    template <class... Args>
    T fetch_or(Args... args) noexcept {
        ++read_modify_writes;
        return base::fetch_or(args...);
    }
    template <class... Args>
    T fetch_and(Args... args) noexcept {
        ++read_modify_writes;
        return base::fetch_and(args...);
    }
};

class mutex : public std::mutex {
public:
    void lock() {
        ++read_modify_writes;
        std::mutex::lock();
    }
};

using condition_variable = std::condition_variable_any;
using std::thread;
using std::chrono::steady_clock;

namespace this_thread = std::this_thread;

inline void spin_pause() noexcept {}

}}}  // namespace concurrent::futures::detail::sync
