// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <new>
#include <system_error>

#include "books.hpp"
#include "counted.hpp"
#include "faults.hpp"
#include "figures.hpp"
#include "random_source.hpp"

namespace endurance {

namespace futures = concurrent::futures;

// By who has caught std::bad_alloc.
inline void note_failed_allocation() {
    require(faults::of_allocations(), "allocations don't fail");
    ++total.allocation_failures;
}

// Calls `submit`, which may throw what is expected of a submit to `pool`. Whether it threw nothing.
template <class Submit>
bool submits(const pool_record& pool, Submit submit) {
    try {
        submit();
        return true;
    } catch (const futures::executor_shutdown&) {
        require(pool.closing, "only a pool that was shut down refuses");
    } catch (const futures::broken_thread_pool&) {
        require(pool.initializers_failed > 0, "only an initializer breaks a pool");
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    } catch (const std::system_error& failed) {
        require(faults::of_threads(), "threads can be started", failed.what());
        ++total.start_failures;
    } catch (const copy_failed&) {
        // It was to.
    }
    return false;
}

// Calls the library until no allocation fails, which is the second time at the latest.
template <class Call>
void insist(random_source& random, Call call) {
    try {
        const faults::library_call may_fail(random);
        call();
        return;
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    }
    call();
}

}  // namespace endurance
