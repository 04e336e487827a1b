// SPDX-License-Identifier: MIT

#include "faults.hpp"

#include <atomic>
#include <cstddef>

#include "failure.hpp"
#include "random_source.hpp"

#if defined(CAN_REPLACE_NEW)
#include "support/allocations.hpp"
#endif

namespace endurance {

namespace {

bool enabled = false;

}  // namespace

// Declared in faulty/, in the place of the library's own header.
bool next_thread_fails() noexcept {
    static std::atomic<std::uint64_t> asked{0};
    // Relaxed: orders nothing, so that ThreadSanitizer sees what the library orders.
    return enabled &&
           random_source(seed_of_this_run + asked.fetch_add(1, std::memory_order_relaxed)).one_in(4);
}

namespace faults {

void enable() noexcept {
    enabled = true;
}

bool of_threads() noexcept {
    return enabled;
}

#if defined(CAN_REPLACE_NEW)

bool of_allocations() noexcept {
    return enabled;
}

std::size_t exchange_failing_allocation(std::size_t number) noexcept {
    return tests::exchange_failing_allocation(number);
}

#else

bool of_allocations() noexcept {
    return false;
}

std::size_t exchange_failing_allocation(std::size_t) noexcept {
    return no_allocation;
}

#endif

}  // namespace faults
}  // namespace endurance
