// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <limits>

#include "random_source.hpp"

// What fails at random: nothing, unless faults are enabled.
namespace endurance::faults {

// Called before there are other threads.
void enable() noexcept;

// Whether threads may fail to start; see faulty/.
bool of_threads() noexcept;

// Whether allocations may fail.
bool of_allocations() noexcept;

inline constexpr std::size_t no_allocation = std::numeric_limits<std::size_t>::max();

// Has the `number`th allocation of this thread, from now on and counted from 0, throw std::bad_alloc. Returns
// which would have been next.
std::size_t exchange_failing_allocation(std::size_t number) noexcept;

inline std::size_t some_allocation(random_source& random) {
    return of_allocations() && random.one_in(4) ? random.up_to(8) : no_allocation;
}

// While a thread calls the library: an allocation may fail.
class library_call {
public:
    explicit library_call(random_source& random)
        : before_(exchange_failing_allocation(some_allocation(random))) {}
    library_call(const library_call&) = delete;
    library_call& operator=(const library_call&) = delete;
    ~library_call() { exchange_failing_allocation(before_); }

private:
    const std::size_t before_;
};

// While the library has called back code of this program: none fails.
class own_work {
public:
    own_work() noexcept : before_(exchange_failing_allocation(no_allocation)) { ++depth_; }
    own_work(const own_work&) = delete;
    own_work& operator=(const own_work&) = delete;
    ~own_work() {
        --depth_;
        exchange_failing_allocation(before_);
    }

    // In what the library does on this thread afterwards, if it is the library's.
    void fail_afterwards(random_source& random) {
        if (depth_ == 1) {
            before_ = some_allocation(random);
        }
    }

private:
    static constinit inline thread_local int depth_ = 0;

    std::size_t before_;
};

}  // namespace endurance::faults
