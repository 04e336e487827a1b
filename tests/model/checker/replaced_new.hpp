// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

// A program that has simulated threads gives them memory of their own. With replaced_new.cpp, each of its
// `operator new` and `operator delete` asks these functions first. The program defines them.
namespace model {

// Returns null if the calling code is not that of a simulated thread: then the memory is the system's.
[[nodiscard]] void* allocate_own(std::size_t size, std::size_t alignment);

// Returns false if the memory is the system's.
bool deallocate_own(void* memory) noexcept;

}  // namespace model
