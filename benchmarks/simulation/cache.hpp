// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <source_location>
#include <string>
#include <unordered_map>
#include <vector>

namespace simulation {

using place = std::source_location;

enum class access { read, write, read_modify_write };

inline constexpr std::size_t most_cores = 192;

// The caches of all cores. They have room for everything, and a line is in any number of them for reading, or
// in one for writing. A line that a core asks for leaves the others when half of the transfer is over; until
// then, they use it. The core that gets it keeps it for at least half of a transfer, so it can use what it
// has waited for.
class cache {
public:
    // What happened since `forget_statistics` to all lines of one name.
    struct statistics {
        std::string name;
        std::size_t lines = 0;
        std::uint64_t moves = 0;          // to a core that had no copy
        std::uint64_t most_moves = 0;     // of one line
        std::uint64_t invalidations = 0;  // of other cores' copies by a core that had one too
        std::int64_t lost = 0;            // nanoseconds of all cores, in such transfers and waiting for them
    };

    // Returns when `core` has what it needs of a line, if it asks for it `now`: `now`, or later.
    std::int64_t ask(std::size_t core, const void* address, access kind, std::int64_t now);

    // Notes that this `core` has waited for a line for so long.
    void note_lost(const void* address, place where, std::int64_t lost);

    void forget_statistics();
    // Of all lines that were transferred. First come those for which the cores have lost the most time.
    [[nodiscard]] std::vector<statistics> lines() const;

private:
    // A line is named by the headers that access it.
    struct user {
        const void* address = nullptr;
        const char* file = nullptr;
        std::int64_t lost = 0;
    };

    struct transfer {
        std::size_t to;
        bool for_writing;
        std::int64_t leaves_at;
    };

    struct line {
        std::bitset<most_cores> holders;
        std::deque<transfer> transfers;  // that have not left yet: one takes place after the other
        std::int64_t free_at = 0;
        std::uint64_t moves = 0;
        std::uint64_t invalidations = 0;
        std::array<user, 4> users;
    };

    [[nodiscard]] line& find(const void* address);
    static void take_place(line& at, std::int64_t now);
    [[nodiscard]] static std::string name_of(const line& named);

    std::deque<line> lines_;  // by order of first use
    std::unordered_map<std::uintptr_t, line*> by_address_;
};

}  // namespace simulation
