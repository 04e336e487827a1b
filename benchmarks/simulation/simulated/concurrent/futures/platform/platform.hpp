// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint32_t
#include <string_view>  // std::string_view

#include "machine.hpp"

// Stands in the place of the library's own header: nothing here asks the operating system, of which the
// simulated threads are none.
namespace concurrent::futures { inline namespace v0_1 {

inline int usable_cpus() noexcept {
    return static_cast<int>(simulation::cores());
}

namespace detail {

inline void show_thread_name(std::string_view) noexcept {}

inline void at_fork(void (*)(), void (*)(), void (*)()) noexcept {}

inline std::uint32_t process_number() noexcept {
    return 1;
}

inline constexpr std::size_t cache_line = 64;

}  // namespace detail
}}  // namespace concurrent::futures
