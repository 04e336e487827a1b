// SPDX-License-Identifier: MIT

#include "replaced_new.hpp"

#include <cstdlib>
#include <new>

namespace {

void* allocate(std::size_t size, std::size_t alignment) {
    if (void* const own = model::allocate_own(size, alignment)) {
        return own;
    }
    void* const memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
    if (!memory) {
        throw std::bad_alloc();
    }
    return memory;
}

void deallocate(void* memory) noexcept {
    if (!model::deallocate_own(memory)) {
        std::free(memory);
    }
}

}  // namespace

void* operator new(std::size_t size) {
    return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    deallocate(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    deallocate(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    deallocate(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    deallocate(memory);
}
