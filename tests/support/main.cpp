// SPDX-License-Identifier: MIT

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include "watchdog.hpp"

int main(int argc, char** argv) {
    tests::start_watchdog();
    return Catch::Session().run(argc, argv);
}
