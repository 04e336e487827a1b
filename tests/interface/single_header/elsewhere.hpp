// SPDX-License-Identifier: MIT

#pragma once

#include <string>

// The calling thread's, as translation units see it that include the library otherwise.
std::string name_by_single_header();
std::string name_by_both();
