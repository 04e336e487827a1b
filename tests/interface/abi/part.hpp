// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

// What a part of the program that is built with one version of the library says of it.
struct report {
    const char* name_of_future_type;
    std::size_t size_of_state;
    int answer;  // 42 if its executor works
};

report version_90_1();
report version_90_2();
