// SPDX-License-Identifier: MIT

#include "memory.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <new>
#include <utility>
#include <vector>

#include "checker/replaced_new.hpp"
#include "checker/reserve.hpp"
#include "costs.hpp"
#include "machine.hpp"

namespace simulation::memory {
namespace {

constexpr std::size_t capacity = std::size_t(1) << 31U;  // behind that are the stacks
constexpr std::size_t stack_size = std::size_t(1) << 22U;
constexpr std::size_t extent = capacity + most_threads * stack_size;

struct block {
    block* next;
};

// In front of each allocation, as in glibc.
struct header {
    std::size_t size;
};

// Blocks that one thread has deleted, by their size.
struct free_blocks {
    static constexpr std::size_t granularity = 16;
    static constexpr std::size_t most_sizes = 256;
    std::array<block*, most_sizes> by_size{};
};

std::byte* start = nullptr;
std::size_t used = 0;
bool is_open = false;
std::size_t owner = 0;
std::array<free_blocks, most_threads> deleted;

void prepare() {
    if (!start) {
        start = static_cast<std::byte*>(model::reserve(extent));
    }
}

// Where each allocation begins, in ascending order, and its size.
std::vector<std::pair<std::size_t, std::size_t>>& allocations() {
    static std::vector<std::pair<std::size_t, std::size_t>> all;
    return all;
}

std::map<std::size_t, std::string>& names() {
    static std::map<std::size_t, std::string> all;
    return all;
}

block** list_of(std::size_t size) {
    const std::size_t index = size / free_blocks::granularity;
    return index < free_blocks::most_sizes ? &deleted[owner].by_size[index] : nullptr;
}

void* allocate(std::size_t size, std::size_t alignment) {
    work(costs::allocation);
    // As glibc rounds: the header of the next allocation ends where its memory begins.
    const std::size_t rounded = std::max<std::size_t>((size + 8 + 15) / 16 * 16, 32) - sizeof(header);
    const bool is_plain = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    block** const list = is_plain ? list_of(rounded) : nullptr;
    if (list && *list) {
        return std::exchange(*list, (*list)->next);
    }
    const std::size_t at = (used + sizeof(header) + alignment - 1) / alignment * alignment;
    if (at + rounded > capacity) {
        fail("a scenario needs too much memory");
    }
    used = at + rounded;
    ::new (start + at - sizeof(header)) header{is_plain ? rounded : 0};
    const outside own;
    allocations().emplace_back(at, size);
    return start + at;
}

}  // namespace

std::span<std::byte> stack(std::size_t thread) {
    prepare();
    return {start + capacity + stack_size * thread, stack_size};
}

bool contains(const void* address) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const auto first = reinterpret_cast<std::uintptr_t>(start);
    return start && at >= first && at < first + capacity;
}

std::string name_of(const void* address) {
    if (!contains(address)) {
        return "on a stack, or static";
    }
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - start);
    const auto after =
        std::upper_bound(allocations().begin(), allocations().end(), std::pair(offset, SIZE_MAX));
    const std::size_t size = std::prev(after)->second;
    const auto named = names().find(size);
    return named != names().end() ? named->second : "allocation of " + std::to_string(size) + " bytes";
}

void name(std::size_t size, std::string name) {
    names()[size] = std::move(name);
}

void belongs_to(std::size_t thread) noexcept {
    owner = thread;
}

outside::outside() noexcept : was_open_(std::exchange(is_open, false)) {}
outside::~outside() {
    is_open = was_open_;
}

inside::inside() noexcept {
    is_open = true;
}
inside::~inside() {
    is_open = false;
}

}  // namespace simulation::memory

void* model::allocate_own(std::size_t size, std::size_t alignment) {
    return simulation::memory::is_open ? simulation::memory::allocate(size, alignment) : nullptr;
}

bool model::deallocate_own(void* memory) noexcept {
    using namespace simulation::memory;
    if (!contains(memory)) {
        return false;
    }
    auto* const at = static_cast<std::byte*>(memory);
    const std::size_t size = std::launder(reinterpret_cast<header*>(at - sizeof(header)))->size;
    block** const list = size != 0 ? list_of(size) : nullptr;
    if (list && is_open) {
        simulation::work(simulation::costs::allocation);
        *list = ::new (memory) block{*list};
    }
    return true;
}
