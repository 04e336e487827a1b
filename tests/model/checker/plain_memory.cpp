// SPDX-License-Identifier: MIT

// What a compiler calls at each use of memory in code that it was told to prepare for ThreadSanitizer. That
// is not linked; these take its place, and tell the checker.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "operations.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

void __tsan_read1(void* at) {
    model::read_plain(at, 1);
}
void __tsan_write1(void* at) {
    model::write_plain(at, 1);
}
void __tsan_read2(void* at) {
    model::read_plain(at, 2);
}
void __tsan_write2(void* at) {
    model::write_plain(at, 2);
}
void __tsan_read4(void* at) {
    model::read_plain(at, 4);
}
void __tsan_write4(void* at) {
    model::write_plain(at, 4);
}
void __tsan_read8(void* at) {
    model::read_plain(at, 8);
}
void __tsan_write8(void* at) {
    model::write_plain(at, 8);
}
void __tsan_read16(void* at) {
    model::read_plain(at, 16);
}
void __tsan_write16(void* at) {
    model::write_plain(at, 16);
}
void __tsan_unaligned_read2(void* at) {
    model::read_plain(at, 2);
}
void __tsan_unaligned_write2(void* at) {
    model::write_plain(at, 2);
}
void __tsan_unaligned_read4(void* at) {
    model::read_plain(at, 4);
}
void __tsan_unaligned_write4(void* at) {
    model::write_plain(at, 4);
}
void __tsan_unaligned_read8(void* at) {
    model::read_plain(at, 8);
}
void __tsan_unaligned_write8(void* at) {
    model::write_plain(at, 8);
}
void __tsan_unaligned_read16(void* at) {
    model::read_plain(at, 16);
}
void __tsan_unaligned_write16(void* at) {
    model::write_plain(at, 16);
}
void __tsan_vptr_read(void** at) {
    model::read_plain(at, sizeof *at);
}
void __tsan_vptr_update(void** at, void* pointer) {
    // A destructor writes what is there already, which nobody can see.
    if (*at != pointer) {
        model::write_plain(at, sizeof *at);
    }
}
void __tsan_read_range(void* at, std::size_t size) {
    model::read_plain(at, size);
}
void __tsan_write_range(void* at, std::size_t size) {
    model::write_plain(at, size);
}

void* __tsan_memcpy(void* to, const void* from, std::size_t size) {
    model::read_plain(from, size);
    model::write_plain(to, size);
    return std::memcpy(to, from, size);
}
void* __tsan_memmove(void* to, const void* from, std::size_t size) {
    model::read_plain(from, size);
    model::write_plain(to, size);
    return std::memmove(to, from, size);
}
void* __tsan_memset(void* to, int byte, std::size_t size) {
    model::write_plain(to, size);
    return std::memset(to, byte, size);
}

void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
}

namespace {

template <class T>
T load(const volatile T* at) {
    model::use_foreign_atomic(const_cast<const T*>(at));
    return *at;
}

template <class T, class Change>
T modify(volatile T* at, Change change) {
    model::use_foreign_atomic(const_cast<const T*>(at));
    const T before = *at;
    *at = static_cast<T>(change(before));
    return before;
}

template <class T>
T compare_exchange_value(volatile T* at, T expected, T desired) {
    return modify(at, [=](T now) { return now == expected ? desired : now; });
}

template <class T>
bool compare_exchange(volatile T* at, T* expected, T desired) {
    const T before = compare_exchange_value(at, *expected, desired);
    const bool same = before == *expected;
    *expected = before;
    return same;
}

}  // namespace

// GCC calls the first two kinds of `compare_exchange`, and Clang the last.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define MODEL_FOREIGN_ATOMIC(bits, T)                                                                       \
    extern "C" T __tsan_atomic##bits##_load(const volatile T* at, int) {                                    \
        return load(at);                                                                                    \
    }                                                                                                       \
    extern "C" void __tsan_atomic##bits##_store(volatile T* at, T value, int) {                             \
        modify(at, [=](T) { return value; });                                                               \
    }                                                                                                       \
    extern "C" T __tsan_atomic##bits##_exchange(volatile T* at, T value, int) {                             \
        return modify(at, [=](T) { return value; });                                                        \
    }                                                                                                       \
    extern "C" T __tsan_atomic##bits##_fetch_add(volatile T* at, T value, int) {                            \
        return modify(at, [=](T before) { return before + value; });                                        \
    }                                                                                                       \
    extern "C" T __tsan_atomic##bits##_fetch_sub(volatile T* at, T value, int) {                            \
        return modify(at, [=](T before) { return before - value; });                                        \
    }                                                                                                       \
    extern "C" int __tsan_atomic##bits##_compare_exchange_strong(volatile T* at, T* expected, T desired,    \
                                                                 int, int) {                                \
        return compare_exchange(at, expected, desired);                                                     \
    }                                                                                                       \
    extern "C" int __tsan_atomic##bits##_compare_exchange_weak(volatile T* at, T* expected, T desired, int, \
                                                               int) {                                       \
        return compare_exchange(at, expected, desired);                                                     \
    }                                                                                                       \
    extern "C" T __tsan_atomic##bits##_compare_exchange_val(volatile T* at, T expected, T desired, int,     \
                                                            int) {                                          \
        return compare_exchange_value(at, expected, desired);                                               \
    }
MODEL_FOREIGN_ATOMIC(8, std::uint8_t)
MODEL_FOREIGN_ATOMIC(32, std::uint32_t)
MODEL_FOREIGN_ATOMIC(64, std::uint64_t)

// NOLINTEND(bugprone-reserved-identifier)
