// SPDX-License-Identifier: MIT

// The memory of tasks that have ended is used for the next tasks.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>  // mallinfo2
#endif

#include "support/catch.hpp"

namespace {

namespace futures = concurrent::futures;
using futures::detail::block_cache;

constexpr std::size_t block_size = 96;

std::vector<void*> allocate_blocks(std::size_t count, std::size_t size = block_size) {
    std::vector<void*> blocks(count);
    for (void*& each : blocks) {
        each = block_cache::allocate(size);
        std::memset(each, 0xA5, size);  // also for sanitizers and valgrind: all of it may be used
    }
    return blocks;
}

void free_blocks(const std::vector<void*>& blocks, std::size_t size = block_size) {
    for (void* const each : blocks) {
        block_cache::deallocate(each, size);
    }
}

std::size_t in_both(const std::vector<void*>& some, const std::vector<void*>& others) {
    const std::set<void*> known(some.begin(), some.end());
    return static_cast<std::size_t>(
        std::count_if(others.begin(), others.end(), [&](void* each) { return known.contains(each); }));
}

}  // namespace

TEST_CASE("no two blocks in use are the same, and each is aligned for every type") {
    for (std::size_t size = block_cache::smallest_block; size <= block_cache::largest_block; size += 5) {
        std::set<void*> blocks;
        for (int index = 0; index != 100; ++index) {
            void* const block = block_cache::allocate(size);
            CHECK(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0);
            std::memset(block, 0x5A, size);
            CHECK(blocks.insert(block).second);
        }
        for (void* const each : blocks) {
            block_cache::deallocate(each, size);
        }
    }
}

TEST_CASE("a thread uses the blocks again that it has freed, whichever thread allocated them") {
    if (!futures::detail::has_standard_operator_new()) {
        return;  // then each block goes back at once, and may or may not be given out again
    }
    constexpr std::size_t size = 24;                                     // no task is so small
    free_blocks(allocate_blocks((std::size_t{32} << 20) / block_size));  // more than is kept
    const auto blocks = allocate_blocks(1000, size);
    std::vector<void*> again;
    std::thread other([&] {
        free_blocks(blocks, size);
        again = allocate_blocks(1000, size);
    });
    other.join();
    CHECK(in_both(blocks, again) == 1000);
    free_blocks(again, size);
}

TEST_CASE("a thread that ends leaves its blocks to others") {
    if (!futures::detail::has_standard_operator_new()) {
        return;
    }
    const auto blocks = allocate_blocks(320);
    std::thread([&] { free_blocks(blocks); }).join();
    const auto again = allocate_blocks(320);
    CHECK(in_both(blocks, again) >= 32);  // what was in its last, partly filled list went back
    free_blocks(again);
}

TEST_CASE("blocks that threads free for each other stay whole") {
    constexpr std::size_t rounds = 200;
    std::array<std::vector<void*>, 4> handed_over;
    for (auto& each : handed_over) {
        each = allocate_blocks(100);
    }
    for (std::size_t round = 0; round != rounds / 10; ++round) {
        std::vector<std::thread> threads;
        for (std::size_t index = 0; index != handed_over.size(); ++index) {
            threads.emplace_back([&, index] {
                for (std::size_t time = 0; time != 10; ++time) {
                    free_blocks(handed_over[index]);
                    handed_over[index] = allocate_blocks(100);
                }
            });
        }
        for (std::thread& each : threads) {
            each.join();
        }
        std::rotate(handed_over.begin(), std::next(handed_over.begin()), handed_over.end());
        std::set<void*> all;
        for (const auto& each : handed_over) {
            all.insert(each.begin(), each.end());
        }
        CHECK(all.size() == 400);
    }
    for (const auto& each : handed_over) {
        free_blocks(each);
    }
}

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
TEST_CASE("no more than 16 MiB are kept") {
    if (!futures::detail::has_standard_operator_new()) {
        return;
    }
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    constexpr std::size_t count = 64 * mebibyte / block_size;
    const std::size_t before = mallinfo2().uordblks;
    free_blocks(allocate_blocks(count));
    const std::size_t after = mallinfo2().uordblks;
    CHECK(after <= before + 18 * mebibyte);  // each block costs a little more
    free_blocks(allocate_blocks(count));
    CHECK(mallinfo2().uordblks <= after + mebibyte);
}
#endif
#endif

TEST_CASE("a destructor of a thread_local object may still free blocks") {
    struct frees_at_end {
        std::vector<void*> blocks;
        frees_at_end() = default;
        frees_at_end(const frees_at_end&) = delete;
        frees_at_end& operator=(const frees_at_end&) = delete;
        ~frees_at_end() {
            free_blocks(blocks);
            free_blocks(allocate_blocks(100));
        }
    };
    std::thread([] {
        thread_local frees_at_end
            at_end;  // made before the thread's first block, so destroyed after its lists
        at_end.blocks = allocate_blocks(100);
    }).join();
    const auto blocks = allocate_blocks(100);
    CHECK(blocks.size() == 100);
    free_blocks(blocks);
}

TEST_CASE("tasks whose captures are large or over-aligned are allocated as they need") {
    struct alignas(128) aligned {
        int value = 1;
    };
    futures::thread_pool_executor executor(1);
    const auto is_aligned = [](const aligned& object) {
        return reinterpret_cast<std::uintptr_t>(&object) % alignof(aligned) == 0;
    };
    CHECK(executor.submit([object = aligned(), is_aligned] { return is_aligned(object); }).result());
    CHECK(executor.submit([object = std::array<char, 5000>()] { return object.size(); }).result() == 5000);
}
