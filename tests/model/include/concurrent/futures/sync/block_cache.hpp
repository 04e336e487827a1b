// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

// Stands in the place of the library's own header: the checker wants to know of each allocation.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class block_cache {
public:
    static void trim() noexcept {}
};

class cached_memory {
protected:
    cached_memory() = default;
    ~cached_memory() = default;
};

}}}  // namespace concurrent::futures::detail
