#include <atomic>

#include "failure.hpp"
#include "random_source.hpp"

namespace endurance {

// Declared in faulty/, in the place of the library's own header.
bool next_thread_fails() noexcept {
    static std::atomic<std::uint64_t> asked{0};
    return random_source(seed_of_this_run + asked.fetch_add(1)).one_in(4);
}

}  // namespace endurance
