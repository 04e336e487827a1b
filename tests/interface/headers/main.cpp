// SPDX-License-Identifier: MIT

// Two translation units that use the library together: one definition of everything, one state of what is
// shared.

#include <concurrent/futures.hpp>
#include <string>

#include "other.hpp"

namespace futures = concurrent::futures;

int main() {
    futures::thread_pool_executor executor(1);
    const bool works = submit_elsewhere(executor).result() == 42;
    const bool same_worker =
        executor.submit([] { return futures::this_thread_name() == name_elsewhere(); }).result();
    bool works_after_others = works_among_careless_macros() && works_beside_global_names();
#if defined(HAS_CURSES)
    works_after_others = works_after_others && works_after_curses();
#endif
    return works && same_worker && works_after_others ? 0 : 1;
}
