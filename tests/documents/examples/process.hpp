// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

namespace tests {

struct process_result {
    int exit_status = -1;  // or -1 if it was killed by a signal
    std::string output;
    std::string errors;
};

// Runs a program to its end.
process_result run(const std::vector<std::string>& command);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace tests
