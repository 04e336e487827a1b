// SPDX-License-Identifier: MIT

#pragma once

#include <mutex>  // std::lock_guard

#include <concurrent/futures/sync/synchronization.hpp>

// Stands in the place of the library's own header, where that was shown to be a mutex: each interleaving with
// a thread that spins for it is one less to try.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

using spin_lock = sync::mutex;
using spin_guard = std::lock_guard<spin_lock>;

}}}  // namespace concurrent::futures::detail
