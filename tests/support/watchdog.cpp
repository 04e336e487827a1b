// SPDX-License-Identifier: MIT

#include "watchdog.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#if defined(_WIN32)
#include <process.h>
#elif defined(__unix__)
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
#endif
#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace tests {

namespace {

// A debugger does this without the help of the threads, which hang.
#if defined(_WIN32)
void print_stacks() {
    const std::string process = std::to_string(_getpid());
    // An argument with spaces is quoted, as what starts a process here joins all with spaces. Wine's debugger
    // is first, as Wine finds no second program after one that it hasn't found.
    if (_spawnlp(_P_WAIT, "winedbg", "winedbg", "--command", "\"backtrace all\"", process.c_str(), nullptr) ==
            -1 &&
        _spawnlp(_P_WAIT, "gdb", "gdb", "-nx", "-batch", "-p", process.c_str(), "-ex",
                 "\"thread apply all backtrace\"", nullptr) == -1) {
        std::fprintf(stderr, "watchdog: no stacks, as neither winedbg nor gdb can be run\n");
    }
}
#elif defined(__unix__)
void print_stacks() {
#if defined(__linux__)
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // a child may look at this process
#endif
    std::string process = std::to_string(getpid());
    std::string arguments[] = {"gdb", "-nx", "-batch", "-p", process, "-ex", "thread apply all backtrace"};
    char* argument_list[std::size(arguments) + 1] = {};
    for (std::size_t index = 0; index != std::size(arguments); ++index) {
        argument_list[index] = arguments[index].data();
    }
    pid_t debugger = 0;
    if (posix_spawnp(&debugger, "gdb", nullptr, nullptr, argument_list, environ) != 0) {
        std::fprintf(stderr, "watchdog: no stacks, as gdb can't be run\n");
        return;
    }
    waitpid(debugger, nullptr, 0);
}
#else
void print_stacks() {}
#endif

std::atomic<const char*> watched = "main";

}  // namespace

void set_watched(const char* description) {
    watched = description;
}

void start_watchdog() {
    if (const char* const limit = std::getenv("CONCURRENT_FUTURES_TIME_LIMIT")) {
        start_watchdog(std::chrono::seconds(std::atoi(limit)));
    }
}

void start_watchdog(std::chrono::seconds limit) {
    std::thread([limit] {
        std::this_thread::sleep_for(limit);
        std::fprintf(stderr, "watchdog: this hangs: %s; its threads:\n", watched.load());
        print_stacks();
        std::abort();
    }).detach();
}

}  // namespace tests
