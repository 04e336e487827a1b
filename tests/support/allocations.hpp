// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

// A program that is linked with allocations.cpp has a global operator new that counts, and fails where it is
// told to.

namespace tests {

// How many allocations the calling thread has made so far.
std::size_t allocations_of_this_thread() noexcept;

// How many allocations all threads have made so far.
std::size_t allocations_of_all_threads() noexcept;

// How many bytes they asked for.
std::size_t bytes_allocated_by_all_threads() noexcept;

// How many of the allocations of all threads have not been given back.
std::size_t live_allocations() noexcept;

// Has one allocation of the calling thread throw std::bad_alloc: the `number`th from now on, counted from 0;
// the greatest number there is stands for none. Returns which would have been next.
std::size_t exchange_failing_allocation(std::size_t number) noexcept;

// While this lives, one allocation of the thread that made it throws std::bad_alloc: the `number`th from now
// on, counted from 0.
class failing_allocation {
public:
    explicit failing_allocation(std::size_t number) noexcept;
    failing_allocation(const failing_allocation&) = delete;
    failing_allocation& operator=(const failing_allocation&) = delete;
    ~failing_allocation();

    // Whether it came to that allocation.
    bool has_failed() const noexcept;
};

}  // namespace tests
