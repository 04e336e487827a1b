// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>

// What each thing costs on the simulated machine, in nanoseconds. "Measured here" is the machine of
// docs/performance.md (AMD EPYC, Zen 5, a virtual machine with two processors), while other work ran on it.
// "Assumed" was neither measured nor looked up.
namespace simulation::costs {

using nanoseconds = std::int64_t;

// An access of a cache line that this core may use as it is. Given by the task.
inline constexpr nanoseconds hit = 1;

// One core gets a line from another core, or has the copies of the other cores thrown away. Published for a
// message from core to core, https://github.com/nviennot/core-to-core-latency: 47 to 51 ns for Intel Xeon of
// one socket, 46 for AWS Graviton, 107 to 115 ns for AMD EPYC across its chiplets. Measured here: 205 ns for
// a message by loads and stores, which is two transfers in this model, but also 200 ns by compare-exchanges,
// where the model has one. So 100 is the upper end of what the task allows, not what this machine has.
inline constexpr nanoseconds transfer = 100;

// The first access of a line by anyone. Assumed: a page fault of 0.25 µs for the 64 lines of a page.
inline constexpr nanoseconds first_touch = 4;

// What a read-modify-write, and a sequentially consistent store, takes in addition.
// Measured here: 5.8 ns with the access.
inline constexpr nanoseconds read_modify_write = 5;

// An instruction that tells the processor of spinning. Measured here: 20 ns.
inline constexpr nanoseconds spin_pause = 20;

// A look at the clock. Measured here.
inline constexpr nanoseconds clock_read = 27;

// sched_yield where no other thread wants the processor. Measured here: 1.3 µs. Assumed: a system call that
// does nothing else costs as much.
inline constexpr nanoseconds yield = 1'300;

// Another thread goes on where one has left its processor. Assumed.
inline constexpr nanoseconds context_switch = 1'500;

// A thread that is woken from a futex runs so much later; and what that costs the thread that wakes it.
// Given by the task. Measured here under load: 40 to 70 µs, and 8 to 32 µs for the waker.
inline constexpr nanoseconds wake_latency = 5'000;
inline constexpr nanoseconds wake_by_waker = 1'000;

// A new thread begins so much later; and what that costs the thread that starts it. The first is given
// by the task; measured here: 12 µs and 6.8 µs at best.
inline constexpr nanoseconds thread_latency = 30'000;
inline constexpr nanoseconds thread_by_starter = 7'000;

// Linux's membarrier, and what it takes from each other core that runs a thread of the process. Measured
// here: 0.5 µs where none does, and 0.7 to 3.7 µs where one does. The second is assumed.
inline constexpr nanoseconds membarrier = 2'000;
inline constexpr nanoseconds interrupt = 1'000;

// How long a thread keeps its processor if others wait for one. Assumed.
inline constexpr nanoseconds slice = 3'000'000;

// operator new and operator delete. Measured here for 136 bytes: 8.7 ns for both.
inline constexpr nanoseconds allocation = 5;

// A task's own instructions, beside its accesses of atomics and locks. Calibrated: on one core, where no line
// moves, burst, fib and skynet together are to take as long as on the real machine; see simulate.py.
inline constexpr nanoseconds instructions_of_a_task = 1;

}  // namespace simulation::costs
