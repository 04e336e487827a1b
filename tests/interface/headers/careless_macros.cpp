// SPDX-License-Identifier: MIT

// The library's headers stand what other headers, in C and C++, have macros for: names that are not reserved
// for it. None of them may be expanded here: each would be an error. The standard library's headers, which
// come first, need not stand them.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>
#include <version>
#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif
#if defined(__cpp_lib_format)
#include <format>
#endif

// <windows.h>, unless it is told not to
#define min(a, b) @
#define max(a, b) @
#define near @
#define far @
#define small @
#define hyper @
#define interface @
#define pascal @
#define cdecl @
#define IN @
#define OUT @
#define OPTIONAL @
#define VOID @
#define CONST @
#define STRICT @
#define DELETE @
#define ERROR @
#define NO_ERROR @
#define DIFFERENCE @
#define TRANSPARENT @
#define Yield() @
#define GetCurrentTime() @
#define GetMessage @
#define GetObject @
#define SendMessage @
#define CreateEvent @
#define CreateMutex @
#define CreateSemaphore @

// <curses.h> and <term.h>
#define timeout(delay) @
#define getch() @
#define addch(ch) @
#define attron(at) @
#define border(a, b) @
#define deleteln() @
#define insertln() @
#define instr(s) @
#define standout() @
#define stdscr @
#define OK @
#define ERR @
#define CUR @
#define lines @
#define columns @
#define tab @
#define bell @
#define newline @

// <X11/Xlib.h>
#define None @
#define Status @
#define Bool @
#define True @
#define False @
#define Success @
#define Always @
#define Above @
#define Below @
#define Complex @
#define Convex @
#define Expose @
#define GrayScale @
#define InputOnly @
#define KeyPress @
#define Opposite @
#define Unsorted @
#define CurrentTime @

// Qt
#define signals @
#define slots @
#define emit @
#define foreach(variable, container) @
#define forever @

// <sys/param.h>, <sys/sysmacros.h>, <termios.h>, <sys/ucontext.h>
#define MIN(a, b) @
#define MAX(a, b) @
#define roundup(x, y) @
#define howmany(x, y) @
#define powerof2(x) @
#define isset(a, i) @
#define setbit(a, i) @
#define clrbit(a, i) @
#define major(dev) @
#define minor(dev) @
#define makedev(maj, min) @
#define ECHO @
#define B0 @
#define CS @
#define SS @

// <resolv.h>, <obstack.h>, <complex.h>
#define QUERY @
#define NOERROR @
#define STATUS @
#define obstack_free(h, obj) @
#define obstack_grow(h, where, length) @
#define complex @
#define imaginary @
#define I @

// <AssertMacros.h>
#define check(assertion) @
#define verify(assertion) @
#define require(assertion, label) @
#define check_noerr(error) @
#define verify_action(assertion, action) @

// Arduino
#define abs(x) @
#define bit(b) @
#define round(x) @
#define sq(x) @
#define word(high, low) @
#define F(text) @
#define HIGH @
#define LOW @
#define INPUT @
#define OUTPUT @
#define DEFAULT @
#define interrupts() @

// gettext, Linux and many a config.h
#define _(text) @  // NOLINT(bugprone-reserved-identifier)
#define N_(text) @
#define likely(x) @
#define unlikely(x) @
#define container_of(pointer, type, member) @
#define ARRAY_SIZE(array) @
#define BIT(n) @
#define CLAMP(x, low, high) @
#define ASSERT(x) @
#define CHECK(x) @
#define DEBUG @
#define INFO @
#define LOG(x) @
#define TRACE(x) @
#define UNUSED(x) @
#define TRUE @
#define FALSE @
#define YES @
#define NO @
#define nil @
#define test(x) @
#define debug(x) @
#define trace(x) @
#define warn(x) @
#define info(x) @
#define fail(x) @
#define panic(x) @
#define unused @

#include <concurrent/futures.hpp>

#include "other.hpp"

namespace futures = concurrent::futures;

bool works_among_careless_macros() {
    futures::thread_pool_executor executor({.max_workers = 2});
    std::vector<futures::Future<int>> numbers{executor.submit([] { return 1; })};
    for (const int number : executor.map([](int x) { return x; }, std::vector{2, 3})) {
        numbers.push_back(executor.submit([number] { return number; }));
    }
    int sum = 0;
    for (auto future : futures::as_completed(numbers, std::chrono::minutes(1))) {
        sum += future.result(std::chrono::minutes(1));
    }
    return sum == 6 && futures::wait(numbers, {.timeout = std::chrono::minutes(1)}).not_done.empty();
}
