// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>

#include <exception>
#include <string_view>

#include "checker/model.hpp"

// What the library has one of in a process. It is made before the first execution, and each begins with it as
// it was then.

inline const auto silence =
    concurrent::futures::set_log_handler([](std::string_view, const std::exception_ptr&) {});

inline const model::restored orphans(concurrent::futures::detail::orphaned_threads::instance());
inline const model::restored pools(concurrent::futures::detail::live_pools::instance());
