// SPDX-License-Identifier: MIT

#pragma once

// Everything that asks the operating system, with what happens on systems that cannot be asked.
//
// A function that is `gnu::cold` is compiled to be small. GCC takes every function for cold, too, that is
// sure to call a cold one, and so on up to the user's. So nothing is cold that users, or the loop of a
// worker, are sure to reach: it is `gnu::noinline` at most.

#include <array>        // std::array
#include <bit>          // std::popcount
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <limits>       // std::numeric_limits
#include <new>          // std::nothrow
#include <string_view>  // std::string_view
#include <thread>       // std::thread::hardware_concurrency

#include <concurrent/futures/platform/cpu_quota.hpp>
#include <concurrent/futures/platform/definitions.hpp>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>  // pthread_setname_np, pthread_atfork
#include <unistd.h>   // getpid
#endif
#if defined(__linux__)
#include <sched.h>  // sched_getaffinity
#endif

namespace concurrent::futures { inline namespace v0_1 {

#if defined(_WIN32)
// What <windows.h> declares, without its macros: min, max, and thousands of other names.
namespace detail::windows {

#if defined(_WIN64)
using cpu_mask = unsigned long long;
#else
using cpu_mask = unsigned long;
#endif

extern "C" {
__declspec(dllimport) void* __stdcall GetCurrentProcess();
__declspec(dllimport) void* __stdcall GetCurrentThread();
__declspec(dllimport) int __stdcall GetProcessAffinityMask(void*, cpu_mask*, cpu_mask*);
__declspec(dllimport) int __stdcall MultiByteToWideChar(unsigned, unsigned long, const char*, int, wchar_t*,
                                                        int);
__declspec(dllimport) long __stdcall SetThreadDescription(void*, const wchar_t*);
}

}  // namespace detail::windows
#endif

namespace detail {

// Like `usable_cpus`, with the quota that is found in `root_directory`.
int count_usable_cpus(std::string_view root_directory) noexcept;

#if defined(__linux__)
// Counts the CPUs in the affinity mask that `ask` fills in. `ask(words, size)` gets an array of zeros and its
// size in bytes; it returns false if the array has no room for all CPUs that the machine may have. Returns 0
// if room for a million CPUs is not enough, or if there is no memory left.
template <class Ask>
int count_allowed_cpus(Ask ask) noexcept {
    constexpr std::size_t most_cpus = std::size_t{1} << 20;
    constexpr std::size_t cpus_in_word = std::numeric_limits<unsigned long>::digits;
    for (std::size_t cpus = 1024; cpus <= most_cpus; cpus *= 2) {
        const std::size_t size = cpus / cpus_in_word;
        unsigned long* const words = new (std::nothrow) unsigned long[size]();
        if (!words) {
            return 0;
        }
        const bool has_room = ask(words, size * sizeof(unsigned long));
        int count = 0;
        for (std::size_t index = 0; has_room && index < size; ++index) {
            count += std::popcount(words[index]);
        }
        delete[] words;
        if (has_room) {
            return count;
        }
    }
    return 0;
}
#endif

#if defined(CONCURRENT_FUTURES_DEFINES)

// Returns how many CPUs are in the affinity mask of this process, or how many the machine has where the
// operating system doesn't tell; at least 1.
inline int count_cpus_of_process() noexcept {
#if defined(__linux__)
    // The mask of the process, not of the calling thread, which may be pinned to one CPU.
    const int allowed = count_allowed_cpus([](unsigned long* words, std::size_t size) {
        return sched_getaffinity(getpid(), size, reinterpret_cast<cpu_set_t*>(words)) == 0;
    });
    if (allowed > 0) {
        return allowed;
    }
#elif defined(_WIN32)
    // Windows reports the CPUs of one group, at most 64. If the mask forbids none, there may be more.
    windows::cpu_mask allowed = 0;
    windows::cpu_mask all = 0;
    const auto told = windows::GetProcessAffinityMask(windows::GetCurrentProcess(), &allowed, &all);
    if (told != 0 && allowed != 0 && allowed != all) {
        return std::popcount(allowed);
    }
#endif
    const unsigned counted = std::thread::hardware_concurrency();
    return counted == 0 ? 1 : static_cast<int>(counted);
}

CONCURRENT_FUTURES_FUNCTION int count_usable_cpus([[maybe_unused]] std::string_view root_directory) noexcept {
#if defined(__linux__)
    const int cpus = count_cpus_of_process();
    const int quota = cpu_quota(root_directory);
    return quota < cpus ? quota : cpus;
#else
    return count_cpus_of_process();
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// The number of CPUs that this process may use at a time, at least 1. It is the number of CPUs in its
/// affinity mask (on Linux, the mask of its first thread, whichever thread asks), but at most the CPU quota
/// of its container (of its cgroups, version 1 or 2), rounded up. Where the operating system doesn't tell, it
/// is the number of CPUs of the machine.
///
/// Each call asks the operating system, so it sees a mask or a quota that has changed. On Linux it reads some
/// files, which takes about 0.1 ms. Thread-safe.
///
/// \code
/// futures::thread_pool_executor for_computing(futures::usable_cpus());
/// assert(for_computing.max_workers() >= 1);
/// \endcode
inline int usable_cpus() noexcept {
    return detail::count_usable_cpus("/");
}

namespace detail {

// Shows `name` in debuggers and process listings, shortened to the limit of the operating system. A failure
// is ignored.
void show_thread_name(std::string_view name) noexcept;

// A thread's name ends with what tells it from others: "_<n>", or "-<k>_<n>" if the prefix ends with a number
// too. Returns the position of this end; the size of `name` if there is none.
[[gnu::cold]] constexpr std::size_t distinctive_end(std::string_view name) noexcept {
    std::size_t end = name.size();
    for (const char separator : {'_', '-'}) {
        const std::size_t last_other = name.substr(0, end).find_last_not_of("0123456789");
        if (last_other == std::string_view::npos || name[last_other] != separator || last_other + 1 == end) {
            break;
        }
        end = last_other;
    }
    return end;
}

// Writes a thread's name in at most `limit` bytes to `shortened`. A name that is too long loses its middle.
// It keeps the end that tells it from others (or the last bytes of this end, if that is too long), and as
// many whole UTF-8 characters of its beginning as fit.
constexpr void shorten_thread_name(std::string_view name, char* shortened, std::size_t limit) noexcept {
    std::size_t start_size = name.size();
    std::size_t end = name.size();  // where the end begins that is kept
    if (name.size() > limit) {
        const std::size_t fits_from = name.size() - limit;
        end = distinctive_end(name);
        end = end < fits_from ? fits_from : end;
        start_size = limit - (name.size() - end);
        while (start_size > 0 && (name[start_size] & 0xC0) == 0x80) {  // inside a character
            --start_size;
        }
    }
    for (std::size_t index = 0; index < name.size(); ++index) {
        if (index < start_size || index >= end) {
            *shortened++ = name[index];
        }
    }
}

// Does the same and returns the name, with a zero behind it.
template <std::size_t limit>
constexpr std::array<char, limit + 1> shorten_thread_name(std::string_view name) noexcept {
    std::array<char, limit + 1> shortened = {};
    shorten_thread_name(name, shortened.data(), limit);
    return shortened;
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void show_thread_name([[maybe_unused]] std::string_view name) noexcept {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), shorten_thread_name<15>(name).data());
#elif defined(__APPLE__)
    pthread_setname_np(shorten_thread_name<63>(name).data());
#elif defined(_WIN32)
    constexpr std::size_t limit = 255;  // the system has no limit; room enough
    constexpr unsigned utf_8 = 65001;
    wchar_t shown[limit + 1] = {};
    windows::MultiByteToWideChar(utf_8, 0, shorten_thread_name<limit>(name).data(), -1, shown, limit + 1);
    windows::SetThreadDescription(windows::GetCurrentThread(), shown);
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

// From now on, each `fork` calls these functions on the forking thread: `before` it, then `in_parent` and
// `in_child`. Each may be null. If there is no memory left for that, they are not called.
[[gnu::noinline]] inline void at_fork([[maybe_unused]] void (*before)(), [[maybe_unused]] void (*in_parent)(),
                                      [[maybe_unused]] void (*in_child)()) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(before, in_parent, in_child);
#endif
}

// From now on, `fn()` is called when this thread ends, or calls `exit()`: before that destroys any static
// object, says the standard. Where the C library keeps no list of thread_local objects (mingw-w64, musl), it
// comes among the static objects.
template <void (*fn)() noexcept>
[[gnu::noinline]] void at_end_of_thread() noexcept {
    struct ending {
        ending() = default;
        ending(const ending&) = delete;
        ending& operator=(const ending&) = delete;
        ~ending() { fn(); }
    };
    static thread_local ending end;
    static_cast<void>(end);
}

// Tells this process from the one that forked it. Never 0.
[[nodiscard]] inline std::uint32_t process_number() noexcept {
#if defined(__unix__) || defined(__APPLE__)
    return static_cast<std::uint32_t>(getpid());
#else
    return 1;
#endif
}

// The size of the block of memory that only one processor can write at a time. Not
// `std::hardware_destructive_interference_size`: GCC warns that its value varies with the options of the
// compiler.
inline constexpr std::size_t cache_line = 64;

}  // namespace detail
}}  // namespace concurrent::futures
