// SPDX-License-Identifier: MIT

// The library's version, as a program sees it. That it is the one of the project, interface/version.cmake
// tests.

#include <concurrent/futures.hpp>

#include "support/catch.hpp"

namespace futures = concurrent::futures;

TEST_CASE("versions compare by their major, then their minor, then their patch number") {
    using number = futures::version_number;
    STATIC_REQUIRE(number{1, 0, 0} > number{0, 9, 9});
    STATIC_REQUIRE(number{0, 10, 0} > number{0, 9, 9});
    STATIC_REQUIRE(number{0, 9, 9} > number{0, 9, 8});
    STATIC_REQUIRE(number{1, 2, 3} == number{1, 2, 3});
    STATIC_REQUIRE(futures::version >= number{0, 1, 0});
}
