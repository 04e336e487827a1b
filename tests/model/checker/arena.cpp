// SPDX-License-Identifier: MIT

#include "arena.hpp"

#include <cstring>
#include <new>

#include "failure.hpp"
#include "operations.hpp"
#include "replaced_new.hpp"
#include "reserve.hpp"

namespace model::arena {
namespace {

constexpr std::size_t capacity = std::size_t(1) << 26U;  // behind that are the stacks

// In front of each allocation.
struct header {
    std::size_t size;
    bool deleted;
};

std::byte* start = nullptr;
std::size_t used = 0;
std::size_t live_count = 0;
bool is_open = false;

void* allocate(std::size_t size, std::size_t alignment) {
    const std::size_t at = (used + sizeof(header) + alignment - 1) / alignment * alignment;
    if (at + size > capacity) {
        fail("an execution needs too much memory");
    }
    used = at + size;
    ++live_count;
    ::new (start + at - sizeof(header)) header{size, false};
    return start + at;
}

}  // namespace

std::span<std::byte> stack(thread_number thread) noexcept {
    if (!start) {
        start = static_cast<std::byte*>(reserve(extent));
    }
    return {start + capacity + stack_size * thread, stack_size};
}

std::size_t offset(const void* address) noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(address) - start);
}

void reset() noexcept {
    used = 0;
    live_count = 0;
}

void open() noexcept {
    is_open = true;
}

void close() noexcept {
    is_open = false;
}

std::size_t live() noexcept {
    return live_count;
}

left::left() noexcept : was_open_(is_open) {
    is_open = false;
}
left::~left() {
    is_open = was_open_;
}

}  // namespace model::arena

void* model::allocate_own(std::size_t size, std::size_t alignment) {
    return arena::is_open ? arena::allocate(size, alignment) : nullptr;
}

bool model::deallocate_own(void* memory) noexcept {
    auto* const at = static_cast<std::byte*>(memory);
    if (!arena::start || at < arena::start || at >= arena::start + arena::capacity) {
        return false;
    }
    auto& head = *std::launder(reinterpret_cast<arena::header*>(at - sizeof(arena::header)));
    if (head.deleted) {
        fail("use after destruction: memory is deleted twice");
    }
    head.deleted = true;
    --arena::live_count;
    delete_plain(memory, head.size);
    std::memset(memory, 0xDD, head.size);
    return true;
}
