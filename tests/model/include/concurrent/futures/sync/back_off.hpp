// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures/sync/synchronization.hpp>

// Stands in the place of the library's own header: the checker decides when a thread that pauses goes on.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class back_off {
public:
    static void pause() noexcept { model::pause(); }
};

}}}  // namespace concurrent::futures::detail
