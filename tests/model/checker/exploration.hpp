// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace model {

// The choices that make an execution what it is, and how one execution follows the other: depth first through
// all of them, at random, or a single one again.
class exploration {
public:
    enum class order { exhaustive, random, replay };

    // Everything, from the execution in which each choice is the first.
    exploration() = default;
    // One execution after the other in which each choice is anybody's guess.
    static exploration at_random(std::uint64_t seed);
    // The one that `schedule` told of.
    static exploration again(std::string_view schedule);

    [[nodiscard]] order how() const noexcept { return how_; }

    // One of `options`, from 0, which is the usual one.
    std::uint32_t choose(std::uint32_t options);

    // Whether everything is tried, and what is repeated of the execution before is over.
    [[nodiscard]] bool is_new() const noexcept { return how_ == order::exhaustive && position_ >= repeated_; }
    // Then: whether the state with this hash, to which `cost` was spent, was come to before at no higher
    // cost, and so all that can follow was tried, or will be.
    bool was_here(std::uint64_t hash, std::uint64_t cost);

    // Begins the next execution; false if there is none.
    bool next();

    // The choices made, for `again`.
    [[nodiscard]] std::string schedule() const;

    [[nodiscard]] std::size_t states() const noexcept { return states_; }

private:
    struct choice {
        std::uint32_t options;
        std::uint32_t chosen;
    };

    static std::uint64_t* find(std::vector<std::uint64_t>& states, std::uint64_t hash);
    void grow();

    order how_ = order::exhaustive;
    std::vector<choice> choices_;
    std::size_t position_ = 0;
    std::size_t repeated_ = 0;  // so many are those of the execution before, or of the one to show again

    // A hash table whose elements are hashes with the cost in their lowest bits, or zero.
    std::vector<std::uint64_t> seen_;
    std::size_t states_ = 0;
    std::mt19937_64 random_;
};

}  // namespace model
