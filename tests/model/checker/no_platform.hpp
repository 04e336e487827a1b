// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <string_view>  // std::string_view

// What stands in the place of the library's own platform/platform.hpp where threads are simulated, but for
// `usable_cpus`: nothing here asks the operating system, which knows none of these threads.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

inline void show_thread_name(std::string_view) noexcept {}

inline void at_fork(void (*)(), void (*)(), void (*)()) noexcept {}

template <void (*fn)() noexcept>
void at_end_of_thread() noexcept {}

inline std::uint32_t process_number() noexcept {
    return 1;
}

inline constexpr std::size_t cache_line = 64;

}}}  // namespace concurrent::futures::detail
