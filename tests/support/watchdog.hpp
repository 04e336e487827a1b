#pragma once

namespace tests {

// From now on, a process that runs for longer than the environment's CONCURRENT_FUTURES_TIME_LIMIT, in
// seconds, prints the stacks of all its threads and is aborted. Without that variable, nothing happens.
void start_watchdog();

}  // namespace tests
