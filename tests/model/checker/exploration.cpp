// SPDX-License-Identifier: MIT

#include "exploration.hpp"

#include <charconv>
#include <utility>

#include "failure.hpp"

namespace model {
namespace {

constexpr std::uint64_t cost_bits = 15;

}

exploration exploration::at_random(std::uint64_t seed) {
    exploration result;
    result.how_ = order::random;
    result.random_.seed(seed);
    return result;
}

// As `schedule` writes it: "<n>:<choice>,..." for n times the first option and then another.
exploration exploration::again(std::string_view schedule) {
    exploration result;
    result.how_ = order::replay;
    const char* at = schedule.data();
    const char* const end = at + schedule.size();
    const auto number = [&] {
        std::uint32_t value = 0;
        at = std::from_chars(at, end, value).ptr;
        at += at != end;  // the separator
        return value;
    };
    while (at != end) {
        for (std::uint32_t usual = number(); usual != 0; --usual) {
            result.choices_.push_back({0, 0});
        }
        result.choices_.push_back({0, number()});
    }
    result.repeated_ = result.choices_.size();
    return result;
}

std::uint32_t exploration::choose(std::uint32_t options) {
    if (options == 1) {
        return 0;
    }
    if (position_ == choices_.size()) {
        // At random, mostly the usual, or hardly any thread would ever come far.
        const bool usual = how_ != order::random || random_() % 8 != 0;
        choices_.push_back({options, usual ? 0 : static_cast<std::uint32_t>(random_() % options)});
    }
    const choice& made = choices_[position_++];
    if (made.chosen >= options || (how_ == order::exhaustive && made.options != options)) {
        fail("the scenario is not deterministic: a choice is not what it was when all before was the same");
    }
    return made.chosen;
}

bool exploration::was_here(std::uint64_t hash, std::uint64_t cost) {
    if (2 * (states_ + 1) > seen_.size()) {
        grow();
    }
    const std::uint64_t with_cost = ((hash | 1U << 4U) & ~cost_bits) | cost;
    std::uint64_t& found = *find(seen_, with_cost);
    if (found != 0 && (found & cost_bits) <= cost) {
        return true;
    }
    states_ += found == 0;
    found = with_cost;
    return false;
}

std::uint64_t* exploration::find(std::vector<std::uint64_t>& states, std::uint64_t hash) {
    const std::size_t mask = states.size() - 1;
    std::size_t at = (hash >> 5U) & mask;
    while (states[at] != 0 && (states[at] | cost_bits) != (hash | cost_bits)) {
        at = (at + 1) & mask;
    }
    return &states[at];
}

void exploration::grow() {
    std::vector<std::uint64_t> larger(seen_.empty() ? 1024 : 2 * seen_.size());
    for (const std::uint64_t each : seen_) {
        if (each != 0) {
            *find(larger, each) = each;
        }
    }
    seen_ = std::move(larger);
}

bool exploration::next() {
    position_ = 0;
    switch (how_) {
        case order::random:
            choices_.clear();
            return true;
        case order::replay:
            return false;
        case order::exhaustive:
            break;
    }
    while (!choices_.empty() && choices_.back().chosen + 1 == choices_.back().options) {
        choices_.pop_back();
    }
    if (choices_.empty()) {
        return false;
    }
    ++choices_.back().chosen;
    repeated_ = choices_.size();
    return true;
}

std::string exploration::schedule() const {
    std::string result;
    std::size_t usual = 0;
    for (std::size_t index = 0; index != position_; ++index) {
        if (choices_[index].chosen == 0) {
            ++usual;
        } else {
            if (!result.empty()) {
                result += ',';
            }
            result += std::to_string(usual);
            result += ':';
            result += std::to_string(choices_[index].chosen);
            usual = 0;
        }
    }
    return result;
}

}  // namespace model
