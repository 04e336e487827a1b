// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/sync/counting_mutex.hpp>

// Stands in the place of the library's own header, where that was shown to do what a mutex and a count do, as
// in `spin_lock.hpp`.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

using counting_lock = counting_mutex;

}}}  // namespace concurrent::futures::detail
