// SPDX-License-Identifier: MIT

#pragma once

// Catch2, version 3 where there is one, else version 2. Its assertions are for the main thread only.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
