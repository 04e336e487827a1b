// SPDX-License-Identifier: MIT

#pragma once

namespace tests {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_thread_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool under_thread_sanitizer = true;
#else
inline constexpr bool under_thread_sanitizer = false;
#endif
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

// The build defines this for a machine that is emulated.
#if defined(CONCURRENT_FUTURES_TESTS_ARE_EMULATED)
inline constexpr bool under_emulator = true;
#else
inline constexpr bool under_emulator = false;
#endif

// Returns how often to do something that shows a fault if it is done often. ThreadSanitizer and emulators
// make a program some ten times slower; and ThreadSanitizer finds a race in fewer rounds than a race shows
// itself in.
constexpr int often(int times) {
    return under_thread_sanitizer || under_emulator ? times / 10 : times;
}

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool under_address_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif
#else
inline constexpr bool under_address_sanitizer = false;
#endif

}  // namespace tests
