// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/platform/definitions.hpp>

#include <cstddef>      // std::size_t
#include <new>          // operator new
#include <string_view>  // std::string_view

#if defined(CONCURRENT_FUTURES_DEFINES) && defined(__linux__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)  // before that, dladdr was in a library of its own
#define CONCURRENT_FUTURES_HAS_DLADDR
#include <dlfcn.h>  // dladdr
#endif
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Whether `operator new` is that of the standard library, as far as the system can tell. If a program has
// brought its own, it wants to be asked for each allocation: to count or trace them, to let some fail, to
// find errors as the sanitizers do, or because its allocator is better.
[[gnu::cold]] bool has_standard_operator_new() noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool has_standard_operator_new() noexcept {
#if defined(CONCURRENT_FUTURES_HAS_DLADDR)
    void* (*const allocate)(std::size_t) = &::operator new;
    Dl_info where = {};
    if (dladdr(reinterpret_cast<const void*>(allocate), &where) == 0 || !where.dli_fname) {
        return false;
    }
    std::string_view file = where.dli_fname;
    file.remove_prefix(file.rfind('/') + 1);  // from 0 if there is no slash
    return file.starts_with("libstdc++.so") || file.starts_with("libc++.so") ||
           file.starts_with("libc++abi.so");
#else
    return false;
#endif
}

#undef CONCURRENT_FUTURES_HAS_DLADDR

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
