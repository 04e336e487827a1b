// SPDX-License-Identifier: MIT

#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>

namespace model {

// Zeros, of which only as many take memory as are used.
inline void* reserve(std::size_t size) noexcept {
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    return memory;
}

}  // namespace model
