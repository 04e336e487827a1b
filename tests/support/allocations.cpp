// SPDX-License-Identifier: MIT

#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace tests {

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

constinit thread_local std::size_t made_by_this_thread = 0;
constinit thread_local std::size_t left_before_failure = never;
constinit thread_local bool failed = false;
// Relaxed, as they order nothing: ThreadSanitizer must see what the library orders, and no more.
constinit std::atomic<std::size_t> made{0};
constinit std::atomic<std::size_t> bytes{0};
constinit std::atomic<std::size_t> given_back{0};

constexpr bool is_usual(std::size_t alignment) {
    return alignment <= alignof(std::max_align_t);
}

// Windows has functions of its own instead of std::aligned_alloc, as its std::free can't tell such memory.
#if defined(_WIN32)
void* allocate_aligned(std::size_t size, std::size_t alignment) {
    return _aligned_malloc(size, alignment);
}
void free_aligned(void* memory) {
    _aligned_free(memory);
}
#else
void* allocate_aligned(std::size_t size, std::size_t alignment) {
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void free_aligned(void* memory) {
    std::free(memory);
}
#endif

void* allocate(std::size_t size, std::size_t alignment) {
    if (left_before_failure != never && left_before_failure-- == 0) {
        left_before_failure = never;
        failed = true;
        throw std::bad_alloc();
    }
    void* const memory =
        is_usual(alignment) ? std::malloc(size == 0 ? 1 : size) : allocate_aligned(size, alignment);
    if (!memory) {
        throw std::bad_alloc();
    }
    ++made_by_this_thread;
    made.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
    return memory;
}

void* allocate_or_null(std::size_t size, std::size_t alignment) noexcept {
    try {
        return allocate(size, alignment);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void give_back(void* memory, std::size_t alignment) noexcept {
    if (memory) {
        given_back.fetch_add(1, std::memory_order_relaxed);
        is_usual(alignment) ? std::free(memory) : free_aligned(memory);
    }
}

}  // namespace

std::size_t allocations_of_this_thread() noexcept {
    return made_by_this_thread;
}
std::size_t allocations_of_all_threads() noexcept {
    return made;
}
std::size_t bytes_allocated_by_all_threads() noexcept {
    return bytes;
}
std::size_t live_allocations() noexcept {
    return made - given_back;
}

std::size_t exchange_failing_allocation(std::size_t number) noexcept {
    return std::exchange(left_before_failure, number);
}

failing_allocation::failing_allocation(std::size_t number) noexcept {
    left_before_failure = number;
    failed = false;
}
failing_allocation::~failing_allocation() {
    left_before_failure = never;
}
bool failing_allocation::has_failed() const noexcept {
    return failed;
}

}  // namespace tests

void* operator new(std::size_t size) {
    return tests::allocate(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
    return tests::allocate(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return tests::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return tests::allocate(size, static_cast<std::size_t>(alignment));
}
// The ones that don't throw do by default what is done here, but not under AddressSanitizer, which has its
// own.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return tests::allocate_or_null(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return tests::allocate_or_null(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return tests::allocate_or_null(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return tests::allocate_or_null(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete[](void* memory) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete(void* memory, std::size_t) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete[](void* memory, std::size_t) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete[](void* memory, std::align_val_t alignment) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete[](void* memory, std::size_t, std::align_val_t alignment) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
    tests::give_back(memory, alignof(std::max_align_t));
}
void operator delete(void* memory, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
void operator delete[](void* memory, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    tests::give_back(memory, static_cast<std::size_t>(alignment));
}
