// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t
#include <new>      // operator new, operator delete
#include <utility>  // std::exchange

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/platform/operator_new.hpp>
#include <concurrent/futures/sync/spin_lock.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The memory of tasks that have ended, for the next tasks. A task is often allocated by one thread and freed
// by another, which general allocators do slowly. Each thread keeps blocks of some sizes in two lists, of
// which at most one is in use. Full lists go to a depot that all threads share, and come from there; so a
// thread takes the depot's lock once for many blocks. (The two lists are Bonwick and Adams's magazines,
// "Magazines and Vmem", USENIX 2001.)
//
// Every block is one of `operator new` and goes back to `operator delete` by itself. Where a program has an
// `operator new` of its own, nothing is kept.
//
// No function waits: where the depot's lock is taken, also for ever in the child of a fork, the depot is left
// alone.
class block_cache {
public:
    static constexpr std::size_t smallest_block = 16;
    static constexpr std::size_t largest_block = 248;

    // Requires, for both: `size` is at least `smallest_block` and at most `largest_block`.

    [[nodiscard]] static void* allocate(std::size_t size) {
        magazine& loaded = here_.loaded[index_of(size)];
        if (block* const taken = loaded.first) {
            loaded.first = taken->next;
            --loaded.count;
            return taken;
        }
        return allocate_slowly(index_of(size));
    }

    static void deallocate(void* memory, std::size_t size) noexcept {
        magazine& loaded = here_.loaded[index_of(size)];
        if (loaded.count == here_.capacity) {
            deallocate_slowly(memory, index_of(size));
        } else {
            put(memory, loaded);
        }
    }

private:
    // Most allocators add 8 bytes to a block, and round it up to a multiple of 16.
    static constexpr std::size_t granularity = 16;
    static constexpr std::size_t overhead = 8;
    static constexpr std::size_t sizes = (largest_block + overhead - 1) / granularity + 1;
    static constexpr std::size_t magazine_size = 32;
    // The depot keeps so many bytes at most.
    static constexpr std::size_t kept = std::size_t{16} << 20;

    struct block {
        block* next;
        block* next_full;  // of the first block of a full magazine in the depot
    };

    struct magazine {
        block* first;
        std::size_t count;
    };

    // What a thread keeps. All is zero until the thread's first slow step; and after its last, as its
    // destructors may still free tasks.
    struct thread_blocks {
        std::size_t capacity;  // of a magazine
        bool is_known;         // whether the thread keeps blocks
        magazine loaded[sizes];
        block* full[sizes];
    };

    // The full magazines of one size. The list can be read without the lock, as a hint.
    struct depot {
        spin_lock lock;
        sync::atomic<block*> full;  // written under `lock`
    };

    // Gives the thread's blocks away when the thread ends.
    struct end_of_thread {
        end_of_thread() = default;
        end_of_thread(const end_of_thread&) = delete;
        end_of_thread& operator=(const end_of_thread&) = delete;
        [[gnu::cold]] ~end_of_thread();
    };

    static void put(void* memory, magazine& loaded) noexcept {
        ++loaded.count;
        loaded.first = ::new (memory) block{loaded.first, nullptr};
    }

    static constexpr std::size_t index_of(std::size_t size) noexcept {
        return (size + overhead - 1) / granularity;
    }
    static constexpr std::size_t size_of(std::size_t index) noexcept {
        return (index + 1) * granularity - overhead;
    }

    // Decides, once, whether this thread keeps blocks.
    [[gnu::noinline]] static void prepare_thread() noexcept {
        if (!std::exchange(here_.is_known, true)) {
            static const bool keeps = has_standard_operator_new();
            if (keeps) {
                static thread_local end_of_thread end;
                static_cast<void>(end);
                here_.capacity = magazine_size;
            }
        }
    }

    static void* allocate_slowly(std::size_t index);

    static void deallocate_slowly(void* memory, std::size_t index) noexcept;

    [[nodiscard]] static constexpr std::size_t bytes_of_full(std::size_t index) noexcept {
        return magazine_size * size_of(index);
    }

    // Relaxed, for all atomics here: the lock orders what is in the list, and a wrong hint costs little.

    static void add_full(std::size_t index, block* full) noexcept;

