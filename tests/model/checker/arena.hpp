// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <span>

#include "timestamp.hpp"

// The memory that an execution allocates: all `operator new` of the program while an execution runs, but not
// in the checker itself. Nothing is used again before the execution is over, and what was deleted is filled
// with nonsense; so whoever uses something after its end is found, and an execution may be abandoned midway.
namespace model::arena {

// Before an execution: everything is free.
void reset() noexcept;
// From here on memory comes from here; not any more.
void open() noexcept;
void close() noexcept;

// Room for the stack of a thread.
constexpr std::size_t stack_size = std::size_t(1) << 20U;
[[nodiscard]] std::span<std::byte> stack(thread_number thread) noexcept;

// Where it is among all memory that executions use, stacks too; or beyond that.
constexpr std::size_t extent = (std::size_t(1) << 26U) + most_threads * stack_size;
[[nodiscard]] std::size_t offset(const void* address) noexcept;

// How many allocations were not deleted yet.
[[nodiscard]] std::size_t live() noexcept;

// Within its scope, memory comes from elsewhere.
class left {
public:
    left() noexcept;
    left(const left&) = delete;
    left& operator=(const left&) = delete;
    ~left();

private:
    bool was_open_;
};

}  // namespace model::arena
