// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cache.hpp"

// The simulated machine: some cores, and threads that run on them, each a fiber with a clock of its own. At
// each access of an atomic, and wherever else threads can see each other, the thread with the smallest clock
// goes on. So what threads see of each other is in the order of the simulated time.
namespace simulation {

inline constexpr std::size_t most_threads = 256;

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// Prints what is wrong with the scenario, and ends the process.
[[noreturn]] void fail(const std::string& what);

// Runs `body` as the first thread, until it and all threads that it has started have ended.
void run(std::size_t cores, void (*body)());

[[nodiscard]] std::size_t cores() noexcept;

// The following functions are called by simulated threads. Outside of them, `is_simulated()` is false.

[[nodiscard]] bool is_simulated() noexcept;

// The calling thread accesses an atomic at `address`; its value may be used until the next call.
void use(const void* address, access kind, place where);
// Its constructor does so, and nobody else can see it yet.
void construct(const void* address, place where);

[[nodiscard]] std::int64_t now() noexcept;
// Does something that nobody sees, for so long.
void work(std::int64_t nanoseconds) noexcept;
void yield();
void sleep_until(std::int64_t time);

// The operating system interrupts each other core that runs a thread.
void interrupt_all() noexcept;

// The operating system's futex: a thread calls `enter_kernel`, compares the value at `address`, and sleeps if
// nobody has changed it; nothing happens between these steps. Returns false if `until` comes first.
void enter_kernel();
bool sleep_on(const void* address, std::int64_t until = never);
void wake(const void* address, std::size_t most);

// Threads have numbers, from 0.
std::size_t start_thread(void (*body)(void*), void* argument);
void join_thread(std::size_t number);
[[nodiscard]] std::size_t this_thread() noexcept;

// What was measured from `start_measuring` to `stop_measuring`.
struct measurement {
    std::int64_t nanoseconds = 0;
    std::vector<cache::statistics> lines;
};

void start_measuring();
void stop_measuring();
// The last one, after `run` too.
[[nodiscard]] const measurement& measured() noexcept;

}  // namespace simulation