    // Frees magazines of sizes other than `index` as long as the depot has more than it keeps. A program may
    // need other sizes now than before. Returns whether that suffices.
    [[nodiscard]] static bool make_room(std::size_t index) noexcept;

    // Returns a full magazine, if there is one.
    static block* take_full(std::size_t index) noexcept;

    static void free_all(block* first) noexcept;

    // One for all shared libraries.
    [[gnu::visibility("default")]] static constinit inline thread_local thread_blocks here_ = {};
    [[gnu::visibility("default")]] static constinit inline depot depots_[sizes] = {};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> kept_bytes_{0};
};

// The base of objects that are allocated from the `block_cache`, unless they are large or over-aligned.
// Requires: they are no smaller than `block_cache::smallest_block`.
class cached_memory {
public:
    [[nodiscard]] static void* operator new(std::size_t size) {
        return size <= block_cache::largest_block ? block_cache::allocate(size) : ::operator new(size);
    }
    static void operator delete(void* memory, std::size_t size) noexcept {
        if (size <= block_cache::largest_block) {
            block_cache::deallocate(memory, size);
        } else {
            ::operator delete(memory);
        }
    }

    [[nodiscard]] static void* operator new(std::size_t size, std::align_val_t alignment) {
        return ::operator new(size, alignment);
    }
    static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }

protected:
    cached_memory() = default;
    ~cached_memory() = default;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION block_cache::end_of_thread::~end_of_thread() {
    here_.capacity = 0;
    for (std::size_t index = 0; index != sizes; ++index) {
        free_all(std::exchange(here_.loaded[index], magazine()).first);
        if (block* const full = std::exchange(here_.full[index], nullptr)) {
            add_full(index, full);
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void* block_cache::allocate_slowly(std::size_t index) {
    prepare_thread();
    if (here_.capacity != 0) {
        block* full = std::exchange(here_.full[index], nullptr);
        if (!full) {
            full = take_full(index);
        }
        if (full) {
            here_.loaded[index] = {full->next, magazine_size - 1};
            return full;
        }
    }
    return ::operator new(size_of(index));
}

CONCURRENT_FUTURES_FUNCTION void block_cache::deallocate_slowly(void* memory, std::size_t index) noexcept {
    prepare_thread();
    if (here_.capacity == 0) {
        ::operator delete(memory);
        return;
    }
    magazine& loaded = here_.loaded[index];
    if (loaded.count == here_.capacity) {
        if (block* const full = std::exchange(here_.full[index], loaded.first)) {
            add_full(index, full);
        }
        loaded = magazine();
    }
    put(memory, loaded);
}

CONCURRENT_FUTURES_FUNCTION void block_cache::add_full(std::size_t index, block* full) noexcept {
    const std::size_t bytes = bytes_of_full(index);
    kept_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (make_room(index)) {
        depot& shared = depots_[index];
        if (shared.lock.try_lock()) {
            full->next_full = shared.full.load(std::memory_order_relaxed);
            shared.full.store(full, std::memory_order_relaxed);
            shared.lock.unlock();
            return;
        }
    }
    kept_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    free_all(full);
}

CONCURRENT_FUTURES_FUNCTION bool block_cache::make_room(std::size_t index) noexcept {
    std::size_t others = 1;
    while (kept_bytes_.load(std::memory_order_relaxed) > kept && others != sizes) {
        if (block* const full = take_full((index + others) % sizes)) {
            free_all(full);
        } else {
            ++others;
        }
    }
    return kept_bytes_.load(std::memory_order_relaxed) <= kept;
}

CONCURRENT_FUTURES_FUNCTION block_cache::block* block_cache::take_full(std::size_t index) noexcept {
    depot& shared = depots_[index];
    if (!shared.full.load(std::memory_order_relaxed)) {
        return nullptr;
    }
    if (!shared.lock.try_lock()) {
        return nullptr;
    }
    block* const taken = shared.full.load(std::memory_order_relaxed);
    if (taken) {
        shared.full.store(taken->next_full, std::memory_order_relaxed);
        kept_bytes_.fetch_sub(bytes_of_full(index), std::memory_order_relaxed);
    }
    shared.lock.unlock();
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void block_cache::free_all(block* first) noexcept {
    while (first) {
        ::operator delete(std::exchange(first, first->next));
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
