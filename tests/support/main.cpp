// SPDX-License-Identifier: MIT

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using listener = Catch::EventListenerBase;
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
using listener = Catch::TestEventListenerBase;
#endif

#include "watchdog.hpp"

namespace {

// So that what hangs has a name, also where no debugger can show its stacks.
struct names_test : listener {
    using listener::listener;
    void testCaseStarting(const Catch::TestCaseInfo& test) override { tests::set_watched(test.name.c_str()); }
};

}  // namespace

CATCH_REGISTER_LISTENER(names_test)

int main(int argc, char** argv) {
    tests::start_watchdog();
    return Catch::Session().run(argc, argv);
}
