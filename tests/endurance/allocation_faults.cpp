#include "../support/allocations.hpp"
#include "faults.hpp"

namespace endurance::faults {

bool of_allocations() noexcept {
    return true;
}

std::size_t exchange_failing_allocation(std::size_t number) noexcept {
    return tests::exchange_failing_allocation(number);
}

}  // namespace endurance::faults
