// SPDX-License-Identifier: MIT

#pragma once

// Stands in the place of the library's own header: the checker wants to know of each allocation.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class cached_memory {
protected:
    cached_memory() = default;
    ~cached_memory() = default;
};

}}}  // namespace concurrent::futures::detail
