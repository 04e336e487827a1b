// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <numeric>
#include <ranges>
#include <utility>
#include <vector>

namespace tests {

inline constexpr auto twice = [](int x) { return 2 * x; };

// From 0 to `count` - 1.
inline std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

template <class Range>
auto collect(Range&& range) {
    std::vector<std::ranges::range_value_t<Range>> all;
    for (auto&& each : range) {
        all.push_back(std::forward<decltype(each)>(each));
    }
    return all;
}

}  // namespace tests
