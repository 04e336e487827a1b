// SPDX-License-Identifier: MIT

// Two versions of the library live in one program, though their types have the same names and other layouts.

#include <cstring>

#include "part.hpp"

int main() {
    const report first = version_90_1();
    const report second = version_90_2();
    const bool are_different = std::strcmp(first.name_of_future_type, second.name_of_future_type) != 0 &&
                               first.size_of_state != second.size_of_state;
    return are_different && first.answer == 42 && second.answer == 42 ? 0 : 1;
}
