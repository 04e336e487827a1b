// SPDX-License-Identifier: MIT

#pragma once

#include "costs.hpp"
#include "machine.hpp"

// What the scenarios know of the machine on which they run: here, the simulated one.
namespace simulation::environment {

using simulation::now;
using simulation::start_measuring;
using simulation::stop_measuring;
using simulation::work;

// The task's instructions, which the simulated machine does not see.
inline void spend(costs::nanoseconds instructions) noexcept {
    work(instructions);
}

}  // namespace simulation::environment
