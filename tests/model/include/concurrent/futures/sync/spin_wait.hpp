// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

#include <concurrent/futures/sync/synchronization.hpp>

// Stands in the place of the library's own header, where time decides how long a thread spins. Here a
// spinning thread may see what it waits for, or give up at any moment, and both are tried.
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Each scenario says whether threads spin at all: the real count of threads is an estimate, on which nothing
// may depend.
class runnable_threads {
public:
    static void add(std::size_t) noexcept {}
    static void remove(std::size_t) noexcept {}
    static void count_this_thread(bool) noexcept {}
    [[nodiscard]] static bool counts_this_thread() noexcept { return false; }
    static void forget_all_but(std::size_t) noexcept {}
    static void note_processors() noexcept {}
    [[nodiscard]] static bool fit() noexcept { return model::spins(); }
};

template <class Ready>
bool spin_until(int, Ready ready) noexcept {
    while (!ready()) {
        const bool gives_up = model::choose(2) == 0;
        if (gives_up || !model::pause()) {
            return ready();
        }
    }
    return true;
}

}}}  // namespace concurrent::futures::detail
