// SPDX-License-Identifier: MIT

#pragma once

namespace tests {

// Knows how often what it was made from was copied.
struct counts_copies {
    counts_copies() = default;
    counts_copies(const counts_copies& other) : copies(other.copies + 1) {}
    counts_copies(counts_copies&& other) noexcept : copies(other.copies) {}
    counts_copies& operator=(const counts_copies&) = default;
    int copies = 0;
};

}  // namespace tests
