#include "faults.hpp"

namespace endurance::faults {

bool of_allocations() noexcept {
    return false;
}

std::size_t exchange_failing_allocation(std::size_t) noexcept {
    return no_allocation;
}

}  // namespace endurance::faults
