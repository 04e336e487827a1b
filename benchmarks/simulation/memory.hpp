// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <span>
#include <string>

// The memory of the simulated threads: their stacks, and all `operator new` of theirs. Addresses within it
// are the same in each run. A thread's memory that was deleted is used again by the thread that deletes it,
// as in glibc.
namespace simulation::memory {

[[nodiscard]] std::span<std::byte> stack(std::size_t thread);

// Whether a simulated thread has allocated it.
[[nodiscard]] bool contains(const void* address) noexcept;

// What the object at `address` is part of.
[[nodiscard]] std::string name_of(const void* address);

// Names all allocations of `size` bytes.
void name(std::size_t size, std::string name);

// Called by the machine when `thread` goes on.
void belongs_to(std::size_t thread) noexcept;

// Within its scope, allocations are the simulator's own.
class outside {
public:
    outside() noexcept;
    outside(const outside&) = delete;
    outside& operator=(const outside&) = delete;
    ~outside();

private:
    bool was_open_;
};

// Within its scope, allocations are those of the simulated threads.
class inside {
public:
    inside() noexcept;
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;
    ~inside();
};

}  // namespace simulation::memory
