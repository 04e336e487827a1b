// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>

namespace tests {

// Says what the process does from now on, for the watchdog to print. The text has to last.
void set_watched(const char* description);

// From now on, a process that runs for longer than the environment's CONCURRENT_FUTURES_TIME_LIMIT, in
// seconds, prints the stacks of all its threads and is aborted. Without that variable, nothing happens.
void start_watchdog();

// The same, with that limit.
void start_watchdog(std::chrono::seconds limit);

}  // namespace tests
