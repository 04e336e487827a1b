// SPDX-License-Identifier: MIT

#pragma once

// In the place of the library's header of this name: the same, but that threads fail to start at random.

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

// The library's own, under another name. What it includes is included already.
#define sync synchronization_that_works
#include "../../../../../../include/concurrent/futures/sync/synchronization.hpp"
#undef sync

namespace endurance {

bool next_thread_fails() noexcept;

}  // namespace endurance

namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

using namespace synchronization_that_works;

class thread : public std::thread {
public:
    thread() = default;
    template <class Fn>
        requires(!std::same_as<std::remove_cvref_t<Fn>, thread>)
    explicit thread(Fn&& fn) : std::thread((throw_at_random(), std::forward<Fn>(fn))) {}

private:
    static void throw_at_random() {
        if (endurance::next_thread_fails()) {
            throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
        }
    }
};

}}}  // namespace concurrent::futures::detail::sync
