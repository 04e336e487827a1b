// concurrent::futures 0.1.0: Python's concurrent.futures for C++20, in a single header.
//
// Copyright (c) 2026 The concurrent::futures authors
// SPDX-License-Identifier: MIT
//
// Made by cmake/amalgamate.py of the headers in include/: change those.
//
// A program may use this header and <concurrent/futures.hpp>, even in one translation unit. But a translation
// unit that includes this must not include one of the headers under concurrent/futures/ by itself.

#pragma once

#ifndef CONCURRENT_FUTURES_HPP
#define CONCURRENT_FUTURES_HPP

#include <array>
#include <atomic>
#include <bit>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <limits>
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
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
#include <version>

// Python's concurrent.futures for C++20. This header brings all of it; see README.md for a guide.
//
// The layers are folders. Each sees only those below it (tests/interface/layers.py):
//
//   executor     what a user submits to, and what every executor gets for free
//   algorithm    wait, as_completed, map: many futures at once
//   task         what is to be run, with its future; it connects the two columns below
//   future       Future, Promise                   |   pool    workers: who sleeps, and who is woken
//   state        what the handles on one share     |   queue   the order in which queued tasks start
//   sync         locks, and where threads sleep: the seam of the model checker
//   platform     what is asked of the operating system

// Where GCC instantiates a template, it looks for shadowed names once more, from where the user's code is,
// and warns of a parameter that has the name of something global there.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/copyable.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
struct copyable;

}  // namespace detail

/// `is_copyable<T>` says whether a value of type `T` can be copied. `std::is_copy_constructible` is true of a
/// container even if the elements can't be copied. `is_copyable` sees through ranges, pairs, tuples,
/// optionals and variants, even where they contain each other. It can't see through a class with such a
/// container as a member: delete the copy constructor of the class, or specialize `template <> inline
/// constexpr bool futures::is_copyable<page> = false;`.
///
/// `Future::result()` of an rvalue moves out a value that can't be copied.
///
/// \code
/// static_assert(!futures::is_copyable<std::vector<std::unique_ptr<int>>>);
/// \endcode
template <class T>
inline constexpr const bool& is_copyable = detail::copyable<T>::value;

namespace detail {

// A `container` has elements, and a copy constructor that copies them.
template <class T>
concept container = std::ranges::range<T> && !std::ranges::view<T> && requires { typename T::value_type; };

template <class T>
concept tuple_like = requires { std::tuple_size<T>::value; };

template <class... Types>
struct parts {};

template <class T, std::size_t... index>
parts<std::tuple_element_t<index, T>...> elements_of(std::index_sequence<index...>);

template <class T>
struct alternatives {
    using type = parts<>;
};
template <class T>
struct alternatives<std::optional<T>> {
    using type = parts<T>;
};
template <class... Ts>
struct alternatives<std::variant<Ts...>> {
    using type = parts<Ts...>;
};

// Returns the types that are copied with a `T` without its copy constructor saying whether they can be.
template <class T>
constexpr auto parts_of() {
    if constexpr (container<T>) {
        return parts<typename T::value_type>();
    } else if constexpr (tuple_like<T>) {
        return decltype(detail::elements_of<T>(std::make_index_sequence<std::tuple_size_v<T>>()))();
    } else {
        return typename alternatives<T>::type();
    }
}

template <class T, class... Wholes>
constexpr bool look_into();

// Says whether `T` can be copied, apart from what users say of `T` itself. `Wholes` are the types that
// contain `T`.
template <class T, class... Wholes>
inline constexpr bool seems_copyable = detail::look_into<T, Wholes...>();

template <class T, class... Wholes>
constexpr bool is_copyable_part() {
    using part = std::remove_cv_t<T>;
    // Only a user's specialization of `is_copyable` is no reference. Don't evaluate the others here: one of
    // them may be the one that is being initialized.
    if constexpr (!std::is_reference_v<decltype(futures::is_copyable<part>)>) {
        return futures::is_copyable<part>;
    } else if constexpr ((std::is_same_v<part, Wholes> || ...)) {
        return true;  // unless another part says otherwise
    } else {
        return seems_copyable<part, Wholes...>;
    }
}

template <class... Wholes, class... Parts>
constexpr bool are_copyable_parts(parts<Parts...>) {
    return (detail::is_copyable_part<Parts, Wholes...>() && ...);
}

template <class T, class... Wholes>
constexpr bool look_into() {
    if constexpr (!std::is_copy_constructible_v<T>) {
        return false;
    } else {
        return detail::are_copyable_parts<T, Wholes...>(detail::parts_of<T>());
    }
}

template <class T>
struct copyable {
    static constexpr bool value = detail::is_copyable_part<T>();
};

}  // namespace detail
}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/error.hpp

#if !defined(__cpp_exceptions)
#error "concurrent::futures needs exceptions: without them no future could carry one, and no call could fail"
#endif

namespace concurrent::futures { inline namespace v0_1 {

// Some standard libraries compare exception types by the address of their type description. Default
// visibility gives all shared libraries one address, so they can catch what a library built with
// -fvisibility=hidden throws.

/// All exceptions that this library throws derive from `error`, except `std::invalid_argument` (a wrong
/// argument) and what the standard library throws (`std::bad_alloc`, `std::system_error`).
///
/// \code
/// try {
///     executor.submit([] {}).result();
/// } catch (const futures::error& failure) {  // the library's; whatever else comes is the task's
///     std::puts(failure.what());
/// }
/// \endcode
class [[gnu::visibility("default")]] error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// `result()` and `exception()` throw this if the future was cancelled.
///
/// \code
/// futures::Promise<int> promise;
/// promise.get_future().cancel();
/// try {
///     promise.get_future().result();
///     assert(false);
/// } catch (const futures::cancelled_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] cancelled_error : public error {
public:
    using error::error;
};

/// A call throws this if its timeout passes before what it waits for is done.
///
/// \code
/// futures::Promise<int> promise;
/// try {
///     promise.get_future().result(std::chrono::milliseconds(1));
///     assert(false);
/// } catch (const futures::timeout_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] timeout_error : public error {
public:
    using error::error;
};

/// A call on a future or promise throws this if the state doesn't allow the call: the handle is not
/// `valid()`, or the promise was set already.
///
/// \code
/// try {
///     futures::Future<int>().result();
///     assert(false);
/// } catch (const futures::invalid_state_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] invalid_state_error : public error {
public:
    using error::error;
};

/// A future fails with this if its `Promise` is destroyed before it is set, or its `packaged_task` before it
/// is called.
///
/// \code
/// auto future = futures::Promise<int>().get_future();
/// try {
///     future.result();
///     assert(false);
/// } catch (const futures::broken_promise_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_promise_error : public error {
public:
    using error::error;
};

namespace detail {

// Throws an `Error`. Not inlined, so that each place that throws costs one call.
template <class Error>
[[noreturn, gnu::cold, gnu::noinline]] void throw_error(const char* message) {
    throw Error(message);
}

// Returns an `Error` with this message, or, if there is no memory for it, what says so.
template <class Error>
[[gnu::cold, gnu::noinline]] std::exception_ptr make_error(const char* message) noexcept {
    try {
        return std::make_exception_ptr(Error(message));
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace detail

/// `submit` and `map` throw this after `shutdown`.
///
/// \code
/// executor.shutdown();
/// try {
///     executor.submit([] {});
///     assert(false);
/// } catch (const futures::executor_shutdown&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] executor_shutdown : public error {
public:
    using error::error;
};

/// `submit` and `map` throw this, and futures fail with it, if the executor can't run anything any more.
///
/// \code
/// futures::thread_pool_executor broken({.initializer = [] { throw std::runtime_error("no connection"); }});
/// try {
///     broken.submit([] {}).result();
///     assert(false);
/// } catch (const futures::broken_executor&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_executor : public error {
public:
    using error::error;
};

/// `submit` and `map` throw this, and futures fail with it, if an initializer of the thread pool threw. What
/// the initializer threw is nested: see `std::rethrow_if_nested`.
///
/// \code
/// futures::thread_pool_executor broken({.initializer = [] { throw std::runtime_error("no connection"); }});
/// try {
///     broken.submit([] {}).result();
///     assert(false);
/// } catch (const futures::broken_thread_pool& failure) {
///     try {
///         std::rethrow_if_nested(failure);
///         assert(false);
///     } catch (const std::runtime_error& cause) {
///         assert(cause.what() == std::string("no connection"));
///     }
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_thread_pool : public broken_executor {
public:
    using broken_executor::broken_executor;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/definitions.hpp

// Which translation units define the functions that are no templates, and that no fast path should inline:
// CONCURRENT_FUTURES_FUNCTION begins the definition of each. By default every unit does: the library consists
// of headers. If all units of a program define CONCURRENT_FUTURES_COMPILED, one of them does it for all, the
// one that defines CONCURRENT_FUTURES_DEFINITIONS too. See docs/installing.md.
//
// Of a virtual function, it begins the declaration instead: else each unit would have the class's table of
// virtual functions, and so all of these.
//
// That unit also instantiates the templates for the queues of the library: CONCURRENT_FUTURES_TEMPLATE begins
// the instantiation, or what says that it is elsewhere.
//
// What has static variables is inline all the same, so that all shared libraries of a program share these.

#if !defined(CONCURRENT_FUTURES_COMPILED)
#define CONCURRENT_FUTURES_DEFINES
#define CONCURRENT_FUTURES_FUNCTION [[gnu::noinline]] inline
#elif defined(CONCURRENT_FUTURES_DEFINITIONS)
#define CONCURRENT_FUTURES_DEFINES
#define CONCURRENT_FUTURES_FUNCTION [[gnu::noinline]]
#define CONCURRENT_FUTURES_TEMPLATE template
#else
#define CONCURRENT_FUTURES_FUNCTION
#define CONCURRENT_FUTURES_TEMPLATE extern template
#endif

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/no_destructor.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Has an object that is never destroyed, for a static variable that others use until the process ends. The
// object is in the variable itself, so that its making can't fail for want of memory.
template <class T>
class no_destructor {
public:
    no_destructor() : object_(*::new(static_cast<void*>(storage_)) T) {}
    no_destructor(const no_destructor&) = delete;
    no_destructor& operator=(const no_destructor&) = delete;

    [[nodiscard]] T& get() noexcept { return object_; }

private:
    alignas(T) unsigned char storage_[sizeof(T)] = {};
    T& object_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/cpu_quota.hpp

#if defined(__linux__)
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The quota of a cgroup without one.
inline constexpr int unlimited_cpus = (std::numeric_limits<int>::max)();

// Returns how many CPUs the cgroups of this process, of version 1 and 2, let it use at a time: the least
// quota, rounded up, so at least 1. Returns `unlimited_cpus` if there is no quota, or no memory left to read
// it. Looks for /proc and for the mounts of the cgroups in `root_directory`, and reads no more than the first
// mebibyte of a file.
int cpu_quota(std::string_view root_directory = "/") noexcept;

}}}  // namespace concurrent::futures::detail

#if defined(CONCURRENT_FUTURES_DEFINES)

// Units that make a pool compile this code, so it does without `std::string` and `std::optional`.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::cgroups {

// A `path` is a path of a file. It opens no file if it is longer than the system allows.
class path {
public:
    void append(std::string_view part) noexcept {
        for (const char each : part) {
            append(each);
        }
    }

    // mountinfo writes a space in a path as \040, and escapes some other characters likewise.
    void append_unescaped(std::string_view escaped) noexcept {
        while (!escaped.empty()) {
            char next = escaped.front();
            std::size_t size = 1;
            if (next == '\\' && escaped.size() >= 4 && is_octal(escaped[1]) && is_octal(escaped[2]) &&
                is_octal(escaped[3])) {
                next =
                    static_cast<char>((escaped[1] - '0') * 64 + (escaped[2] - '0') * 8 + (escaped[3] - '0'));
                size = 4;
            }
            append(next);
            escaped.remove_prefix(size);
        }
    }

    [[nodiscard]] std::string_view text() const noexcept { return {text_, size_}; }

    // Reads at most `limit` bytes of the file into `bytes`, and returns how many; 0 if it can't be read.
    std::size_t read(char* bytes, std::size_t limit) const noexcept {
        std::FILE* const file = size_ < most ? std::fopen(text_, "re") : nullptr;
        if (!file) {
            return 0;
        }
        const std::size_t size = std::fread(bytes, 1, limit, file);
        std::fclose(file);
        return size;
    }

private:
    static constexpr std::size_t most = 4096;

    static bool is_octal(char digit) noexcept { return digit >= '0' && digit <= '7'; }

    void append(char next) noexcept {
        if (size_ < most) {
            text_[size_++] = next;
        }
    }

    char text_[most + 1] = {};
    std::size_t size_ = 0;
};

// Removes the first field and the separator after it from `text`, and returns the field.
[[gnu::cold]] inline std::string_view take_field(std::string_view& text, char separator) noexcept {
    const std::string_view field = text.substr(0, text.find(separator));
    text.remove_prefix(field.size() < text.size() ? field.size() + 1 : field.size());
    return field;
}

[[gnu::cold]] inline bool contains_field(std::string_view text, char separator,
                                         std::string_view wanted) noexcept {
    while (!text.empty()) {
        if (take_field(text, separator) == wanted) {
            return true;
        }
    }
    return false;
}

// Returns 0 if `text` is not a positive number: "max", "-1", a number that is too great.
[[gnu::cold]] inline long long positive_number(std::string_view text) noexcept {
    long long number = 0;
    for (const char each : text) {
        const int digit = each - '0';
        if (digit < 0 || digit > 9 || number > ((std::numeric_limits<long long>::max)() - digit) / 10) {
            return 0;
        }
        number = number * 10 + digit;
    }
    return number;
}

// Returns what is in a file, as far as it fits into `bytes`; nothing if the file can't be read.
[[gnu::cold]] inline std::string_view read_file(std::string_view directory, std::string_view name,
                                                char* bytes, std::size_t limit) noexcept {
    path file;
    file.append(directory);
    file.append(name);
    return {bytes, file.read(bytes, limit)};
}

// A longer line has no number that this library can read.
inline constexpr std::size_t most_of_line = 64;

// Returns the first line of a file in the directory of a cgroup.
[[gnu::cold]] inline std::string_view read_line(const path& cgroup, std::string_view name,
                                                char (&bytes)[most_of_line]) noexcept {
    std::string_view contents = read_file(cgroup.text(), name, bytes, most_of_line);
    return take_field(contents, '\n');
}

// Returns how many CPUs it takes to run for `quota` in each `period`. An argument of 0 stands for what is not
// a number.
inline int cpus_of(long long quota, long long period) noexcept {
    if (quota == 0 || period == 0) {
        return unlimited_cpus;
    }
    const long long cpus = quota / period + (quota % period == 0 ? 0 : 1);
    return cpus < unlimited_cpus ? static_cast<int>(cpus) : unlimited_cpus;
}

// Both return the quota of the cgroup with this directory, and ignore its ancestors.
[[gnu::cold]] inline int quota_v1(const path& cgroup) noexcept {
    char bytes[most_of_line];
    const long long quota = positive_number(read_line(cgroup, "/cpu.cfs_quota_us", bytes));
    return cpus_of(quota, positive_number(read_line(cgroup, "/cpu.cfs_period_us", bytes)));
}

[[gnu::cold]] inline int quota_v2(const path& cgroup) noexcept {
    char bytes[most_of_line];
    std::string_view period = read_line(cgroup, "/cpu.max", bytes);
    const std::string_view quota = take_field(period, ' ');
    return cpus_of(positive_number(quota), positive_number(period));
}

// Removes `ancestor` from the begin of `text`, which leaves "" or a path that begins with '/'. Returns false
// if `text` leads neither to `ancestor` nor to a descendant of it. A path out of the namespace of cgroups
// contains "..".
[[gnu::cold]] inline bool remove_ancestor(std::string_view& text, std::string_view ancestor) noexcept {
    if (ancestor == "/") {
        ancestor = {};
    }
    if (!text.starts_with(ancestor)) {
        return false;
    }
    text.remove_prefix(ancestor.size());
    if (text == "/") {
        text = {};
    }
    return (text.empty() || text.front() == '/') && !contains_field(text, '/', "..");
}

// A tree of cgroups, with the process in one of them.
struct hierarchy {
    int (*quota_of)(const path& cgroup) noexcept = nullptr;

    std::string_view own = {};      // the path of the cgroup of the process; empty if unknown
    int found = unlimited_cpus;     // the least quota of that cgroup and its visible ancestors
    int supposed = unlimited_cpus;  // the quota of a cgroup that may be that one
    bool sees_own = false;          // whether a mount shows that cgroup, so that `found` holds
    bool supposes = false;          // whether a mount shows another, so that `supposed` holds

    // Reads the quotas through a mount that shows the cgroup `mounted` at `mount_point`.
    [[gnu::cold]] void read(std::string_view mounted, const path& mount_point) noexcept {
        if (own.empty()) {
            return;
        }
        const int outermost = quota_of(mount_point);
        std::string_view below = own;
        if (!remove_ancestor(below, mounted)) {
            // In a container, /proc may give the path that the cgroup has outside, while only that cgroup is
            // mounted.
            supposed = supposes ? supposed : outermost;
            supposes = true;
            return;
        }
        sees_own = true;
        found = outermost < found ? outermost : found;
        for (; !below.empty(); below = below.substr(0, below.rfind('/'))) {
            path cgroup = mount_point;
            cgroup.append(below);
            const int quota = quota_of(cgroup);
            found = quota < found ? quota : found;
        }
    }

    [[nodiscard]] int quota() const noexcept { return sees_own ? found : supposed; }
};

// Finds in which cgroups the process is. Each line is <number>:<controllers>:<path>; that of v2 is 0::<path>.
[[gnu::cold]] inline void read_memberships(std::string_view contents, hierarchy& v1, hierarchy& v2) noexcept {
    while (!contents.empty()) {
        std::string_view line = take_field(contents, '\n');
        const std::string_view number = take_field(line, ':');
        const std::string_view controllers = take_field(line, ':');
        if (!line.starts_with('/')) {
            continue;
        }
        if (number == "0" && controllers.empty()) {
            v2.own = line;
        } else if (contains_field(controllers, ',', "cpu")) {
            v1.own = line;
        }
    }
}

// Reads the quotas through all mounts. Each line is <id> <parent> <device> <root> <mount point> <options and
// tags> - <type> <source> <options>.
[[gnu::cold]] inline void read_mounts(std::string_view contents, std::string_view root, hierarchy& v1,
                                      hierarchy& v2) noexcept {
    while (!contents.empty()) {
        std::string_view line = take_field(contents, '\n');
        for (int skipped = 0; skipped < 3; ++skipped) {
            take_field(line, ' ');
        }
        const std::string_view mounted = take_field(line, ' ');
        const std::string_view mount_point = take_field(line, ' ');
        while (!line.empty() && !line.starts_with(" - ")) {
            line.remove_prefix(1);
        }
        for (int skipped = 0; skipped < 2; ++skipped) {  // what is empty before the dash, and the dash
            take_field(line, ' ');
        }
        const std::string_view type = take_field(line, ' ');
        take_field(line, ' ');
        const bool is_v2 = type == "cgroup2";
        if (is_v2 || (type == "cgroup" && contains_field(line, ',', "cpu"))) {
            path cgroup;
            cgroup.append_unescaped(mounted);
            path directory;
            directory.append(root);
            directory.append_unescaped(mount_point);
            (is_v2 ? v2 : v1).read(cgroup.text(), directory);
        }
    }
}

}}}  // namespace concurrent::futures::detail::cgroups

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

CONCURRENT_FUTURES_FUNCTION int cpu_quota(std::string_view root_directory) noexcept {
    constexpr std::size_t limit = std::size_t{1} << 20;
    // Clang 19 takes a new expression of more than a mebibyte for a null pointer.
    char* const bytes = static_cast<char*>(::operator new(2 * limit, std::nothrow));
    if (!bytes) {
        return unlimited_cpus;
    }
    const std::string_view root = root_directory == "/" ? std::string_view() : root_directory;
    cgroups::hierarchy v1{.quota_of = cgroups::quota_v1};
    cgroups::hierarchy v2{.quota_of = cgroups::quota_v2};
    cgroups::read_memberships(cgroups::read_file(root, "/proc/self/cgroup", bytes, limit), v1, v2);
    cgroups::read_mounts(cgroups::read_file(root, "/proc/self/mountinfo", bytes + limit, limit), root, v1,
                         v2);
    ::operator delete(bytes);
    const int quotas[] = {v1.quota(), v2.quota()};
    return quotas[quotas[1] < quotas[0] ? 1 : 0];
}

}}}  // namespace concurrent::futures::detail

#endif  // CONCURRENT_FUTURES_DEFINES
#endif

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/platform.hpp

// Everything that asks the operating system, with what happens on systems that cannot be asked.
//
// A function that is `gnu::cold` is compiled to be small. GCC takes every function for cold, too, that is
// sure to call a cold one, and so on up to the user's. So nothing is cold that users, or the loop of a
// worker, are sure to reach: it is `gnu::noinline` at most.

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>  // pthread_setname_np, pthread_atfork
#include <unistd.h>   // getpid
#endif
#if defined(__linux__)
#include <sched.h>  // sched_getaffinity
#endif

namespace concurrent::futures { inline namespace v0_1 {

#if defined(_WIN32)
// What <windows.h> declares, without its macros: min, max, and thousands of other names.
namespace detail::windows {

#if defined(_WIN64)
using cpu_mask = unsigned long long;
#else
using cpu_mask = unsigned long;
#endif

extern "C" {
__declspec(dllimport) void* __stdcall GetCurrentProcess();
__declspec(dllimport) void* __stdcall GetCurrentThread();
__declspec(dllimport) int __stdcall GetProcessAffinityMask(void*, cpu_mask*, cpu_mask*);
__declspec(dllimport) int __stdcall MultiByteToWideChar(unsigned, unsigned long, const char*, int, wchar_t*,
                                                        int);
__declspec(dllimport) long __stdcall SetThreadDescription(void*, const wchar_t*);
}

}  // namespace detail::windows
#endif

namespace detail {

// Like `usable_cpus`, with the quota that is found in `root_directory`.
int count_usable_cpus(std::string_view root_directory) noexcept;

#if defined(__linux__)
// Counts the CPUs in the affinity mask that `ask` fills in. `ask(words, size)` gets an array of zeros and its
// size in bytes; it returns false if the array has no room for all CPUs that the machine may have. Returns 0
// if room for a million CPUs is not enough, or if there is no memory left.
template <class Ask>
int count_allowed_cpus(Ask ask) noexcept {
    constexpr std::size_t most_cpus = std::size_t{1} << 20;
    constexpr std::size_t cpus_in_word = std::numeric_limits<unsigned long>::digits;
    for (std::size_t cpus = 1024; cpus <= most_cpus; cpus *= 2) {
        const std::size_t size = cpus / cpus_in_word;
        unsigned long* const words = new (std::nothrow) unsigned long[size]();
        if (!words) {
            return 0;
        }
        const bool has_room = ask(words, size * sizeof(unsigned long));
        int count = 0;
        for (std::size_t index = 0; has_room && index < size; ++index) {
            count += std::popcount(words[index]);
        }
        delete[] words;
        if (has_room) {
            return count;
        }
    }
    return 0;
}
#endif

#if defined(CONCURRENT_FUTURES_DEFINES)

// Returns how many CPUs are in the affinity mask of this process, or how many the machine has where the
// operating system doesn't tell; at least 1.
inline int count_cpus_of_process() noexcept {
#if defined(__linux__)
    // The mask of the process, not of the calling thread, which may be pinned to one CPU.
    const int allowed = count_allowed_cpus([](unsigned long* words, std::size_t size) {
        return sched_getaffinity(getpid(), size, reinterpret_cast<cpu_set_t*>(words)) == 0;
    });
    if (allowed > 0) {
        return allowed;
    }
#elif defined(_WIN32)
    // Windows reports the CPUs of one group, at most 64. If the mask forbids none, there may be more.
    windows::cpu_mask allowed = 0;
    windows::cpu_mask all = 0;
    const auto told = windows::GetProcessAffinityMask(windows::GetCurrentProcess(), &allowed, &all);
    if (told != 0 && allowed != 0 && allowed != all) {
        return std::popcount(allowed);
    }
#endif
    const unsigned counted = std::thread::hardware_concurrency();
    return counted == 0 ? 1 : static_cast<int>(counted);
}

CONCURRENT_FUTURES_FUNCTION int count_usable_cpus([[maybe_unused]] std::string_view root_directory) noexcept {
#if defined(__linux__)
    const int cpus = count_cpus_of_process();
    const int quota = cpu_quota(root_directory);
    return quota < cpus ? quota : cpus;
#else
    return count_cpus_of_process();
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// The number of CPUs that this process may use at a time, at least 1. It is the number of CPUs in its
/// affinity mask (on Linux, the mask of its first thread, whichever thread asks), but at most the CPU quota
/// of its container (of its cgroups, version 1 or 2), rounded up. Where the operating system doesn't tell, it
/// is the number of CPUs of the machine.
///
/// Each call asks the operating system, so it sees a mask or a quota that has changed. On Linux it reads some
/// files, which takes about 0.1 ms. Thread-safe.
///
/// \code
/// futures::thread_pool_executor for_computing(futures::usable_cpus());
/// assert(for_computing.max_workers() >= 1);
/// \endcode
inline int usable_cpus() noexcept {
    return detail::count_usable_cpus("/");
}

namespace detail {

// Shows `name` in debuggers and process listings, shortened to the limit of the operating system. A failure
// is ignored.
void show_thread_name(std::string_view name) noexcept;

// A thread's name ends with what tells it from others: "_<n>", or "-<k>_<n>" if the prefix ends with a number
// too. Returns the position of this end; the size of `name` if there is none.
[[gnu::cold]] constexpr std::size_t distinctive_end(std::string_view name) noexcept {
    std::size_t end = name.size();
    for (const char separator : {'_', '-'}) {
        const std::size_t last_other = name.substr(0, end).find_last_not_of("0123456789");
        if (last_other == std::string_view::npos || name[last_other] != separator || last_other + 1 == end) {
            break;
        }
        end = last_other;
    }
    return end;
}

// Writes a thread's name in at most `limit` bytes to `shortened`. A name that is too long loses its middle.
// It keeps the end that tells it from others (or the last bytes of this end, if that is too long), and as
// many whole UTF-8 characters of its beginning as fit.
constexpr void shorten_thread_name(std::string_view name, char* shortened, std::size_t limit) noexcept {
    std::size_t start_size = name.size();
    std::size_t end = name.size();  // where the end begins that is kept
    if (name.size() > limit) {
        const std::size_t fits_from = name.size() - limit;
        end = distinctive_end(name);
        end = end < fits_from ? fits_from : end;
        start_size = limit - (name.size() - end);
        while (start_size > 0 && (name[start_size] & 0xC0) == 0x80) {  // inside a character
            --start_size;
        }
    }
    for (std::size_t index = 0; index < name.size(); ++index) {
        if (index < start_size || index >= end) {
            *shortened++ = name[index];
        }
    }
}

// Does the same and returns the name, with a zero behind it.
template <std::size_t limit>
constexpr std::array<char, limit + 1> shorten_thread_name(std::string_view name) noexcept {
    std::array<char, limit + 1> shortened = {};
    shorten_thread_name(name, shortened.data(), limit);
    return shortened;
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void show_thread_name([[maybe_unused]] std::string_view name) noexcept {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), shorten_thread_name<15>(name).data());
#elif defined(__APPLE__)
    pthread_setname_np(shorten_thread_name<63>(name).data());
#elif defined(_WIN32)
    constexpr std::size_t limit = 255;  // the system has no limit; room enough
    constexpr unsigned utf_8 = 65001;
    wchar_t shown[limit + 1] = {};
    windows::MultiByteToWideChar(utf_8, 0, shorten_thread_name<limit>(name).data(), -1, shown, limit + 1);
    windows::SetThreadDescription(windows::GetCurrentThread(), shown);
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

// From now on, each `fork` calls these functions on the forking thread: `before` it, then `in_parent` and
// `in_child`. Each may be null. If there is no memory left for that, they are not called.
[[gnu::noinline]] inline void at_fork([[maybe_unused]] void (*before)(), [[maybe_unused]] void (*in_parent)(),
                                      [[maybe_unused]] void (*in_child)()) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(before, in_parent, in_child);
#endif
}

// From now on, `fn()` is called when this thread ends, or calls `exit()`: before that destroys any static
// object, says the standard. Where the C library keeps no list of thread_local objects (mingw-w64, musl), it
// comes among the static objects.
template <void (*fn)() noexcept>
[[gnu::noinline]] void at_end_of_thread() noexcept {
    struct ending {
        ending() = default;
        ending(const ending&) = delete;
        ending& operator=(const ending&) = delete;
        ~ending() { fn(); }
    };
    static thread_local ending end;
    static_cast<void>(end);
}

// Tells this process from the one that forked it. Never 0.
[[nodiscard]] inline std::uint32_t process_number() noexcept {
#if defined(__unix__) || defined(__APPLE__)
    return static_cast<std::uint32_t>(getpid());
#else
    return 1;
#endif
}

// The size of the block of memory that only one processor can write at a time. Not
// `std::hardware_destructive_interference_size`: GCC warns that its value varies with the options of the
// compiler.
inline constexpr std::size_t cache_line = 64;

}  // namespace detail
}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/log_handler.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// A log handler is called with exceptions that would otherwise be lost: nobody retrieved them, or a done
/// callback threw them.
///
/// \code
/// const futures::log_handler silence = [](std::string_view, std::exception_ptr) {};
/// futures::set_log_handler(silence);
/// executor.submit([] { throw std::runtime_error("nobody asks"); }).wait();
/// executor.shutdown();
/// futures::set_log_handler(nullptr);
/// \endcode
using log_handler = std::function<void(std::string_view message, std::exception_ptr exception)>;

namespace detail {

class log_registry {
public:
    // The registry is never destroyed: a future with static storage duration may report its exception after
    // all other statics are gone. All shared libraries share one registry.
    [[gnu::visibility("default"), gnu::noinline]] static log_registry& instance() noexcept {
        static no_destructor<log_registry> registry;
        return registry.get();
    }

    // A handler that was set. It counts its references: one is the registry's. Every unit compiles this code,
    // and `std::shared_ptr` takes more.
    struct kept_handler {
        const log_handler fn;
        std::size_t references = 1;  // guarded by `mutex_`
    };

    // A reference to a handler, or null, which stands for the default handler.
    class reference {
    public:
        // Takes over a reference.
        explicit reference(kept_handler* kept) noexcept : kept_(kept) {}
        reference(const reference&) = delete;
        reference& operator=(const reference&) = delete;
        ~reference();

        [[nodiscard]] explicit operator bool() const noexcept { return kept_ != nullptr; }
        [[nodiscard]] const log_handler& fn() const noexcept { return kept_->fn; }

    private:
        friend class log_registry;

        kept_handler* kept_;
    };

    // Returns the handler in use.
    [[nodiscard]] reference handler();

    // Changes nothing and returns false if `expected` is no longer the handler. Else `replacement` becomes
    // the old handler, which its owner destroys without the lock.
    [[nodiscard]] bool exchange_handler(const reference& expected, reference& replacement);

private:
    friend class no_destructor<log_registry>;

    [[nodiscard, gnu::cold]] bool is_last(kept_handler& kept);

    [[gnu::cold]] log_registry() noexcept {
        // A thread that holds `mutex_` at a fork doesn't exist in the child. So the forking thread holds
        // `mutex_` itself.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] { instance().mutex_.unlock(); });
    }

    std::mutex mutex_;
    kept_handler* handler_ = nullptr;  // guarded by `mutex_`
};

// One call of `fprintf` writes the whole line, so no other thread's output can tear it.
[[gnu::cold]] void log_to_stderr(std::string_view message, const std::exception_ptr& exception) noexcept;

// Has the handler log an exception that would otherwise be lost.
[[gnu::cold]] void log(std::string_view message, const std::exception_ptr& exception) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION log_registry::reference::~reference() {
    if (kept_ && instance().is_last(*kept_)) {
        delete kept_;
    }
}

CONCURRENT_FUTURES_FUNCTION log_registry::reference log_registry::handler() {
    const std::lock_guard lock(mutex_);
    if (handler_) {
        ++handler_->references;
    }
    return reference(handler_);
}

CONCURRENT_FUTURES_FUNCTION bool log_registry::exchange_handler(const reference& expected,
                                                                reference& replacement) {
    const std::lock_guard lock(mutex_);
    const bool exchanges = handler_ == expected.kept_;
    if (exchanges) {
        replacement.kept_ = std::exchange(handler_, replacement.kept_);
    }
    return exchanges;
}

CONCURRENT_FUTURES_FUNCTION bool log_registry::is_last(kept_handler& kept) {
    const std::lock_guard lock(mutex_);
    return --kept.references == 0;
}

CONCURRENT_FUTURES_FUNCTION void log_to_stderr(std::string_view message,
                                               const std::exception_ptr& exception) noexcept {
    const auto print = [&](const char* what) {
        std::fprintf(stderr, "concurrent::futures: %.*s: %s\n", static_cast<int>(message.size()),
                     message.data(), what);
    };
    try {
        if (exception) {
            std::rethrow_exception(exception);
        }
        print("no exception");
    } catch (const std::exception& standard) {
        print(standard.what());
    } catch (...) {
        print("an exception that is not a std::exception");
    }
}

CONCURRENT_FUTURES_FUNCTION void log(std::string_view message, const std::exception_ptr& exception) noexcept {
    try {
        if (const log_registry::reference handler = log_registry::instance().handler()) {
            handler.fn()(message, exception);
            return;
        }
    } catch (...) {
        log_to_stderr("the log handler threw", std::current_exception());
    }
    log_to_stderr(message, exception);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Replaces the handler of exceptions that would otherwise be lost, and returns the previous handler.
///
/// The default handler writes one line to stderr. An empty `handler` restores the default; an empty return
/// value stands for the default. Several threads may call the handler at once, each where it found the loss.
/// The handler must not throw: if it does, its exception and the message go to stderr. Thread-safe; a call of
/// the old handler may still be running when this returns.
///
/// \throws std::bad_alloc, and what copying a handler throws; then nothing is replaced
///
/// \code
/// std::atomic<int> lost = 0;
/// futures::set_log_handler([&lost](std::string_view, std::exception_ptr) { ++lost; });
/// executor.submit([] { throw std::runtime_error("nobody asks"); });
/// executor.shutdown();
/// futures::set_log_handler(nullptr);
/// assert(lost == 1);
/// \endcode
inline log_handler set_log_handler(log_handler handler) {
    using registry = detail::log_registry;
    registry::reference replacement(handler ? new registry::kept_handler{std::move(handler)} : nullptr);
    // Copy first, as copying may throw.
    for (;;) {
        const registry::reference before = registry::instance().handler();
        log_handler result = before ? before.fn() : log_handler();
        if (registry::instance().exchange_handler(before, replacement)) {
            return result;
        }
    }
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/result_type.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Its address stands for the type `T`. Default visibility gives all shared libraries one address, unless `T`
// itself is hidden, or on Windows. It is not const: linkers may fold constants.
template <class T>
[[gnu::visibility("default")]] constinit inline char type_tag = 0;

// `T` with its references and qualifiers, which `typeid` ignores.
template <class T>
struct exact_type {};

// A `result_type` names the type of a future's result. Where two shared libraries have their own tag of a
// type, the compiler's description of the type decides. Without RTTI there is none, and the types seem to
// differ.
class result_type {
public:
    template <class T>
    [[nodiscard]] static result_type of() noexcept {
#if defined(__cpp_rtti)
        return {&type_tag<T>, &typeid(exact_type<T>)};
#else
        return {&type_tag<T>, nullptr};
#endif
    }

    friend bool operator==(const result_type& a, const result_type& b) noexcept {
        return a.tag_ == b.tag_ || (a.info_ && b.info_ && is_same(*a.info_, *b.info_));
    }

private:
    [[nodiscard]] static bool is_same(const std::type_info& a, const std::type_info& b) noexcept {
#if defined(_LIBCPP_VERSION)
        // libc++ compares addresses, and each shared library may have its own description. A name that is
        // local to a file, in an unnamed namespace or a static function, may stand for another type
        // elsewhere.
        const char* const name = a.name();
        return a == b || (std::strcmp(name, b.name()) == 0 && !std::strstr(name, "_GLOBAL__N_") &&
                          !std::strstr(name, "ZL"));
#else
        return a == b;
#endif
    }

    result_type(const char* tag, const std::type_info* info) noexcept : tag_(tag), info_(info) {}

    const char* tag_;
    const std::type_info* info_;  // null without RTTI
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/trampoline.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `trampoline` makes calls of user code that may lead to the next such call: a done callback completes
// another future, a result's destructor gives up the last handle on another, a capture cancels another task.
// Up to a depth, the calls run on top of each other, so each returns before its cause goes on. Deeper calls
// are postponed, and the outermost call of the thread runs them. So a chain of any length needs a bounded
// part of the stack.
class trampoline {
public:
    // Calls `fn()` now, or later if this thread is too deep in such calls. So `fn` must own what it uses.
    template <class Fn>
    static void call(Fn fn) noexcept {
        static_assert(std::is_nothrow_invocable_v<Fn&>);
        constexpr int deepest = 32;
        if (depth_ >= deepest) {
            // Null if there is no memory to postpone the call: then call at once, however deep. The
            // constructor, which moves from `fn`, has not run then.
            if (postponed* const later = new (std::nothrow) postponed_call<Fn>(std::move(fn))) {
                postpone(*later);
                return;
            }
        }
        ++depth_;
        fn();  // NOLINT(clang-analyzer-cplusplus.Move,bugprone-use-after-move): not moved from, see above
        --depth_;
        if (depth_ == 0) {
            run_postponed();
        }
    }

    // Runs this thread's postponed calls. A thread that is about to block might wait for one of them.
    static void run_postponed() noexcept {
        if (first_) {
            run_all_postponed();
        }
    }

private:
    static void run_all_postponed() noexcept;

    // No virtual functions: each `Fn` would have its own description of the type in every unit.
    struct postponed {
        void (*run)(postponed& self) noexcept;  // makes the call, and destroys `self`
        postponed* next = nullptr;
    };

    template <class Fn>
    struct postponed_call : postponed {
        explicit postponed_call(Fn&& its_fn) noexcept : postponed{run_and_delete}, fn(std::move(its_fn)) {}

        static void run_and_delete(postponed& self) noexcept {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): the constructor has seen to it
            auto* const call = static_cast<postponed_call*>(&self);
            call->fn();
            delete call;
        }

        Fn fn;
    };

    static void postpone(postponed& added) noexcept {
        (last_ ? last_->next : first_) = &added;
        last_ = &added;
    }

    static constinit inline thread_local int depth_ = 0;
    static constinit inline thread_local postponed* first_ = nullptr;
    static constinit inline thread_local postponed* last_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void trampoline::run_all_postponed() noexcept {
    while (postponed* const next = first_) {
        first_ = next->next;
        if (!first_) {
            last_ = nullptr;
        }
        ++depth_;
        next->run(*next);
        --depth_;
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/waiter.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// An `outcome` says how a future became done.
enum class outcome { value, exception, cancelled };

// A `waiter` is told once that a future is done. It is linked into the future's list until it is removed or
// told, and must live that long. Nobody uses a waiter after it was told. The future's state may be gone
// before the waiter is told.
//
// Nothing else can derive from this class than the two kinds of waiters. A `thread_waiter` wakes a thread. A
// `callback` does everything else.
class waiter {
public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

protected:
    ~waiter() = default;

private:
    friend class callback;
    friend class thread_waiter;
    friend class waiter_list;

    waiter() = default;

    // Called on the thread that completes or cancels the future.
    virtual void on_done(outcome how) noexcept = 0;

    // Called under the lock of the state if the future, which is not done, depends on something else now, or
    // can be run. Notifies the thread, if that helps what it waits for.
    virtual void on_change() noexcept {}

    // Called under the lock of the state, just before the future becomes done, and so before `on_done`. Once
    // the lock is free, the state may be gone.
    virtual void on_ending() noexcept {}

    [[nodiscard]] virtual bool is_callback() const noexcept = 0;

    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
};

// A `thread_waiter` is how a thread waits. Its `on_done` notifies that thread and does nothing else: it runs
// no user code, and completes and cancels no future.
class thread_waiter : public waiter {
protected:
    thread_waiter() = default;
    ~thread_waiter() = default;

private:
    [[nodiscard]] bool is_callback() const noexcept final { return false; }
};

// `waiter_list` holds the waiters of one future, guarded by the state's lock. It takes one word: `previous_`
// of the first waiter is the last waiter.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    waiter_list& operator=(waiter_list&&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Returns whether there is a `callback`. Callbacks come last.
    [[nodiscard]] bool has_callback() const noexcept { return first_ && first_->previous_->is_callback(); }

    void add_first(waiter& added) noexcept {
        added.next_ = first_;
        added.previous_ = first_ ? std::exchange(first_->previous_, &added) : &added;
        first_ = &added;
    }

    void add_last(waiter& added) noexcept {
        if (!first_) {
            add_first(added);
            return;
        }
        added.next_ = nullptr;
        added.previous_ = std::exchange(first_->previous_, &added);
        added.previous_->next_ = &added;
    }

    void remove(waiter& removed) noexcept {
        (removed.next_ ? removed.next_ : first_)->previous_ = removed.previous_;
        (first_ == &removed ? first_ : removed.previous_->next_) = removed.next_;
    }

    // Forgets the waiters of another process.
    void forget_all() noexcept { first_ = nullptr; }

    // Tells the waiting threads that the future has changed.
    void tell_change() noexcept {
        for_each_thread([](waiter& each) { each.on_change(); });
    }

    // Tells the waiting threads that the future is about to be done.
    void tell_ending() noexcept {
        for_each_thread([](waiter& each) { each.on_ending(); });
    }

    // Tells all waiters in their order. A waiter may be gone as soon as it was told.
    void tell(outcome how) noexcept {
        for (waiter* each = std::exchange(first_, nullptr); each != nullptr;) {
            std::exchange(each, each->next_)->on_done(how);
        }
    }

private:
    template <class Visit>
    void for_each_thread(Visit visit) noexcept {
        for (waiter* each = first_; each && !each->is_callback(); each = each->next_) {
            visit(*each);
        }
    }

    waiter* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/synchronization.hpp

// `<chrono>` would also bring calendars, time zones and their output, in GCC 13 and later more text than all
// else that the library includes. The headers above declare functions of durations and points in time. Each
// standard library gives them, and so this library, the clocks and units from a header of its own.

// Everything by which the threads of a pool can see, wait for, or start each other comes from here; it is the
// standard library's. The tests (tests/model) put a header with the same names in the place of this one: it
// decides which thread goes on, and so tries one interleaving after the other.
namespace concurrent::futures { inline namespace v0_1 { namespace detail::sync {

using std::atomic;
using std::condition_variable;
using std::mutex;
using std::thread;
using std::chrono::steady_clock;

namespace this_thread = std::this_thread;

// Tells the processor that this thread is spinning.
inline void spin_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
}

}}}  // namespace concurrent::futures::detail::sync

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/back_off.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Waits for what another running thread does in a few instructions, such as the holder of a spin lock. At
// first it keeps the processor. Then it yields, as the other thread must have lost its processor. At last it
// sleeps, as a thread of a higher priority would otherwise never let the other one run.
class back_off {
public:
    void pause() noexcept;

private:
    int attempts_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void back_off::pause() noexcept {
    constexpr int spins = 64;
    constexpr int yields = 512;
    if (attempts_ < spins) {
        sync::spin_pause();
    } else if (attempts_ < spins + yields) {
        sync::this_thread::yield();
    } else {
        sync::this_thread::sleep_for(std::chrono::microseconds(50));
        return;
    }
    ++attempts_;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/spin_wait.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Counts the threads that want a processor, as far as the pools of this process know: the workers that are
// not parked, and the threads that spin while they wait for those.
class runnable_threads {
public:
    // Relaxed, like all uses: an estimate, which orders nothing.
    static void add(std::size_t more) noexcept { count_.fetch_add(more, std::memory_order_relaxed); }
    static void forget_all_but(std::size_t left) noexcept { count_.store(left, std::memory_order_relaxed); }
    static void remove(std::size_t fewer) noexcept { count_.fetch_sub(fewer, std::memory_order_relaxed); }

    // Whether this thread is a worker's and so counted already.
    static void count_this_thread(bool counts) noexcept { counts_this_thread_ = counts; }
    [[nodiscard]] static bool counts_this_thread() noexcept { return counts_this_thread_; }

    // Asks for the number of processors, unless some thread has asked in this second: to ask costs more than
    // to make an executor. Each new executor calls this, so a change is noticed.
    [[gnu::noinline]] static void note_processors() noexcept {
        note_processors(sync::steady_clock::now(), usable_cpus);
    }

    // The same, with `now` in place of the clock and `ask` in place of the operating system.
    template <class Ask>
    static void note_processors(sync::steady_clock::time_point now, Ask ask) noexcept {
        const auto second = static_cast<std::size_t>(
            std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
        // Another thread may be asking for the first time and have no answer yet; then this thread asks too.
        if (noted_in_second_.exchange(second, std::memory_order_relaxed) != second ||
            processors_.load(std::memory_order_relaxed) == 0) {
            processors_.store(static_cast<std::size_t>(ask()), std::memory_order_relaxed);
        }
    }

    // Whether each counted thread has a processor to itself, so that a spinning thread takes none from
    // another.
    [[nodiscard]] static bool fit() noexcept {
        std::size_t processors = processors_.load(std::memory_order_relaxed);
        if (processors == 0) {  // no executor was made: the thread waits for the future of a promise
            note_processors();
            processors = processors_.load(std::memory_order_relaxed);
        }
        return processors > 1 && count_.load(std::memory_order_relaxed) <= processors;
    }

private:
    // One for all shared libraries.
    [[gnu::visibility("default")]] static constinit inline thread_local bool counts_this_thread_ = false;
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> count_{0};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> processors_{0};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> noted_in_second_{0};
};

// Requires: the calling thread is counted as runnable, and `runnable_threads::fit()`. Waits for `ready`
// without sleeping, about as long as it would cost to sleep and be woken. Returns false if that was in vain.
// Each look at `ready` takes the cache line from the thread that is to write it; so there are `pauses`
// between two looks.
//
// To spin for as long as the alternative costs is never more than twice as dear as the best choice (Karlin,
// Li, Manasse and Owicki, "Empirical studies of competitive spinning for a shared-memory multiprocessor",
// SOSP 1991).
//
// One function for all conditions, as an indirect call takes no time beside a pause.
bool spin_until(int pauses, bool (*is_ready)(void* condition) noexcept, void* condition) noexcept;
template <class Ready>
bool spin_until(int pauses, Ready ready) noexcept {
    return spin_until(
        pauses, [](void* condition) noexcept { return (*static_cast<Ready*>(condition))(); }, &ready);
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool spin_until(int pauses, bool (*is_ready)(void* condition) noexcept,
                                            void* condition) noexcept {
    using clock = sync::steady_clock;
    // Of the clock's type, so that no unit compiles other comparisons.
    constexpr clock::duration limit = std::chrono::microseconds(20);
    constexpr clock::duration taken_away = std::chrono::microseconds(5);  // in a round: by another thread
    // The awaited thread may be on this very processor: a woken thread often starts on its waker's. So each
    // round ends with a yield, and the first round is short. But where threads on two processors wait for
    // each other in turn, a yield may take longer than a short round, and each would make the other yield,
    // again and again. So a thread whose short rounds were in vain tries a long one, and keeps to it if it
    // helps.
    constexpr int pauses_in_short_round = 16;
    constexpr int pauses_in_round = 64;
    constexpr int pauses_in_long_round = 128;
    constexpr int short_rounds = 32;
    static constinit thread_local int short_rounds_left = 0;
    int pauses_left = short_rounds_left != 0 ? pauses_in_short_round : pauses_in_long_round;
    const clock::time_point start = clock::now();
    clock::time_point before;
    clock::time_point now = start;
    bool is_first_round = true;
    do {
        for (; pauses_left > 0; pauses_left -= pauses) {
            if (is_ready(condition)) {
                return true;
            }
            for (int pause = 0; pause != pauses; ++pause) {
                sync::spin_pause();
            }
        }
        if (is_first_round) {
            short_rounds_left = short_rounds_left != 0 ? short_rounds_left - 1 : short_rounds;
            is_first_round = false;
        }
        sync::this_thread::yield();
        pauses_left = pauses_in_round;
        before = now;
        now = clock::now();
    } while (now - before < taken_away && now - start < limit);
    return is_ready(condition);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/forks.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The child of a fork has only the thread that called `fork`, and a copy of the parent's memory: pools
// without their threads, and locks that missing threads hold for ever. So pools and futures remember the
// process that made them. In another process they do nothing that needs those threads or waits for their
// locks.
class forks {
public:
    // The number of this process. It is never 0, and differs from that of the process that forked this one.
    // It is the operating system's number, so it is the same for all shared libraries, even those that share
    // no variables.
    [[nodiscard, gnu::always_inline]] static std::uint32_t process() noexcept {
        // Relaxed, like all uses. A thread that finds 0 asks the system, and all threads get the same answer.
        // In the child of a fork, the only thread writes it.
        const std::uint32_t known = process_.load(std::memory_order_relaxed);
        return known != 0 ? known : ask_and_watch();
    }

private:
    [[gnu::visibility("default"), gnu::cold, gnu::noinline]] static std::uint32_t ask_and_watch() noexcept {
        static const bool watched = (at_fork(nullptr, nullptr, note_fork), true);
        static_cast<void>(watched);
        const std::uint32_t number = process_number();
        process_.store(number, std::memory_order_relaxed);
        return number;
    }

    [[gnu::cold]] static void note_fork() noexcept {
        process_.store(process_number(), std::memory_order_relaxed);
        runnable_threads::forget_all_but(0);
    }

    // One for all shared libraries that share variables.
    [[gnu::visibility("default")]] static constinit inline std::atomic<std::uint32_t> process_{0};
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/spin_lock.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A mutex for sections of a few instructions. It takes one byte, and unlocking is a plain store. `std::mutex`
// unlocks by an atomic read-modify-write, and puts a thread that finds it locked to sleep, which takes a
// hundred times as long as such a section.
class spin_lock {
public:
    spin_lock() = default;
    spin_lock(const spin_lock&) = delete;
    spin_lock& operator=(const spin_lock&) = delete;

    [[gnu::always_inline]] void lock() noexcept {
        // Acquire: pairs with the release of `unlock`.
        while (locked_.exchange(true, std::memory_order_acquire)) {
            wait();
        }
    }

    // Acquire: pairs with the release of `unlock`.
    [[nodiscard]] bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }

    // Release: pairs with the acquire of `lock` and `try_lock`.
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
    [[gnu::noinline]] void wait() const noexcept {
        back_off delay;
        // Relaxed: the exchange orders. The load only reads, so the holder keeps the cache line.
        while (locked_.load(std::memory_order_relaxed)) {
            delay.pause();
        }
    }

    sync::atomic<bool> locked_{false};
};

// A `std::lock_guard` for where a few instructions count: compilers leave that one as a call at times.
class spin_guard {
public:
    [[gnu::always_inline]] explicit spin_guard(spin_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    spin_guard(const spin_guard&) = delete;
    spin_guard& operator=(const spin_guard&) = delete;
    [[gnu::always_inline]] ~spin_guard() { lock_.unlock(); }

private:
    spin_lock& lock_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/blocked_wait.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The wait of a worker that sleeps, as its pool sees it.
class blocked_wait {
public:
    blocked_wait(const blocked_wait&) = delete;
    blocked_wait& operator=(const blocked_wait&) = delete;

    // Has the worker look again whether there is something that it can run. If `tells_all`, it then has all
    // others look again, as if it had just begun to sleep.
    virtual void look_again(bool tells_all) noexcept = 0;

protected:
    blocked_wait() = default;
    ~blocked_wait() = default;

private:
    friend class blocked_wait_list;

    blocked_wait* next_ = nullptr;
    blocked_wait* previous_ = nullptr;
    const void* worker_ = nullptr;
};

// The waits of the workers of one pool that sleep in a task. A worker has one at most; so has a spare.
class blocked_wait_list {
public:
    void add_spare() noexcept {
        const std::lock_guard lock(lock_);
        ++spares_;
    }

    // If all of the `workers` sleep that are left, and all spares, it is as if they had just begun to.
    void remove_spare(std::size_t workers) noexcept;

    void add(blocked_wait& added, const void* worker) noexcept;

    void remove(blocked_wait& removed) noexcept;

    // Has all workers look again that sleep.
    void have_all_look_again() noexcept {
        const std::lock_guard lock(lock_);
        look_again(false);
    }

    // Calls `visit(wait, removals)` for the wait of `worker`, if it sleeps. `removals` is how many waits have
    // been removed from the list: if that has changed, the others may have another place than before. The
    // wait doesn't end meanwhile; nor do those below.
    template <class Visit>
    void for_wait_of(const void* worker, Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        visit_all([&](blocked_wait& each, std::size_t removals) {
            if (each.worker_ == worker) {
                visit(each, removals);
            }
        });
    }

    // Does that for each wait, if all of the `workers` sleep, and all spares.
    template <class Visit>
    void for_all(std::size_t workers, Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        if (all_sleep(workers)) {
            visit_all(visit);
        }
    }

    // Does that for each wait.
    template <class Visit>
    void for_each(Visit&& visit) noexcept {
        const std::lock_guard lock(lock_);
        visit_all(visit);
    }

private:
    // Requires, here and below: the lock is held.
    [[nodiscard]] bool all_sleep(std::size_t workers) const noexcept { return size_ == workers + spares_; }

    void look_again(bool tells_all) noexcept {
        visit_all([&](blocked_wait& each, std::size_t) { each.look_again(tells_all); });
    }

    template <class Visit>
    void visit_all(Visit&& visit) noexcept {
        for (blocked_wait* each = first_; each; each = each->next_) {
            visit(*each, removals_);
        }
    }

    spin_lock lock_;
    blocked_wait* first_ = nullptr;
    std::size_t size_ = 0;
    std::size_t spares_ = 0;
    std::size_t removals_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::remove_spare(std::size_t workers) noexcept {
    const std::lock_guard lock(lock_);
    --spares_;
    if (all_sleep(workers)) {
        look_again(true);
    }
}

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::add(blocked_wait& added, const void* worker) noexcept {
    const std::lock_guard lock(lock_);
    added.worker_ = worker;
    added.previous_ = nullptr;
    added.next_ = std::exchange(first_, &added);
    if (added.next_) {
        added.next_->previous_ = &added;
    }
    ++size_;
}

CONCURRENT_FUTURES_FUNCTION void blocked_wait_list::remove(blocked_wait& removed) noexcept {
    const std::lock_guard lock(lock_);
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    if (removed.next_) {
        removed.next_->previous_ = removed.previous_;
    }
    --size_;
    ++removals_;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/errand.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class helper;

// What a worker leaves to a spare one.
class errand {
public:
    errand(const errand&) = delete;
    errand& operator=(const errand&) = delete;
    virtual ~errand() = default;

    // The spare calls this, on its thread.
    virtual void run(helper& spare) noexcept = 0;

protected:
    // Errands for the same are equal.
    explicit errand(const void* what_for) noexcept : what_for_(what_for) {}

private:
    friend class permit;

    const void* const what_for_;
    errand* next_ = nullptr;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/idle_watch.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The watch of a worker that waits for tasks of its own pool, but may have to stop waiting before they are
// done. The worker leaves the tasks to other workers as long as one of those is idle or can be started. When
// that is no longer so, the watch is notified, once, and the worker has to run the tasks itself. The watch is
// in the pool's list from `pool_base::watch_idle` until it was notified or removed, and must live so long.
class idle_watch {
public:
    idle_watch(const idle_watch&) = delete;
    idle_watch& operator=(const idle_watch&) = delete;

    // Called by the thread that made the last idle worker busy. The watch may be gone when this returns.
    virtual void on_nobody_idle() noexcept = 0;

protected:
    idle_watch() = default;
    ~idle_watch() = default;

private:
    friend class idle_watch_list;

    idle_watch* next_ = nullptr;
    idle_watch* previous_ = nullptr;
    bool linked_ = false;
};

// The owner of the list guards it. A list that `take_all` returned needs no guard.
class idle_watch_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void add(idle_watch& added) noexcept {
        added.linked_ = true;
        added.previous_ = nullptr;
        added.next_ = std::exchange(first_, &added);
        if (added.next_) {
            added.next_->previous_ = &added;
        }
    }

    // Returns false if `removed` is not in the list any more: it was notified or is about to be.
    [[nodiscard]] bool remove(idle_watch& removed) noexcept {
        if (!removed.linked_) {
            return false;
        }
        removed.linked_ = false;
        (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
        if (removed.next_) {
            removed.next_->previous_ = removed.previous_;
        }
        return true;
    }

    // Takes all watches out, for `notify_all`.
    idle_watch_list take_all() noexcept {
        for (idle_watch* each = first_; each; each = each->next_) {
            each->linked_ = false;
        }
        idle_watch_list taken;
        taken.first_ = std::exchange(first_, nullptr);
        return taken;
    }

    // Requires: `take_all` returned this list; its owner's lock not held.
    void notify_all() noexcept {
        for (idle_watch* each = std::exchange(first_, nullptr); each;) {
            std::exchange(each, each->next_)->on_nobody_idle();
        }
    }

private:
    idle_watch* first_ = nullptr;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/helper.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The calling thread, if it can run the task that it waits for: a worker. A future says whether this thread
// can help it, see `shared_state_base::helper_here`.
class helper {
public:
    helper(const helper&) = delete;
    helper& operator=(const helper&) = delete;

    // If another worker is idle or can be started, it will run what waits: `watch` is notified when that is
    // no longer so. Else returns false.
    [[nodiscard]] virtual bool watch_idle(idle_watch& watch) noexcept = 0;

    // Returns false if `watch` was notified or is about to be. Its owner must then wait for the notification.
    [[nodiscard]] virtual bool unwatch_idle(idle_watch& watch) noexcept = 0;

    // From `begin_to_block` to `end_to_block`, other workers can see what this one waits for: it is about to
    // sleep. Another worker may call `look_again` meanwhile.
    virtual void begin_to_block(blocked_wait& wait) noexcept = 0;
    virtual void end_to_block(blocked_wait& wait) noexcept = 0;

    // Has a spare run `left`, on a thread of its own, when this worker blocks, unless one is about to run an
    // errand for the same. Returns false if no thread can be started.
    [[nodiscard]] virtual bool leave_to_spare(std::unique_ptr<errand> left) noexcept = 0;

protected:
    helper() = default;
    ~helper() = default;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/shared_state.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// `future_state` says how far a future has got.
///
/// \code
/// auto future = executor.submit([] {});
/// future.wait();
/// assert(future.state() == futures::future_state::finished);
/// \endcode
enum class future_state {
    pending,    ///< not started
    running,    ///< started, not finished
    cancelled,  ///< cancelled before it started
    finished    ///< returned a value or threw an exception
};

namespace detail {

class queued_state;

// Where a search is among what a future depends on, one after the other.
struct dependency_place {
    std::size_t index = 0;
    // Of the waits among which `index` counts, how many have been removed, see `blocked_wait_list`.
    std::size_t removals = 0;
};

// `shared_state_base` is what the handles on one future share, except for the value's type. A task is in the
// same allocation as its future's state. In these comments, the task's queue is what holds the task until it
// runs: a queue of a pool, or a `packaged_task`.
//
// A future has these states. The list says which thread may change each:
//
//     pending ──claim──> running ──complete──> finished
//        └─────cancel──> cancelling ─────────> cancelled
//
//   claim     the thread that will produce the result: a worker, a worker that waits for the task, the
//             caller of a `packaged_task`, the user of a `Promise`, or the pool, which fails its tasks
//   cancel    each thread with a handle, and the pool
//   complete  the thread that claimed; from cancelling to cancelled, the thread that cancelled
//
// Claiming and cancelling are each one compare-exchange on the same word, so exactly one thread wins. The
// winner alone may run or destroy the captures. The claimer alone may write the result until the claimer
// completes; from then on every thread may read the result. To other threads, cancelling looks like pending:
// the captures are destroyed before anybody can see that the task is over.
//
// The word also counts the handles, and its flag `in_queue` says that a queue holds the task. The last handle
// destroys the result or the exception. If another thread has run or cancelled the task and a queue still
// holds it, the queue then keeps nothing but the memory. A worker that has taken the task out of its queue
// clears `in_queue` in the same step that completes the task, or, if it took the task back, that claims it.
// So whoever sees a finished future also sees who else can still look at the result. The last handle may move
// the value out, or report that nobody has looked at the exception, however far the worker has got.
//
// A future may wait for other futures before it is queued or becomes done: a continuation, or what gathers
// several. The flag `unqueued` says so. Until it is cleared, `in_queue` says that callbacks of those others
// hold the memory, and every step that leaves pending is taken under the lock. So a thread that has the lock,
// and sees that the future waits for others, can reach those.
//
// A worker that waits for a task, and runs it, may have no handle on it: the others must be able to tell
// which handle is the last. So `helped` holds the memory, from the claim until the task is done. A worker
// that looks at what it waits for has a `weak_handle`, which is like a `std::weak_ptr`: it holds nothing but
// the memory, too, and is no handle. If the last handle goes meanwhile, it destroys the result all the same.
//
// A coroutine is claimed once, when it starts, and `helped` holds the memory of what runs until that is done.
// While it doesn't run, it is `suspended`: first it waits for another future, as `unqueued` says; then it
// waits in a queue for its next turn, which is claimed like the first.
//
//     running ──suspend──> suspended, unqueued ──begin_to_queue_again──> suspended ──claim_turn──> running
//
// A worker that waits for the coroutine may take its turn while the queue still has it. Should the next turn
// come before the queue has dropped the last one, that is the next one.
//
// The bit `locked` guards the list of waiters. A thread holds it for a few instructions, and never while it
// runs user code. Completing takes it only if there are waiters or another thread holds it.
//
// The word contains the number of the process, see `forks`. A lock or a waiter of another process belongs to
// a thread that doesn't exist here, so the next thread that locks discards both.
class shared_state_base {
public:
    // The state of a promise starts with one handle.
    shared_state_base() noexcept : word_(one_handle | in_process(forks::process())) {}

    // The state of a task starts with one handle, and in its queue. The queue belongs to `process`.
    explicit shared_state_base(std::uint32_t process) noexcept
        : word_(one_handle | in_queue | in_process(process)) {}

    shared_state_base(const shared_state_base&) = delete;
    shared_state_base& operator=(const shared_state_base&) = delete;

    // Acquire, here and in the next two: pairs with the release in `settle`, so the caller can read the
    // result.
    [[nodiscard]] future_state state() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) != 0 ? future_state::pending : state_of(word);
    }

    [[nodiscard]] bool done() const noexcept { return is_done(word_.load(std::memory_order_acquire)); }

    // Returns whether the task is cancelled, or a thread is destroying its captures in order to cancel
    // it.
    [[nodiscard]] bool will_not_run() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return (word & cancelling) || state_of(word) == future_state::cancelled;
    }

    // Requires: the future is done.
    [[nodiscard]] outcome how_done() const noexcept {
        return state() == future_state::cancelled ? outcome::cancelled : how_finished();
    }

    // Requires: the future is finished. The exception doesn't count as looked at.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    void mark_exception_as_looked_at() noexcept {
        // Relaxed: only the last handle reads the mark, and the release and acquire in `remove_handle` come
        // between.
        word_.fetch_or(looked_at, std::memory_order_relaxed);
    }

    void add_handle() noexcept {
        // Relaxed: the caller has a handle, or is the queue that has the task, so no thread can be destroying
        // the state.
        word_.fetch_add(one_handle, std::memory_order_relaxed);
    }

    void remove_handle() noexcept {
        // Acquire: pairs with the release with which other threads removed handles or cleared `in_queue`.
        if ((word_.load(std::memory_order_acquire) & (handles | holds_memory)) == one_handle) {
            destroy();  // nobody else can add a handle
            return;
        }
        // Release: what this thread did with the state comes before its destruction; pairs with the acquire
        // here and above. Acquire: pairs with that release in the other threads, if this one destroys.
        const std::uint64_t before = word_.fetch_sub(one_handle, std::memory_order_acq_rel);
        if ((before & handles) != one_handle) {
            return;
        }
        if (!(before & holds_memory)) {
            destroy();
        } else {
            clear_result_if_finished(before);
        }
    }

    // Whether there is one handle, but for a promise's.
    [[nodiscard]] bool has_last_handle() const noexcept { return has_handles(has_promise() ? 2 : 1); }

    // Returns whether the caller's handle is the only one.
    [[nodiscard]] bool has_one_handle() const noexcept { return has_handles(1); }

    // A hint, but certain if nobody else can copy or drop a handle.
    [[nodiscard]] bool has_more_handles_than(std::uint64_t number) const noexcept {
        return (word_.load(std::memory_order_relaxed) & handles) > number * one_handle;  // relaxed: a hint
    }

    // Changes the state from pending to running. Exactly one caller gets true, and must produce the result.
    [[nodiscard]] bool claim() noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending) {
            // Relaxed: the queue or the handle that the claimer came by orders what the claimer reads;
            // `complete` publishes what it writes.
            if (word_.compare_exchange_weak(word, with_state(word, future_state::running),
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    template <bool is_weak>
    class handle_of;
    using handle = handle_of<false>;
    using weak_handle = handle_of<true>;

    // pending → running, for a worker that waits for the task, and may have no handle. If it has a weak one
    // to give up, `given_up`, the same step removes that. If the worker has `taken` the task out of its
    // queue, the step also clears `in_queue`. Returns false if the task waits for other futures.
    [[nodiscard]] bool claim_to_help(bool taken, weak_handle* given_up) noexcept {
        const std::uint64_t removed = given_up ? one_weak_handle : 0;
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (state_of(word) == future_state::pending && !(word & unqueued)) {
            const std::uint64_t claimed = (with_state(word, future_state::running) | helped) - removed;
            // Acquire: pairs with the release in `begin_to_queue`.
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_acquire, std::memory_order_relaxed)) {
                if (given_up) {
                    static_cast<void>(given_up->release());
                }
                return true;
            }
        }
        return false;
    }

    // pending → running, for a future that waits for others.
    [[nodiscard]] bool claim_unqueued() noexcept {
        bool claimed = false;
        with_lock([&] { claimed = claim(); });
        return claimed;
    }

    // Calls `fn()` under the lock.
    template <class Fn>
    void with_lock(Fn fn) noexcept {
        lock();
        fn();
        unlock();
    }

    // Calls `fn()` under the lock if the future still waits for others. Else returns false.
    template <class Fn>
    bool if_unqueued(Fn fn) noexcept {
        bool waits = false;
        with_lock([&] {
            waits = is_unqueued();
            if (waits) {
                fn();
            }
        });
        return waits;
    }

    // Does the same, and then has the threads that wait for the future look again at what it waits for.
    template <class Fn>
    [[nodiscard]] bool change(Fn fn) noexcept {
        return if_unqueued([&] {
            fn();
            waiters_.tell_change();
        });
    }

    // The future no longer waits for others: it is about to be queued, and may be run from now on. Returns
    // false if it was cancelled.
    [[nodiscard]] bool begin_to_queue() noexcept {
        // Release, here and below: pairs with the acquire in `is_unqueued` and `claim_to_help`. It publishes
        // what the future waited for.
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (is_waiting(word) && (word & unqueued) && !(word & (locked | has_waiters))) {
            // Acquire: pairs with the release in `unlock`. Other threads may have read, under the lock, what
            // the task is about to change.
            if (word_.compare_exchange_weak(word, word & ~unqueued, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return change([this] { word_.fetch_and(~unqueued, std::memory_order_release); });
    }

    // Whether the future waits for others before it is queued or done. Under the lock, true is certain.
    [[nodiscard, gnu::always_inline]] bool is_unqueued() const noexcept {
        // Acquire: pairs with the release in `begin_to_queue`.
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        return is_waiting(word) && (word & unqueued);
    }

    // Whether the future waits for others, or was cancelled or failed while it did. Then its pool may exist
    // no more.
    [[nodiscard]] bool was_not_queued() const noexcept {
        return (word_.load(std::memory_order_acquire) & unqueued) != 0;  // acquire: as in `is_unqueued`
    }

    // The following are for coroutines.

    // pending → running, for one that starts at once. Requires: no other thread knows the state.
    void note_started() noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        word_.store((with_state(word, future_state::running) | helped) & ~in_queue,
                    std::memory_order_relaxed);
    }

    // The coroutine, which runs on this thread, is about to wait for another future. Calls `fn()` under the
    // lock.
    template <class Fn>
    void suspend(Fn fn) noexcept {
        with_lock([&] {
            fn();
            word_.fetch_or(suspended | unqueued, std::memory_order_relaxed);  // relaxed: the lock orders it
            waiters_.tell_change();
        });
    }

    // The coroutine goes on, on this thread, without a turn in a queue. Calls `fn()` under the lock.
    template <class Fn>
    void go_on(Fn fn) noexcept {
        with_lock([&] {
            fn();
            word_.fetch_and(~(suspended | unqueued), std::memory_order_relaxed);  // as above
        });
    }

    // The coroutine need not wait any more: it is about to be queued, and its turn may be claimed from now
    // on. Calls `fn()` under the lock. Returns false if a queue has it still, from its last turn, so that it
    // must not be pushed.
    template <class Fn>
    [[nodiscard]] bool begin_to_queue_again(Fn fn) noexcept {
        bool is_to_be_pushed = false;
        with_lock([&] {
            fn();
            std::uint64_t word = word_.load(std::memory_order_relaxed);
            // Release: pairs with the acquire in `claim_turn`. It publishes the awaited result.
            while (!word_.compare_exchange_weak(word, (word & ~unqueued) | in_queue,
                                                std::memory_order_release, std::memory_order_relaxed)) {
            }
            is_to_be_pushed = !(word & in_queue);
            waiters_.tell_change();
        });
        return is_to_be_pushed;
    }

    // The coroutine goes on. Returns true to one caller for each turn. If the caller has `taken` it out of
    // its queue, the same step clears `in_queue`.
    [[nodiscard]] bool claim_turn(bool taken) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & (suspended | unqueued)) == suspended) {
            const std::uint64_t claimed = word & ~suspended;
            // Acquire: pairs with the release in `begin_to_queue_again`.
            if (word_.compare_exchange_weak(word, taken ? claimed & ~in_queue : claimed,
                                            std::memory_order_acquire, std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    // Does what `release_from_queue` does, unless the coroutine waits to be run after all: then returns
    // false.
    [[nodiscard]] bool release_unless_live() noexcept {
        wait_for_unlocking();
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        do {
            if (is_waiting(word) && !(word & unqueued)) {
                return false;
            }
            // As in `release_from_queue`.
        } while (!word_.compare_exchange_weak(word, word & ~in_queue, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
        delete_if_released(word & ~in_queue);
        return true;
    }

    // running → finished. Requires: the caller has claimed, stored the result, and has a handle.
    void complete() noexcept {
        static_cast<void>(settle<future_state::finished, 0>(how_finished(), [] {}));
    }

    // Does the same, and needs no handle, as something else holds the memory: `helped`, which the same step
    // clears, or callbacks of other futures.
    void complete_without_handle() noexcept {
        if (!(settle<future_state::finished, helped>(how_finished(), [] {}) & handles)) {
            destroy_without_handle();
        }
    }

    // running → finished; the same step clears `in_queue`. If there are callbacks, calls `before_callbacks()`
    // before any waiter is told. Returns true if no handle is left: then the caller must
    // `destroy_without_handle`.
    // Requires: the caller has claimed, taken the task out of its queue, and stored the result.
    template <class BeforeCallbacks>
    [[nodiscard]] bool complete_taken(BeforeCallbacks before_callbacks) noexcept {
        return !(settle<future_state::finished, in_queue>(how_finished(), before_callbacks) & handles);
    }

    // Returns whether there is a handle. For the thread that has taken the task, false is final; else it is a
    // hint.
    [[nodiscard]] bool has_handle() const noexcept {
        // Relaxed: `complete_taken` sees a handle that is removed meanwhile.
        return (word_.load(std::memory_order_relaxed) & handles) != 0;
    }

    // Logs an exception that nobody looked at, and destroys the result. Frees the state, unless something
    // still holds the memory, and then does that. Requires: there was no handle when this thread completed
    // the future.
    void destroy_without_handle() noexcept {
        // Acquire: pairs with the release with which other threads gave the memory up.
        if (is_left(word_.load(std::memory_order_acquire))) {
            destroy();
        } else {
            clear_result();
        }
    }

    // A `handle` owns one of the handles that the word counts, or is empty. A `weak_handle` holds the memory
    // of the state for a moment, or is empty.
    template <bool is_weak>
    class handle_of {
    public:
        handle_of() noexcept = default;
        // Requires, for a weak one: the future can't be done yet, or there is a handle.
        explicit handle_of(shared_state_base& state) noexcept : state_(&state) {
            if constexpr (is_weak) {
                state.add_weak_handle();
            } else {
                state.add_handle();
            }
        }
        // Takes over a handle that the caller has.
        [[nodiscard]] static handle_of adopt(shared_state_base& state) noexcept { return handle_of(&state); }
        handle_of(handle_of&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
        handle_of& operator=(handle_of&& other) noexcept {
            if (this != &other) {
                reset();
                state_ = std::exchange(other.state_, nullptr);
            }
            return *this;
        }
        ~handle_of() { reset(); }
        [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
        void reset() noexcept {
            if (shared_state_base* const state = std::exchange(state_, nullptr)) {
                if constexpr (is_weak) {
                    state->remove_weak_handle();
                } else {
                    state->remove_handle();
                }
            }
        }
        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }
        // Gives up the handle, for the caller to take over.
        [[nodiscard]] shared_state_base& release() noexcept { return *std::exchange(state_, nullptr); }

    private:
        explicit handle_of(shared_state_base* state) noexcept : state_(state) {}

        shared_state_base* state_ = nullptr;
    };

    // pending → cancelled. Returns true if this call or an earlier one cancelled the future. If this thread
    // is destroying the captures of a cancelled task, it may return true before the future is cancelled.
    //
    // What the future waits for is cancelled too, as far as nobody else has a handle on that; or requested to
    // stop, if `stop`.
    bool cancel(bool stop = false) noexcept;

    // Cancels the future if it has not started, else requests a stop. Returns whether that had an effect.
    bool request_stop() noexcept {
        return (state() == future_state::pending && cancel(true)) || signal_stop();
    }

    // Requests a stop of the running task. Returns whether that had an effect.
    CONCURRENT_FUTURES_FUNCTION virtual bool signal_stop() noexcept;

    // Returns the type of the result.
    [[nodiscard]] virtual result_type type() const noexcept = 0;

    // The following functions say whether, and how, the calling thread can help a future that it waits for. A
    // future that depends on nothing that could run here, such as a promise's, can't be helped.

    enum class help_result {
        none,             // this thread can't help now
        helped,           // this thread ran the task, or something for which the task may wait
        waits_for_self,   // this thread is in the middle of running the task, so waiting would never end
        waits_for_others  // the future depends on others; this thread may be able to help those
    };

    // For a wait without a limit: runs the task if it is queued in this thread's pool; or, if another worker
    // of the pool runs it, something that it has submitted. If `given_up`, then the caller keeps the state by
    // that alone, and it is removed before anything runs.
    virtual help_result help(weak_handle* given_up) noexcept {
        static_cast<void>(given_up);
        return help_result::none;
    }
    // A hint for a thread that spins: whether `help()` would find something.
    [[nodiscard]] virtual bool may_help() noexcept { return false; }

    // For other waits: returns this thread's helper if it could run the task, else null.
    [[nodiscard]] virtual helper* helper_here() noexcept { return nullptr; }
    // Runs the task; returns false if it is no longer queued. Requires: `helper_here()` returned the first
    // argument. See above for the second.
    virtual bool help(helper&, weak_handle* given_up) noexcept {
        static_cast<void>(given_up);
        return false;
    }
    // Returns this thread's helper if the future may depend on others that this thread can run; else null.
    [[nodiscard]] virtual helper* helper_of_others() noexcept { return nullptr; }
    // Returns a weak handle on a future without which this one can't go on: the one with number
    // `place.index`, or, where that is done, a later one, whose number is stored there. If numbers have
    // changed since `place` was, begins anew. Returns an empty handle if there is none.
    //
    // When a future that waits for others comes to depend on another, or can be run, it tells its waiters by
    // `change`. A task that is queued or runs depends on what the workers wait for that keep it from ending.
    // When one of those begins to sleep, it calls `have_sleepers_look_again`.
    [[nodiscard]] virtual weak_handle dependency(dependency_place& place) noexcept {
        static_cast<void>(place);
        return {};
    }
    // Whether a dependency keeps its number, and what the future comes to depend on gets a greater one.
    [[nodiscard]] virtual bool numbers_dependencies() const noexcept { return false; }
    // Has the workers look again that could run this task, if it is queued, and that sleep: one of them may
    // depend on it. Others may run it first, but those that are busy may be so until this one is done.
    virtual void have_sleepers_look_again() noexcept {}
    // Whether the task may have to be run several times before it is done.
    [[nodiscard]] virtual bool runs_in_turns() const noexcept { return false; }
    // Returns whether this thread is in the middle of running the task.
    [[nodiscard]] virtual bool runs_here() noexcept { return false; }

    // Returns the task that a pool runs to complete this future, if there is one.
    [[nodiscard]] virtual queued_state* as_task() noexcept { return nullptr; }

    // Returns whether the future came from the parent process and was not done at the fork. Nothing here will
    // complete such a future.
    [[nodiscard]] bool is_inherited() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);  // relaxed: written before the fork
        return !is_done(word) && ((word & inherited) || is_of_another_process(word));
    }

    // Adds a thread, before all other waiters; returns false without adding it if the future is done. A
    // callback adds itself, see `callback::call_when_done`.
    [[nodiscard]] bool add_waiter(thread_waiter& added) noexcept {
        return add([&] { waiters_.add_first(added); });
    }

    // Returns false if the waiter was told or is about to be; then the caller must wait until it was told.
    [[nodiscard]] bool remove_waiter(thread_waiter& removed) noexcept { return remove(removed); }

    // Returns what `fn()` returns, and keeps the future from becoming done meanwhile; null if the future is
    // done.
    template <class Fn>
    [[nodiscard]] auto unless_done(Fn fn) noexcept -> decltype(fn()) {
        lock();
        auto result = done() ? decltype(fn())() : fn();
        unlock();
        return result;
    }

    // Requires: the caller has claimed, and stores no value.
    void set_exception(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }

    // Requires: the task could not be queued.
    void note_not_queued() noexcept {
        word_.fetch_and(~in_queue, std::memory_order_relaxed);  // relaxed: no other thread has a handle
    }

    // The queue releases a stale task: another thread has claimed or cancelled it.
    void release_from_queue() noexcept;

    // Whether something must be run, by a worker or by who waits for that, before the future can be done.
    [[nodiscard]] bool is_waiting() const noexcept {
        return is_waiting(word_.load(std::memory_order_relaxed));
    }

protected:
    virtual ~shared_state_base() = default;

    // The future waits for others from the beginning. Requires: no other thread knows the state.
    void note_unqueued() noexcept {
        word_.store(word_.load(std::memory_order_relaxed) | unqueued, std::memory_order_relaxed);
    }

    // Called if the future is cancelled while it waits for others, before its captures are destroyed: takes
    // its callbacks back, and cancels, or requests to stop, those others on which nobody else has a handle.
    virtual void stop_waiting(bool stop) noexcept { static_cast<void>(stop); }

    // Whether a `Promise` has one of the handles, until the future is done.
    [[nodiscard]] virtual bool has_promise() const noexcept { return false; }

    // Cancels what the caller has the last handle on, but for a promise; or requests it to stop, if `stop`.
    static void cancel_if_last(shared_state_base& state, bool stop) noexcept;

    // Destroys the captures. Requires: the caller has claimed the task or is cancelling it.
    virtual void discard_captures() noexcept = 0;
    // The task is stale now. Called under the lock; the queue releases a cancelled task only after that.
    virtual void note_stale_in_queue() noexcept {}
    // Destroys the result, of a state that has a value, and what it may refer to.
    virtual void discard_result() noexcept = 0;
    // Destroys the state, which has no exception, and frees its memory.
    virtual void dispose() noexcept { delete this; }

    // For what has a destructor that may do anything, for example give up the last handle on another future.
    void dispose_at_any_depth() noexcept {
        trampoline::call([this]() noexcept { delete this; });
    }

    // Returns whether there is a value to destroy. Requires: no other thread uses the state.
    [[nodiscard]] bool has_result() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        return state_of(word) == future_state::finished && !exception_ && !(word & cleared);
    }

private:
    friend class callback;

    [[nodiscard]] bool has_handles(std::uint64_t number) const noexcept {
        // Acquire: pairs with the release in `remove_handle`, after which the other handles read nothing
        // more.
        return (word_.load(std::memory_order_acquire) & handles) == number * one_handle;
    }

    // The word has two bits of `future_state`, six flags, 22 bits of the process's number (which are enough
    // on all known systems), four more flags, three bits of the number of weak handles, and from bit 37 the
    // number of handles. Eight weak handles count as one handle.
    static constexpr std::uint64_t state_bits = 3;
    static constexpr std::uint64_t locked = 1 << 2;
    static constexpr std::uint64_t has_waiters = 1 << 3;
    static constexpr std::uint64_t looked_at = 1 << 4;
    static constexpr std::uint64_t cancelling = 1 << 5;  // the state bits say running
    static constexpr std::uint64_t in_queue = 1 << 6;
    static constexpr std::uint64_t cleared = 1 << 7;  // the result or the exception is destroyed
    static constexpr std::uint64_t process_bits = 0x3FFF'FF00;
    static constexpr std::uint64_t inherited = 0x4000'0000;  // made by the process that forked this one
    static constexpr std::uint64_t unqueued = 0x8000'0000;   // it waits for other futures
    static constexpr std::uint64_t helped = std::uint64_t(1) << 32;     // a worker that waits for it runs it
    static constexpr std::uint64_t suspended = std::uint64_t(1) << 33;  // a coroutine that doesn't run
    static constexpr std::uint64_t one_weak_handle = std::uint64_t(1) << 34;
    static constexpr std::uint64_t weak_handles = 7 * one_weak_handle;
    static constexpr std::uint64_t one_handle = std::uint64_t(1) << 37;
    static constexpr std::uint64_t handles = ~(one_handle - 1);
    static constexpr std::uint64_t holds_memory = in_queue | helped | weak_handles;

    static constexpr future_state state_of(std::uint64_t word) noexcept {
        return static_cast<future_state>(word & state_bits);
    }
    static constexpr std::uint64_t with_state(std::uint64_t word, future_state state) noexcept {
        return (word & ~(state_bits | cancelling)) | static_cast<std::uint64_t>(state);
    }
    static constexpr bool is_done(std::uint64_t word) noexcept {
        return state_of(word) == future_state::finished || state_of(word) == future_state::cancelled;
    }
    static constexpr bool is_waiting(std::uint64_t word) noexcept {
        return state_of(word) == future_state::pending || (word & suspended);
    }
    static constexpr std::uint64_t in_process(std::uint32_t process) noexcept {
        return (std::uint64_t(process) << 8) & process_bits;
    }
    static bool is_of_another_process(std::uint64_t word) noexcept {
        return (word & process_bits) != in_process(forks::process());
    }

    [[nodiscard]] outcome how_finished() const noexcept {
        return exception_ ? outcome::exception : outcome::value;
    }

    // Changes the state to `to`, and clears the flags `released` in the same step. Returns the word after
    // that: if it has no handles, the caller must `destroy_without_handle`.
    template <future_state to, std::uint64_t released, class BeforeCallbacks>
    [[nodiscard]] std::uint64_t settle(outcome how, BeforeCallbacks before_callbacks) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!(word & (locked | has_waiters))) {
            // Release: pairs with the acquire loads of the word, which may then read the result. Acquire:
            // pairs with the release in `remove_handle`, in case no handle is left.
            if (word_.compare_exchange_weak(word, settled<to, released>(word), std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return settled<to, released>(word);
            }
        }
        return settle_and_tell<to, released>(how, before_callbacks);
    }

    template <future_state to, std::uint64_t released>
    static constexpr std::uint64_t settled(std::uint64_t word) noexcept {
        return with_state(word, to) & ~released;
    }

    // Whether no handle is left, and nothing else holds the memory.
    static constexpr bool is_left(std::uint64_t word) noexcept { return !(word & (handles | holds_memory)); }

    // Does the same if there are waiters or another thread holds the lock.
    template <future_state to, std::uint64_t released, class BeforeCallbacks>
    [[nodiscard, gnu::noinline]] std::uint64_t settle_and_tell(outcome how,
                                                               BeforeCallbacks before_callbacks) noexcept {
        lock();
        waiters_.tell_ending();
        waiter_list waiters = std::move(waiters_);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(word, settled<to, released>(word) & ~(locked | has_waiters),
                                            std::memory_order_acq_rel,  // as in `settle`; also unlocks
                                            std::memory_order_relaxed)) {
        }
        if (waiters.has_callback()) {
            before_callbacks();
        }
        waiters.tell(how);
        return settled<to, released>(word);
    }

    // pending → cancelling. Returns whether this call did that.
    bool begin_to_cancel() noexcept;

    // cancelling → cancelled. Requires: the caller has begun to cancel, and has a handle.
    void finish_cancelling(bool stop) noexcept;

    void add_weak_handle() noexcept {
        word_.fetch_add(one_weak_handle, std::memory_order_relaxed);  // relaxed: as in `add_handle`
    }
    void remove_weak_handle() noexcept;

    // Logs an exception that nobody looked at, and frees the state. Requires: nothing holds the memory.
    void destroy() noexcept {
        if (exception_) {
            destroy_failed();
        } else {
            dispose();
        }
    }

    [[gnu::cold]] void destroy_failed() noexcept;

    // Called when something holds the memory no more; `after` is the word since then. If a finished state has
    // no handles, `clear_result` destroys the result; whichever comes last deletes.
    void delete_if_released(std::uint64_t after) noexcept {
        if (is_left(after) && ((after & cleared) || state_of(after) == future_state::cancelled)) {
            delete this;
        }
    }

    // Called when the last handle is gone, while something still holds the memory; that destroys an
    // unfinished state, when the task has run, or when its turn comes.
    void clear_result_if_finished(std::uint64_t word) noexcept {
        if (state_of(word) == future_state::finished) {
            clear_result();
        }
    }

    // Called by the last handle while something still holds the memory.
    void clear_result() noexcept;

    void log_if_not_looked_at() noexcept {
        // Relaxed: `remove_handle` orders this after every mark.
        if (!(word_.load(std::memory_order_relaxed) & looked_at)) {
            log("exception was never retrieved", exception_);
        }
    }

    // Marks that this thread is destroying the captures of a task that it cancels.
    class cancellation {
    public:
        cancellation() noexcept : within_another_(std::exchange(within_, true)) {}
        cancellation(const cancellation&) = delete;
        cancellation& operator=(const cancellation&) = delete;
        ~cancellation() { within_ = within_another_; }

        [[nodiscard]] static bool goes_on() noexcept { return within_; }

    private:
        static constinit inline thread_local bool within_ = false;

        const bool within_another_;
    };

    // Waits until the thread that is cancelling has destroyed the captures.
    void wait_for_canceller() noexcept;

    // Adds a callback, after all other waiters; returns false without adding it if the future is done.
    [[nodiscard]] bool add_callback(waiter& added) noexcept {
        return add([&] { waiters_.add_last(added); });
    }

    // Takes a callback back. Returns false if it was called or is about to be.
    [[nodiscard]] bool remove_callback(waiter& removed) noexcept { return remove(removed); }

    [[nodiscard]] bool remove(waiter& removed) noexcept;

    template <class Link>
    bool add(Link link) noexcept {
        lock();
        // Under the lock, the future doesn't become done, nor does the flag change.
        const std::uint64_t word = word_.load(std::memory_order_relaxed);
        if (is_done(word)) {
            unlock();
            return false;
        }
        link();
        if (word & has_waiters) {
            unlock();
        } else {
            // Sets the flag and unlocks in one step, or `settle` would miss the flag. Release: as in
            // `unlock`.
            static_assert(has_waiters > locked);
            word_.fetch_add(has_waiters - locked, std::memory_order_release);
        }
        return true;
    }

    void lock() noexcept;

    void lock_slowly() noexcept;

    // Release: pairs with the acquire in `lock` and in `wait_for_unlocking`.
    void unlock() noexcept { word_.fetch_and(~locked, std::memory_order_release); }

    void wait_for_unlocking() const noexcept {
        // Acquire: pairs with the release of `unlock` in `begin_to_cancel`.
        for (back_off delay; word_.load(std::memory_order_acquire) & locked;) {
            delay.pause();
        }
    }

    sync::atomic<std::uint64_t> word_;
    waiter_list waiters_;
    std::exception_ptr exception_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

bool shared_state_base::signal_stop() noexcept {
    return false;
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::cancel(bool stop) noexcept {
    if (begin_to_cancel()) {
        trampoline::call([kept = handle(*this), stop]() noexcept { kept.state().finish_cancelling(stop); });
        return true;
    }
    if (word_.load(std::memory_order_acquire) & cancelling) {
        // Among such captures, this thread would wait for itself, or for a thread that waits for it.
        if (!cancellation::goes_on()) {
            wait_for_canceller();
        }
        return true;
    }
    return state() == future_state::cancelled;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::release_from_queue() noexcept {
    wait_for_unlocking();
    // Acquire and release: pairs with the other side's in `remove_handle` and `clear_result`.
    delete_if_released(word_.fetch_and(~in_queue, std::memory_order_acq_rel) & ~in_queue);
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::cancel_if_last(shared_state_base& state,
                                                                   bool stop) noexcept {
    if (state.has_last_handle() && !state.done()) {
        trampoline::call([kept = handle(state), stop]() noexcept {
            static_cast<void>(stop ? kept.state().request_stop() : kept.state().cancel());
        });
    }
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::begin_to_cancel() noexcept {
    if (state_of(word_.load(std::memory_order_relaxed)) != future_state::pending) {
        return false;
    }
    lock();
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while (state_of(word) == future_state::pending) {
        // Relaxed: the queue or the handle that this thread has orders the captures. The lock is still
        // held: see `wait_for_unlocking`.
        if (word_.compare_exchange_weak(word, with_state(word, future_state::running) | cancelling,
                                        std::memory_order_relaxed)) {
            if (!(word & unqueued)) {
                note_stale_in_queue();
            }
            unlock();
            return true;
        }
    }
    unlock();
    return false;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::finish_cancelling(bool stop) noexcept {
    if (word_.load(std::memory_order_relaxed) & unqueued) {  // relaxed: nobody changes it any more
        stop_waiting(stop);
    }
    {
        const cancellation mark;
        discard_captures();
    }
    static_cast<void>(settle<future_state::cancelled, 0>(outcome::cancelled, [] {}));
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::remove_weak_handle() noexcept {
    // Acquire and release: as in `release_from_queue`.
    const std::uint64_t before = word_.fetch_sub(one_weak_handle, std::memory_order_acq_rel);
    const std::uint64_t after = before - one_weak_handle;
    if (!(after & handles) && (before & handles)) {
        clear_result_if_finished(after);  // there were so many that they counted as a handle
    } else {
        delete_if_released(after);
    }
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::destroy_failed() noexcept {
    trampoline::call([this]() noexcept {
        log_if_not_looked_at();
        delete this;
    });
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::clear_result() noexcept {
    trampoline::call([this]() noexcept {
        if (exception_) {
            log_if_not_looked_at();
            exception_ = nullptr;
        } else {
            discard_result();
        }
        // Acquire and release: pairs with those of `release_from_queue` and `remove_weak_handle`; the one
        // that comes last frees the memory.
        if (!(word_.fetch_or(cleared, std::memory_order_acq_rel) & holds_memory)) {
            delete this;
        }
    });
}

CONCURRENT_FUTURES_FUNCTION bool shared_state_base::remove(waiter& removed) noexcept {
    if (done()) {
        return false;
    }
    lock();
    const bool removes = !done();
    if (removes) {
        waiters_.remove(removed);
        if (waiters_.empty()) {
            word_.fetch_and(~has_waiters, std::memory_order_relaxed);  // relaxed: the lock orders it
        }
    }
    unlock();
    return removes;
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::lock() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    // Acquire: as in `lock_slowly`.
    if ((word & locked) || is_of_another_process(word) ||
        !word_.compare_exchange_weak(word, word | locked, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        lock_slowly();
    }
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::lock_slowly() noexcept {
    for (back_off delay;; delay.pause()) {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        const bool forgets = is_of_another_process(word);
        const std::uint64_t seen = forgets ? (word & ~(process_bits | locked | has_waiters)) |
                                                 in_process(forks::process()) | inherited
                                           : word;
        // Acquire: pairs with the release in `unlock`, in `add` and in `settle_and_tell`.
        if (!(seen & locked) && word_.compare_exchange_weak(word, seen | locked, std::memory_order_acquire,
                                                            std::memory_order_relaxed)) {
            if (forgets) {
                waiters_.forget_all();
            }
            return;
        }
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail
}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/operator_new.hpp

#if defined(CONCURRENT_FUTURES_DEFINES) && defined(__linux__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)  // before that, dladdr was in a library of its own
#define CONCURRENT_FUTURES_HAS_DLADDR
#include <dlfcn.h>  // dladdr
#endif
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Whether `operator new` is that of the standard library, as far as the system can tell. If a program has
// brought its own, it wants to be asked for each allocation: to count or trace them, to let some fail, to
// find errors as the sanitizers do, or because its allocator is better.
[[gnu::cold]] bool has_standard_operator_new() noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool has_standard_operator_new() noexcept {
#if defined(CONCURRENT_FUTURES_HAS_DLADDR)
    void* (*const allocate)(std::size_t) = &::operator new;
    Dl_info where = {};
    if (dladdr(reinterpret_cast<const void*>(allocate), &where) == 0 || !where.dli_fname) {
        return false;
    }
    std::string_view file = where.dli_fname;
    file.remove_prefix(file.rfind('/') + 1);  // from 0 if there is no slash
    return file.starts_with("libstdc++.so") || file.starts_with("libc++.so") ||
           file.starts_with("libc++abi.so");
#else
    return false;
#endif
}

#undef CONCURRENT_FUTURES_HAS_DLADDR

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/block_cache.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The memory of tasks that have ended, for the next tasks. A task is often allocated by one thread and freed
// by another, which general allocators do slowly. Each thread keeps blocks of some sizes in two lists, of
// which at most one is in use. Full lists go to a depot that all threads share, and come from there; so a
// thread takes the depot's lock once for many blocks. (The two lists are Bonwick and Adams's magazines,
// "Magazines and Vmem", USENIX 2001.)
//
// Every block is one of `operator new` and goes back to `operator delete` by itself. Where a program has an
// `operator new` of its own, nothing is kept.
//
// No function waits: where the depot's lock is taken, also for ever in the child of a fork, the depot is left
// alone.
class block_cache {
public:
    static constexpr std::size_t smallest_block = 16;
    static constexpr std::size_t largest_block = 248;

    // Requires, for both: `size` is at least `smallest_block` and at most `largest_block`.

    [[nodiscard]] static void* allocate(std::size_t size) {
        magazine& loaded = here_.loaded[index_of(size)];
        if (block* const taken = loaded.first) {
            loaded.first = taken->next;
            --loaded.count;
            return taken;
        }
        return allocate_slowly(index_of(size));
    }

    static void deallocate(void* memory, std::size_t size) noexcept {
        magazine& loaded = here_.loaded[index_of(size)];
        if (loaded.count == here_.capacity) {
            deallocate_slowly(memory, index_of(size));
        } else {
            put(memory, loaded);
        }
    }

private:
    // Most allocators add 8 bytes to a block, and round it up to a multiple of 16.
    static constexpr std::size_t granularity = 16;
    static constexpr std::size_t overhead = 8;
    static constexpr std::size_t sizes = (largest_block + overhead - 1) / granularity + 1;
    static constexpr std::size_t magazine_size = 32;
    // The depot keeps so many bytes at most.
    static constexpr std::size_t kept = std::size_t{16} << 20;

    struct block {
        block* next;
        block* next_full;  // of the first block of a full magazine in the depot
    };

    struct magazine {
        block* first;
        std::size_t count;
    };

    // What a thread keeps. All is zero until the thread's first slow step; and after its last, as its
    // destructors may still free tasks.
    struct thread_blocks {
        std::size_t capacity;  // of a magazine
        bool is_known;         // whether the thread keeps blocks
        magazine loaded[sizes];
        block* full[sizes];
    };

    // The full magazines of one size. The list can be read without the lock, as a hint.
    struct depot {
        spin_lock lock;
        sync::atomic<block*> full;  // written under `lock`
    };

    // Gives the thread's blocks away when the thread ends.
    struct end_of_thread {
        end_of_thread() = default;
        end_of_thread(const end_of_thread&) = delete;
        end_of_thread& operator=(const end_of_thread&) = delete;
        [[gnu::cold]] ~end_of_thread();
    };

    static void put(void* memory, magazine& loaded) noexcept {
        ++loaded.count;
        loaded.first = ::new (memory) block{loaded.first, nullptr};
    }

    static constexpr std::size_t index_of(std::size_t size) noexcept {
        return (size + overhead - 1) / granularity;
    }
    static constexpr std::size_t size_of(std::size_t index) noexcept {
        return (index + 1) * granularity - overhead;
    }

    // Decides, once, whether this thread keeps blocks.
    [[gnu::noinline]] static void prepare_thread() noexcept {
        if (!std::exchange(here_.is_known, true)) {
            static const bool keeps = has_standard_operator_new();
            if (keeps) {
                static thread_local end_of_thread end;
                static_cast<void>(end);
                here_.capacity = magazine_size;
            }
        }
    }

    static void* allocate_slowly(std::size_t index);

    static void deallocate_slowly(void* memory, std::size_t index) noexcept;

    [[nodiscard]] static constexpr std::size_t bytes_of_full(std::size_t index) noexcept {
        return magazine_size * size_of(index);
    }

    // Relaxed, for all atomics here: the lock orders what is in the list, and a wrong hint costs little.

    static void add_full(std::size_t index, block* full) noexcept;

    // Frees magazines of sizes other than `index` as long as the depot has more than it keeps. A program may
    // need other sizes now than before. Returns whether that suffices.
    [[nodiscard]] static bool make_room(std::size_t index) noexcept;

    // Returns a full magazine, if there is one.
    static block* take_full(std::size_t index) noexcept;

    static void free_all(block* first) noexcept;

    // One for all shared libraries.
    [[gnu::visibility("default")]] static constinit inline thread_local thread_blocks here_ = {};
    [[gnu::visibility("default")]] static constinit inline depot depots_[sizes] = {};
    [[gnu::visibility("default")]] static constinit inline sync::atomic<std::size_t> kept_bytes_{0};
};

// The base of objects that are allocated from the `block_cache`, unless they are large or over-aligned.
// Requires: they are no smaller than `block_cache::smallest_block`.
class cached_memory {
public:
    [[nodiscard]] static void* operator new(std::size_t size) {
        return size <= block_cache::largest_block ? block_cache::allocate(size) : ::operator new(size);
    }
    static void operator delete(void* memory, std::size_t size) noexcept {
        if (size <= block_cache::largest_block) {
            block_cache::deallocate(memory, size);
        } else {
            ::operator delete(memory);
        }
    }

    [[nodiscard]] static void* operator new(std::size_t size, std::align_val_t alignment) {
        return ::operator new(size, alignment);
    }
    static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }

protected:
    cached_memory() = default;
    ~cached_memory() = default;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION block_cache::end_of_thread::~end_of_thread() {
    here_.capacity = 0;
    for (std::size_t index = 0; index != sizes; ++index) {
        free_all(std::exchange(here_.loaded[index], magazine()).first);
        if (block* const full = std::exchange(here_.full[index], nullptr)) {
            add_full(index, full);
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void* block_cache::allocate_slowly(std::size_t index) {
    prepare_thread();
    if (here_.capacity != 0) {
        block* full = std::exchange(here_.full[index], nullptr);
        if (!full) {
            full = take_full(index);
        }
        if (full) {
            here_.loaded[index] = {full->next, magazine_size - 1};
            return full;
        }
    }
    return ::operator new(size_of(index));
}

CONCURRENT_FUTURES_FUNCTION void block_cache::deallocate_slowly(void* memory, std::size_t index) noexcept {
    prepare_thread();
    if (here_.capacity == 0) {
        ::operator delete(memory);
        return;
    }
    magazine& loaded = here_.loaded[index];
    if (loaded.count == here_.capacity) {
        if (block* const full = std::exchange(here_.full[index], loaded.first)) {
            add_full(index, full);
        }
        loaded = magazine();
    }
    put(memory, loaded);
}

CONCURRENT_FUTURES_FUNCTION void block_cache::add_full(std::size_t index, block* full) noexcept {
    const std::size_t bytes = bytes_of_full(index);
    kept_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (make_room(index)) {
        depot& shared = depots_[index];
        if (shared.lock.try_lock()) {
            full->next_full = shared.full.load(std::memory_order_relaxed);
            shared.full.store(full, std::memory_order_relaxed);
            shared.lock.unlock();
            return;
        }
    }
    kept_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    free_all(full);
}

CONCURRENT_FUTURES_FUNCTION bool block_cache::make_room(std::size_t index) noexcept {
    std::size_t others = 1;
    while (kept_bytes_.load(std::memory_order_relaxed) > kept && others != sizes) {
        if (block* const full = take_full((index + others) % sizes)) {
            free_all(full);
        } else {
            ++others;
        }
    }
    return kept_bytes_.load(std::memory_order_relaxed) <= kept;
}

CONCURRENT_FUTURES_FUNCTION block_cache::block* block_cache::take_full(std::size_t index) noexcept {
    depot& shared = depots_[index];
    if (!shared.full.load(std::memory_order_relaxed)) {
        return nullptr;
    }
    if (!shared.lock.try_lock()) {
        return nullptr;
    }
    block* const taken = shared.full.load(std::memory_order_relaxed);
    if (taken) {
        shared.full.store(taken->next_full, std::memory_order_relaxed);
        kept_bytes_.fetch_sub(bytes_of_full(index), std::memory_order_relaxed);
    }
    shared.lock.unlock();
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void block_cache::free_all(block* first) noexcept {
    while (first) {
        ::operator delete(std::exchange(first, first->next));
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/dependency_walk.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `dependency_walk` finds what a worker can run while it waits for futures that wait for others: what those
// depend on, however far away, and as soon as it can be run. All of it belongs to the waiting thread, except
// for what futures tell.
//
// A node stands for a future. The walk goes from the awaited futures, the roots, to what they depend on. It
// adds a node to the waiters of its future before it looks at the future, so it misses no change: when the
// future comes to depend on something else, or can be run, `on_change` is called, and the thread looks
// again. That a dependency is done is no reason to wake: what depends on it changes then, or is done.
//
// A node doesn't hold its future. That exists as long as the node was not told that it ends, as somebody will
// complete it. So under the mutex, which `on_ending` takes, the thread can get a weak handle for the moment
// that it needs one.
//
// Each future is looked at once, and once more for each change; what it depended on before is not looked at
// again then, if that can be told. So n futures cost O(n), in whatever order they become done, and the depth
// is that of a list in the heap.
//
// A task that runs, or that is queued in another pool, is a leaf, but the workers that could end it may all
// sleep, and wait for others in their turn. So a worker that is about to sleep first shows what it waits for
// (see `helping_wait`), and then looks at the leaves again: what keeps them from ending is one more
// dependency. Of workers that wait for each other's pools, the last to sleep sees all the others. If it can't
// go on, it has those look again that could run one of its leaves; and so it does if a leaf is new while it
// sleeps.
class dependency_walk final : public blocked_wait {
    class node;

public:
    // The owner waits for `has_news()` by these, and shares the mutex. Others may wait by them, too.
    dependency_walk(sync::mutex& mutex, sync::condition_variable& changed) noexcept
        : mutex_(mutex), changed_(changed) {}

    dependency_walk(const dependency_walk&) = delete;
    dependency_walk& operator=(const dependency_walk&) = delete;

    ~dependency_walk();

    // Adds a future that the thread waits for. If `wakes`, it is news when that is done. Requires: the caller
    // has a handle now. Throws if there is no memory.
    void add_root(shared_state_base& root, bool wakes);

    // Frees what is left of futures that are done, if that is much; as futures may be added for ever, this is
    // called now and then. Each future costs O(1) in all. Requires: the wait is not shown.
    void forget_what_is_done() noexcept {
        constexpr std::size_t few = 64;
        if (made_count_ >= few && made_count_ / 2 >= kept_count_) {
            sweep();
        }
    }

    enum class step {
        nothing,        // there is nothing to be run here, until `has_news()`
        runnable,       // this thread can run `found`, by means of `self`; else `self` is null
        for_spare,      // the same, but `found` may wait for what this thread is in the middle of running
        helped,         // this thread ran something
        waits_for_self  // a future depends on what this thread is in the middle of running
    };

    // Goes on until there is something to be run. `to_the_end` says that the wait ends only with its futures:
    // then, if the wait is not shown, this also runs what descends from tasks that run elsewhere. Throws if
    // there is no memory.
    [[nodiscard]] step next(shared_state_base::weak_handle& found, helper*& self, bool to_the_end,
                            bool is_shown);

    // What `next` has just found is left to another worker: it finds more, but not this.
    void set_aside() noexcept {
        node* const found = open_;
        open_ = std::exchange(found->next_open, set_aside_);
        set_aside_ = found;
    }
    void open_what_was_set_aside() noexcept {
        while (node* const each = set_aside_) {
            set_aside_ = std::exchange(each->next_open, open_);
            open_ = each;
        }
    }

    // What `next` has just found is left to a spare, which will run it.
    void note_left_to_spare() noexcept { open_->is_left_to_spare = true; }

    // Has `next` look again at what keeps tasks from ending that this thread can't run. Requires: the wait is
    // shown, or another worker's.
    void look_at_leaves_again() noexcept;

    // See `shared_state_base::have_sleepers_look_again`: does that for `all` leaves, or for those that are
    // new or have changed since the last call. Requires: the wait is shown.
    void have_sleepers_look_again(bool all) noexcept;

    // Another worker calls this, while the wait is shown.
    void look_again(bool tells_all) noexcept override {
        const std::lock_guard lock(mutex_);
        looks_again_ = true;
        tells_all_ = tells_all_ || tells_all;
        has_news_.store(true, std::memory_order_relaxed);  // relaxed: see `has_news`
        changed_.notify_all();
    }

    // What keeps a task from ending is what the waits of some workers wait for. This visits one such wait
    // after the other, and finds a future at a place among all these.
    class obstacle_search {
    public:
        explicit obstacle_search(dependency_place& place) noexcept : place_(place), skipped_(place.index) {}
        obstacle_search(const obstacle_search&) = delete;
        obstacle_search& operator=(const obstacle_search&) = delete;

        void operator()(blocked_wait& wait, std::size_t removals) noexcept {
            if (found_) {
                return;
            }
            if (place_.removals != removals) {
                place_ = {0, removals};
                skipped_ = 0;
            }
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every wait is one of a walk
            found_ = static_cast<dependency_walk&>(wait).root(skipped_, place_.index);
        }

        // Returns a weak handle on it, empty if there is none.
        [[nodiscard]] shared_state_base::weak_handle take() noexcept { return std::move(found_); }

    private:
        dependency_place& place_;
        std::size_t skipped_;
        shared_state_base::weak_handle found_;
    };

    // Skips `skipped` of the awaited futures, and returns a weak handle on the next that is not done. Adds to
    // `index` how many it has passed over as they are done. If there are no more, returns an empty one,
    // and takes from `skipped` how many there were. Another worker calls this, while the wait is shown.
    [[nodiscard]] shared_state_base::weak_handle root(std::size_t& skipped, std::size_t& index) noexcept;

    // Whether `next` may find something new. Relaxed: a hint, except under the mutex.
    [[nodiscard]] bool has_news() const noexcept { return has_news_.load(std::memory_order_relaxed); }

private:
    class node final : public thread_waiter, public cached_memory {
    public:
        // It may be told as soon as it is added to the waiters, so what `on_done` reads is set here.
        node(dependency_walk& its_walk, shared_state_base& its_state, bool is_to_wake) noexcept
            : walk(its_walk), state(its_state), wakes(is_to_wake) {}

        void on_done(outcome) noexcept override {
            // Notify under the mutex: once the mutex is free, the walk may be gone.
            const std::lock_guard lock(walk.mutex_);
            is_done = true;
            walk.add_news(*this, wakes || is_awaited);
        }

        dependency_walk& walk;
        shared_state_base& state;
        node* next_made = nullptr;
        node* next_open = nullptr;
        node* next_root = nullptr;
        node* next_leaf = nullptr;
        node* next_to_tell = nullptr;
        node* first_child = nullptr;  // what the future depends on
        node* next_sibling = nullptr;
        std::size_t next_dependency = 0;  // where a future that numbers them is looked at again
        const bool wakes;
        bool is_root = false;
        bool is_open = false;
        bool is_leaf = false;         // it is in the list of leaves
        bool is_to_tell = false;      // others have to look again at what keeps it from ending
        bool is_beyond_leaf = false;  // it was found by what another worker waits for
        // It was found by what keeps a pool from running a queued task. This thread waits for that task, but
        // may not really need this one.
        bool is_beyond_queue = false;
        bool is_left_to_spare = false;
        bool is_shared = false;   // another node's future depends on this one too
        bool is_dropped = false;  // nothing that the thread waits for depends on it any more

        // Guarded by the mutex.
        node* next_news = nullptr;
        bool is_news = false;
        bool is_ending = false;   // the future may be gone, or the waiter was removed
        bool is_done = false;     // the waiter was told, or removed
        bool is_awaited = false;  // the thread waits for `is_done`

    private:
        void on_change() noexcept override {
            const std::lock_guard lock(walk.mutex_);
            walk.add_news(*this, true);
        }
        void on_ending() noexcept override {
            const std::lock_guard lock(walk.mutex_);
            is_ending = true;
        }
    };

    // Requires: the mutex is held.
    void add_news(node& told, bool wakes) noexcept;

    void hear_news() noexcept;

    void open(node& opened) noexcept {
        if (!std::exchange(opened.is_open, true)) {
            opened.next_open = std::exchange(open_, &opened);
        }
    }

    void tell_of(node& changed) noexcept {
        if (!std::exchange(changed.is_to_tell, true)) {
            changed.next_to_tell = std::exchange(to_tell_, &changed);
        }
    }

    // Returns a weak handle on the node's future, empty if that ends.
    [[nodiscard]] shared_state_base::weak_handle handle_on(node& which) noexcept;

    // Opens the nodes of what the future of `parent` depends on; false if that is nothing.
    [[nodiscard]] bool expand(node& parent, shared_state_base& state);

    // Returns a new node, or null if there is one already or the future is done. A root has no `parent`; a
    // node that becomes one is as good as new. Requires: the caller has a handle on `state`, weak or not.
    [[nodiscard]] node* make_node(shared_state_base& state, node* parent, bool is_beyond_queue, bool wakes);

    // Nothing depends any more on the futures of these siblings. Most are done.
    void drop(node* siblings) noexcept;

    // Forgets all but the roots. This is rare: somebody has cancelled a part of what this thread waits for,
    // or a part has failed.
    void start_again() noexcept;

    // Frees the nodes of futures that are done, or on which nothing depends any more.
    void sweep() noexcept;

    void free(node& freed) noexcept {
        if (first_node_ && std::addressof(*first_node_) == &freed) {
            first_node_.reset();
        } else {
            delete &freed;
        }
    }

    // Leaves those in the list for which `stays` holds.
    template <class Stays>
    static void keep(node*& first, node* node::*next, Stays stays) noexcept {
        for (node** link = &first; node* const each = *link;) {
            if (stays(*each)) {
                link = &(each->*next);
            } else {
                *link = each->*next;
            }
        }
    }

    void stop_watching(node& stopped) noexcept;

    sync::mutex& mutex_;
    sync::condition_variable& changed_;
    const std::uint32_t process_ = forks::process();
    std::optional<node> first_node_;  // so that a wait for one future allocates nothing
    node* made_ = nullptr;            // all nodes
    std::size_t made_count_ = 0;
    std::size_t kept_count_ = 0;  // what was left of them when the last were freed
    node* roots_ = nullptr;       // written under the mutex
    node* open_ = nullptr;        // those to be looked at
    node* set_aside_ = nullptr;
    node* to_tell_ = nullptr;
    node* leaves_ = nullptr;  // those of tasks that may be queued or run; they may be done
    bool starts_again_ = false;
    std::unordered_map<const shared_state_base*, node*> shared_;  // on whose futures others have handles

    sync::atomic<bool> has_news_{false};  // written under the mutex
    // Guarded by the mutex.
    node* news_ = nullptr;
    bool looks_again_ = false;
    bool tells_all_ = false;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION dependency_walk::~dependency_walk() {
    const bool is_inherited = process_ != forks::process();  // then no thread tells
    while (node* const each = made_) {
        made_ = each->next_made;
        if (!is_inherited) {
            stop_watching(*each);
        }
        free(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::add_root(shared_state_base& root, bool wakes) {
    if (node* const added = make_node(root, nullptr, false, wakes)) {
        added->is_root = true;
        {
            const std::lock_guard lock(mutex_);
            added->next_root = std::exchange(roots_, added);
        }
        open(*added);
    }
}

CONCURRENT_FUTURES_FUNCTION dependency_walk::step dependency_walk::next(shared_state_base::weak_handle& found,
                                                                        helper*& self, bool to_the_end,
                                                                        bool is_shown) {
    self = nullptr;
    for (;;) {
        hear_news();
        node* const next = open_;
        if (!next) {
            return step::nothing;
        }
        shared_state_base::weak_handle handle = handle_on(*next);
        if (handle && handle.state().is_waiting() && !next->is_left_to_spare) {
            self = handle.state().helper_here();
            if (self) {
                found = std::move(handle);
                // It stays open, as the caller may leave it to another worker.
                return next->is_beyond_queue ? step::for_spare : step::runnable;
            }
        }
        open_ = next->next_open;
        next->is_open = false;
        if (!handle) {
            continue;
        }
        // A coroutine may go on without being queued, and block.
        const bool may_run = !handle.state().is_unqueued() || handle.state().runs_in_turns();
        if (may_run && !std::exchange(next->is_leaf, true)) {
            next->next_leaf = std::exchange(leaves_, next);
            tell_of(*next);
        }
        if (expand(*next, handle.state()) || !to_the_end || next->is_beyond_queue) {
            continue;
        }
        if (is_shown) {
            if (handle.state().runs_here() && !next->is_beyond_leaf) {
                return step::waits_for_self;
            }
            continue;
        }
        const shared_state_base::help_result helped = handle.state().help(&handle);
        if (helped == shared_state_base::help_result::helped) {
            open(*next);
            return step::helped;
        }
        // Beyond a leaf, the worker that waits for this one may run something else.
        if (helped == shared_state_base::help_result::waits_for_self && !next->is_beyond_leaf) {
            return step::waits_for_self;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::look_at_leaves_again() noexcept {
    for (node** link = &leaves_; node* const each = *link;) {
        if (each->is_dropped || !handle_on(*each)) {
            *link = each->next_leaf;
            each->is_leaf = false;
        } else {
            open(*each);
            link = &each->next_leaf;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::have_sleepers_look_again(bool all) noexcept {
    {
        const std::lock_guard lock(mutex_);
        all = std::exchange(tells_all_, false) || all;
    }
    if (all) {
        for (node* each = leaves_; each; each = each->next_leaf) {
            tell_of(*each);
        }
    }
    while (node* const each = to_tell_) {
        to_tell_ = each->next_to_tell;
        each->is_to_tell = false;
        if (const shared_state_base::weak_handle handle = handle_on(*each)) {
            handle.state().have_sleepers_look_again();
        }
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency_walk::root(
    std::size_t& skipped, std::size_t& index) noexcept {
    const std::lock_guard lock(mutex_);
    for (node* each = roots_; each; each = each->next_root) {
        if (skipped != 0) {
            --skipped;
        } else if (each->is_ending) {
            ++index;
        } else {
            return shared_state_base::weak_handle(each->state);
        }
    }
    return {};
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::add_news(node& told, bool wakes) noexcept {
    if (!std::exchange(told.is_news, true)) {
        told.next_news = std::exchange(news_, &told);
    }
    if (wakes) {
        has_news_.store(true, std::memory_order_relaxed);  // relaxed: see `has_news`
        changed_.notify_all();
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::hear_news() noexcept {
    bool looks_again = false;
    for (;;) {
        node* told = nullptr;
        bool is_done = false;
        {
            const std::lock_guard lock(mutex_);
            told = news_;
            if (!told) {
                has_news_.store(false, std::memory_order_relaxed);  // relaxed: see `has_news`
                looks_again = std::exchange(looks_again_, false);
                break;
            }
            news_ = told->next_news;
            told->is_news = false;
            is_done = told->is_done;
        }
        if (is_done) {
            drop(std::exchange(told->first_child, nullptr));
        } else if (!told->is_dropped) {
            // A coroutine may have been queued for another turn.
            told->is_left_to_spare = false;
            tell_of(*told);
            open(*told);
        }
    }
    if (std::exchange(starts_again_, false)) {
        start_again();
    }
    if (looks_again) {
        look_at_leaves_again();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency_walk::handle_on(node& which) noexcept {
    const std::lock_guard lock(mutex_);
    return which.is_ending ? shared_state_base::weak_handle() : shared_state_base::weak_handle(which.state);
}

CONCURRENT_FUTURES_FUNCTION bool dependency_walk::expand(node& parent, shared_state_base& state) {
    node* const opened_before = std::exchange(open_, nullptr);
    node** end = &open_;  // the first dependency is looked at first
    const auto append = [&] { *end = opened_before; };
    const bool was_queued = state.is_waiting() && !state.is_unqueued();
    const bool was_unqueued = state.is_unqueued();
    bool found = false;
    try {
        for (dependency_place place{.index = parent.next_dependency};; ++place.index) {
            const shared_state_base::weak_handle dependency = state.dependency(place);
            if (!dependency) {
                break;
            }
            found = true;
            // Asked only now: the future may have become a leaf meanwhile.
            const bool is_leaf = !state.is_unqueued();
            const bool is_beyond_queue = parent.is_beyond_queue || was_queued || (was_unqueued && is_leaf);
            if (node* const child = make_node(dependency.state(), &parent, is_beyond_queue, false)) {
                child->is_open = true;
                child->is_beyond_leaf = is_leaf || parent.is_beyond_leaf;
                *end = child;
                end = &child->next_open;
            }
            if (state.numbers_dependencies()) {
                parent.next_dependency = place.index + 1;
            }
        }
    } catch (...) {
        append();
        open(parent);
        throw;
    }
    append();
    return found;
}

CONCURRENT_FUTURES_FUNCTION dependency_walk::node* dependency_walk::make_node(shared_state_base& state,
                                                                              node* parent,
                                                                              bool is_beyond_queue,
                                                                              bool wakes) {
    node** known = nullptr;
    // One handle is of a future that depends on it; of a root, one is the caller's. If there is no other,
    // no other future depends on it.
    if ((parent && parent->is_leaf) || state.has_more_handles_than(parent ? 1 : 2)) {
        known = &shared_[&state];
        if (*known && handle_on(**known)) {
            (*known)->is_shared = true;
            (*known)->is_beyond_queue = (*known)->is_beyond_queue && is_beyond_queue;
            return parent || (*known)->is_root ? nullptr : *known;
        }
    }
    node* const made = first_node_ ? new node(*this, state, wakes)
                                   : std::addressof(first_node_.emplace(*this, state, wakes));
    if (!state.add_waiter(*made)) {
        free(*made);
        return nullptr;
    }
    made->is_beyond_queue = is_beyond_queue;
    made->next_made = std::exchange(made_, made);
    ++made_count_;
    if (parent) {
        made->next_sibling = std::exchange(parent->first_child, made);
    }
    if (known) {
        *known = made;
    }
    return made;
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::drop(node* siblings) noexcept {
    while (node* const each = siblings) {
        siblings = each->next_sibling;
        if (!handle_on(*each)) {
            continue;
        }
        if (each->is_shared) {
            starts_again_ = true;  // something else may depend on it
            continue;
        }
        stop_watching(*each);
        each->is_dropped = true;
        while (node* const child = each->first_child) {
            each->first_child = child->next_sibling;
            child->next_sibling = std::exchange(siblings, child);
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::start_again() noexcept {
    shared_.clear();
    open_ = nullptr;
    set_aside_ = nullptr;
    leaves_ = nullptr;
    to_tell_ = nullptr;
    for (node* each = made_; each; each = each->next_made) {
        each->first_child = nullptr;
        each->next_dependency = 0;
        each->is_open = false;
        each->is_leaf = false;
        each->is_to_tell = false;
        each->is_shared = false;
        if (each->is_root) {
            open(*each);
        } else {
            stop_watching(*each);
            each->is_dropped = true;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::sweep() noexcept {
    node* gone = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const auto stays = [](const node& each) { return !each.is_done || each.is_news; };
        keep(roots_, &node::next_root, stays);
        keep(open_, &node::next_open, stays);
        keep(leaves_, &node::next_leaf, stays);
        keep(to_tell_, &node::next_to_tell, stays);
        std::erase_if(shared_, [&](const auto& each) { return !each.second || !stays(*each.second); });
        for (node* each = made_; each; each = each->next_made) {
            keep(each->first_child, &node::next_sibling, stays);
        }
        made_count_ = 0;
        for (node** link = &made_; node* const each = *link;) {
            if (stays(*each)) {
                ++made_count_;
                link = &each->next_made;
            } else {
                *link = each->next_made;
                each->next_made = std::exchange(gone, each);
            }
        }
    }
    kept_count_ = made_count_;
    while (node* const each = gone) {
        gone = each->next_made;
        free(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::stop_watching(node& stopped) noexcept {
    const shared_state_base::weak_handle handle = handle_on(stopped);
    const bool removed = handle && handle.state().remove_waiter(stopped);
    std::unique_lock lock(mutex_);
    if (!removed && !stopped.is_done) {
        // It is being told at the moment.
        stopped.is_awaited = true;
        changed_.wait(lock, [&] { return stopped.is_done; });
    }
    stopped.is_ending = true;
    stopped.is_done = true;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/helping_errand.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Runs the task of a future, if it is still queued.
class helping_errand final : public errand {
public:
    explicit helping_errand(shared_state_base& state) noexcept : errand(&state), kept_(state) {}

    CONCURRENT_FUTURES_FUNCTION void run(helper& spare) noexcept override;

private:
    shared_state_base::weak_handle kept_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void helping_errand::run(helper& spare) noexcept {
    if (kept_.state().is_waiting() && kept_.state().helper_here()) {
        kept_.state().help(spare, &kept_);
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/helping_wait.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `helping_wait` is a worker's wait for futures that it can't run, but which may depend on what it can: it
// runs what `walk` finds. Before the worker sleeps, it shows what it waits for, until it has something to do.
class helping_wait {
public:
    helping_wait(dependency_walk& walk, helper& self) noexcept : walk_(walk), self_(self) {}
    helping_wait(const helping_wait&) = delete;
    helping_wait& operator=(const helping_wait&) = delete;
    // Requires: not locked, as for `hide`.
    ~helping_wait() { hide(); }

    enum class step {
        look_again,  // this thread has run something, or has not seen all
        sleep,       // until the walk has news
        watch,       // another worker will run what was found: sleep until `watch` is notified, or for news
        waits_for_self  // the wait would never end
    };

    // Finds something, and runs it. If the wait may end before its futures do, that is left to other workers
    // as long as they can: then `watching` is the helper that `watch` was given to, which it may be already.
    // Throws if there is no memory.
    [[nodiscard]] step go_on(bool to_the_end, idle_watch& watch, helper*& watching);

    [[nodiscard]] bool is_shown() const noexcept { return is_shown_; }

    // The worker has something to do. Requires: the mutex of the walk is not held, as a thread that looks at
    // a shown wait takes that.
    void hide() noexcept;

private:
    // Returns false if no thread can be started.
    [[nodiscard, gnu::cold]] bool leave_to_spare(shared_state_base& found);

    // Returns whether the worker may sleep. If not, it must look once more.
    [[nodiscard]] bool show() noexcept;

    dependency_walk& walk_;
    helper& self_;
    bool is_shown_ = false;
    bool is_new_ = true;  // since it is shown, nobody was told
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION helping_wait::step helping_wait::go_on(bool to_the_end, idle_watch& watch,
                                                                   helper*& watching) {
    walk_.open_what_was_set_aside();
    if (!is_shown_) {
        walk_.forget_what_is_done();
    }
    shared_state_base::weak_handle found;
    helper* self = nullptr;
    dependency_walk::step found_out = walk_.next(found, self, to_the_end, is_shown_);
    while (self && !to_the_end && (watching || self->watch_idle(watch))) {
        watching = self;
        walk_.set_aside();
        found_out = walk_.next(found, self, to_the_end, is_shown_);
    }
    if (found_out == dependency_walk::step::nothing) {
        return !show() ? step::look_again : watching ? step::watch : step::sleep;
    }
    if (found_out == dependency_walk::step::waits_for_self) {
        return step::waits_for_self;
    }
    hide();
    if (self && (found_out != dependency_walk::step::for_spare || !leave_to_spare(found.state()))) {
        found.state().help(*self, &found);
    }
    return step::look_again;
}

CONCURRENT_FUTURES_FUNCTION void helping_wait::hide() noexcept {
    is_new_ = true;
    if (std::exchange(is_shown_, false)) {
        self_.end_to_block(walk_);
    }
}

CONCURRENT_FUTURES_FUNCTION bool helping_wait::leave_to_spare(shared_state_base& found) {
    if (!found.is_waiting()) {
        return true;  // a spare was about to run it
    }
    if (!self_.leave_to_spare(std::unique_ptr<errand>(new helping_errand(found)))) {
        return false;
    }
    walk_.note_left_to_spare();
    return true;
}

CONCURRENT_FUTURES_FUNCTION bool helping_wait::show() noexcept {
    if (!std::exchange(is_shown_, true)) {
        self_.begin_to_block(walk_);
        walk_.look_at_leaves_again();
        return false;
    }
    walk_.have_sleepers_look_again(std::exchange(is_new_, false));
    return true;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/timeout.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A `deadline` is when a wait ends, on a clock that nobody can turn back; or never.
class deadline {
public:
    using clock = sync::steady_clock;

    constexpr deadline() noexcept = default;
    constexpr explicit deadline(clock::time_point when) noexcept : when_(when) {}

    [[nodiscard]] bool is_never() const noexcept { return when_ == (clock::time_point::max)(); }
    [[nodiscard]] bool passed() const { return !is_never() && clock::now() >= when_; }
    // Requires: `!is_never()`.
    [[nodiscard]] clock::time_point when() const noexcept { return when_; }

private:
    clock::time_point when_ = (clock::time_point::max)();
};

}  // namespace detail

/// A timeout is the longest time to wait: a `std::chrono::duration` of any representation. The default and
/// `std::nullopt` wait for ever. Zero, a negative duration and a floating-point NaN don't block. A thousand
/// million seconds (31 years) or more wait for ever, as not every system counts further. No conversion
/// overflows.
///
/// \code
/// auto answer = [&executor](const futures::timeout& limit = {}) {
///     return executor.submit([] { return 42; }).result(limit);
/// };
/// assert(answer() == 42 && answer(std::chrono::hours(1)) == 42 && answer(std::nullopt) == 42);
/// \endcode
class timeout_duration {
public:
    /// Waits for ever.
    constexpr timeout_duration() noexcept = default;
    /// Waits for ever.
    constexpr timeout_duration(std::nullopt_t) noexcept {}
    /// Waits for `duration` at most.
    template <class Rep, class Period>
    constexpr timeout_duration(const std::chrono::duration<Rep, Period>& duration)
        : length_(saturated(duration)) {}
    /// Deleted: a bare number has no unit. Write `std::chrono::seconds(5)` or `5s`.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    timeout_duration(Number) = delete;  // a bare number has no unit: write std::chrono::seconds(5) or 5s

    /// Returns whether a wait has no deadline.
    [[nodiscard]] bool is_never() const noexcept { return length_ == (std::chrono::nanoseconds::max)(); }

    /// Returns the deadline of a wait that begins now.
    [[nodiscard]] detail::deadline start() const {
        using clock = detail::deadline::clock;
        if (is_never()) {
            return {};  // most waits have no limit, and need not pay for reading the clock
        }
        const clock::time_point now = clock::now();
        return length_ < (clock::time_point::max)() - now ? detail::deadline(now + length_)
                                                          : detail::deadline();
    }

private:
    template <class Rep, class Period>
    static constexpr std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period>& duration) {
        using std::chrono::nanoseconds;
        // Compute in floating point, where neither the count nor the ratio of a very long period overflows.
        const long double seconds = std::chrono::duration<long double>(duration).count();
        if (!(seconds > 0)) {
            return nanoseconds::zero();
        }
        // The clock counts nanoseconds for 292 years. But some standard libraries wait by another clock,
        // which counts from 1970, and some systems count seconds in 32 bits, for 68 years. Where that
        // overflows, a wait ends at once, again and again.
        constexpr long double most = 1e9L;
        if (seconds >= most) {
            return (nanoseconds::max)();
        }
        // Round up, so that no wait is shorter than asked for.
        const long double count = seconds * 1e9L;
        const auto whole = static_cast<nanoseconds::rep>(count);
        return nanoseconds(static_cast<long double>(whole) < count ? whole + 1 : whole);
    }

    std::chrono::nanoseconds length_ = (std::chrono::nanoseconds::max)();  // for ever
};

/// Users call `timeout_duration` by this name. `<curses.h>` defines a macro `timeout(delay)`, which a
/// parenthesis after the name expands. A class of that name could not declare its constructors there.
///
/// \code
/// const futures::timeout limit = std::chrono::seconds(5);
/// assert(executor.submit([] { return 42; }).result(limit) == 42);
/// \endcode
using timeout = timeout_duration;

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/await.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns true as soon as `ready()` is true, false if `until` passes first.
template <class Ready>
bool wait_until(sync::condition_variable& changed, std::unique_lock<sync::mutex>& lock, const deadline& until,
                Ready ready) {
    if (until.is_never()) {
        changed.wait(lock, ready);
        return true;
    }
    return changed.wait_until(lock, until.when(), ready);
}

// Spins briefly until `ready()`, if each thread has a processor to itself. A worker is already counted as
// runnable.
template <class Ready>
bool spin_briefly(Ready ready) noexcept {
    constexpr int pauses = 1;  // the state changes only once, so frequent looks disturb nobody
    const std::size_t more = runnable_threads::counts_this_thread() ? 0 : 1;
    runnable_threads::add(more);
    const bool is_ready = runnable_threads::fit() ? spin_until(pauses, ready) : ready();
    runnable_threads::remove(more);
    return is_ready;
}

// Spins until `done()`, or until there may be something that this thread can help with, which `may_help()`
// tells. Returns false if neither happens soon.
template <class Done, class MayHelp>
bool spin_until_done_or_may_help(Done done, MayHelp may_help) noexcept {
    constexpr unsigned now_and_then = 16;  // the worker that runs the task writes its queue often
    unsigned looks = 0;
    return spin_briefly([&] { return done() || (++looks % now_and_then == 0 && may_help()); });
}

inline void throw_if_inherited(const shared_state_base& state) {
    if (state.is_inherited()) {
        throw_error<broken_executor>(
            "the future was not done when this process was forked, and what would complete it is not in this "
            "process");
    }
}

// Waits until `state` is done; returns false if `until` passes first. A worker runs a task that is queued in
// its own pool, as no other worker might ever be free to run it.
bool await(shared_state_base& state, const deadline& until);

// Does the same, without a limit. Requires: `state` was not done a moment ago.
void await(shared_state_base& state);

[[noreturn, gnu::cold]] void throw_as_it_waits_for_itself();

// Waits without a limit, for destructors. Returns at once where `await` would throw.
void await_if_it_ends(shared_state_base& state) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

// A `blocked_thread` waits for one future; on a worker, it may also wait until no other worker is idle. It
// lives on the waiting thread's stack.
class blocked_thread final : public thread_waiter, public idle_watch {
public:
    // Notify under the mutex: once the mutex is free, the waiting thread may go on and destroy this object.

    void on_done(outcome) noexcept override {
        const std::lock_guard lock(mutex_);
        told_ = true;
        changed_.notify_one();
    }

    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    // Returns when one of these has been called, or `until` has passed.
    bool wait(const deadline& until) {
        std::unique_lock lock(mutex_);
        return wait_until(changed_, lock, until, [this] { return told_ || alone_; });
    }

    void wait_until_told() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return told_; });
    }

    void wait_until_alone() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return alone_; });
    }

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool told_ = false;
    bool alone_ = false;
};

// Blocks this thread until `state` is done, `until` has passed, or `me` was told that no other worker is
// idle. Returns whether `state` is done.
[[gnu::noinline]] inline bool block(blocked_thread& me, shared_state_base& state, const deadline& until) {
    if (!state.add_waiter(me)) {
        return true;
    }
    me.wait(until);
    if (state.remove_waiter(me)) {
        return false;
    }
    me.wait_until_told();
    return true;
}

// Blocks this thread until `state` is done; returns false if `until` passes first. Not inlined: tasks that
// wait run other tasks on top of themselves, and a greater stack frame would limit how many.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
block_until_done(shared_state_base& state, const deadline& until) {
    blocked_thread me;
    return block(me, state, until);
}

CONCURRENT_FUTURES_FUNCTION void shared_state_base::wait_for_canceller() noexcept {
    trampoline::run_postponed();
    block_until_done(*this, deadline());
}

inline bool spin_until_done(const shared_state_base& state, const deadline& until) noexcept {
    spin_briefly([&] { return state.done() || until.passed(); });
    return state.done();
}

// A `helping_thread` is a worker that waits for a future which this worker can't run, but may depend on what
// it can. It lives on the worker's stack.
class helping_thread final : public idle_watch {
public:
    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    // Waits until `state` is done, and runs what it depends on meanwhile. Returns `none` if `until` passes
    // first. If the wait has an end, then another worker runs that, as long as one can.
    [[nodiscard]] shared_state_base::help_result wait(shared_state_base& state, const deadline& until,
                                                      helper& me) {
        dependency_walk walk(mutex_, changed_);
        helping_wait wait(walk, me);
        walk.add_root(state, true);
        while (!state.done()) {
            if (until.passed()) {
                return shared_state_base::help_result::none;
            }
            trampoline::run_postponed();
            throw_if_inherited(state);  // what this thread has run may have forked
            helper* watching = nullptr;
            const helping_wait::step step = wait.go_on(until.is_never(), *this, watching);
            if (step == helping_wait::step::waits_for_self) {
                return shared_state_base::help_result::waits_for_self;
            }
            if (step != helping_wait::step::look_again) {
                sleep(state, walk, until);
            }
            if (watching) {
                stop_watching(*watching);
            }
        }
        return shared_state_base::help_result::helped;
    }

private:
    void sleep(const shared_state_base& state, const dependency_walk& walk, const deadline& until) {
        // The walk may have heard that `state` is done, and then that is no news any more.
        const auto ready = [&] { return state.done() || walk.has_news(); };
        if (!spin_briefly([&] { return ready() || until.passed(); })) {
            std::unique_lock lock(mutex_);
            wait_until(changed_, lock, until, [&] { return ready() || alone_; });
        }
    }

    void stop_watching(helper& self) {
        const bool removed = self.unwatch_idle(*this);
        std::unique_lock lock(mutex_);
        if (!removed) {
            changed_.wait(lock, [this] { return alone_; });
        }
        alone_ = false;
    }

    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool alone_ = false;  // guarded by the mutex: no other worker can run what is found
};

// Not inlined, see `block_until_done`.
[[gnu::noinline]] inline shared_state_base::help_result help_others_until_done(shared_state_base& state,
                                                                               const deadline& until,
                                                                               helper& self) {
    helping_thread me;
    return me.wait(state, until, self);
}

// How many futures may lie between a future and a task, if a wait is to find the task without a walk.
inline constexpr int short_way = 4;

// Returns what `state` waits for, if that is one future that isn't done.
[[nodiscard]] inline shared_state_base::weak_handle only_dependency(shared_state_base& state) noexcept {
    shared_state_base::weak_handle first;
    if (state.is_unqueued()) {
        dependency_place place;
        first = state.dependency(place);
        ++place.index;
        if (first && state.dependency(place)) {
            first = shared_state_base::weak_handle();
        }
    }
    return first;
}

// Runs the tasks that `state` waits for, as far as this thread can and they are near: the usual continuation
// and the usual `gather` need no walk. Looks at each once. Returns whether it ran any.
[[nodiscard, gnu::noinline]] inline bool help_what_is_near(shared_state_base& state) noexcept {
    bool has_helped = false;
    for (dependency_place place; state.is_unqueued(); ++place.index) {
        shared_state_base::weak_handle next = state.dependency(place);
        if (!next) {
            break;
        }
        for (int passed = 0; passed != short_way && next && next.state().is_unqueued(); ++passed) {
            next = only_dependency(next.state());
        }
        helper* const self = next && next.state().is_waiting() ? next.state().helper_here() : nullptr;
        if (self && next.state().help(*self, &next)) {
            has_helped = true;
        }
    }
    return has_helped;
}

// Does what `help_until_done` does, after `state.help()` has returned `helped`.
[[gnu::noinline]] inline bool go_on_helping_until_done(shared_state_base& state,
                                                       shared_state_base::help_result helped) {
    for (int looks = 0;;) {
        if (helped == shared_state_base::help_result::waits_for_self) {
            return false;
        }
        if (helped != shared_state_base::help_result::helped) {
            const bool waits_for_others = helped == shared_state_base::help_result::waits_for_others;
            const bool has_helped = waits_for_others && looks++ < short_way && help_what_is_near(state);
            if (!has_helped &&
                (waits_for_others || !spin_until_done_or_may_help([&] { return state.done(); },
                                                                  [&] { return state.may_help(); }))) {
                if (helper* const self = state.helper_of_others()) {
                    return help_others_until_done(state, deadline(), *self) !=
                           shared_state_base::help_result::waits_for_self;
                }
                block_until_done(state, deadline());
            }
        }
        if (state.done()) {
            return true;
        }
        throw_if_inherited(state);  // what this thread has run may have forked
        helped = state.help(nullptr);
    }
}

// Waits until `state` is done, and helps meanwhile. Returns false if it would wait for this very thread.
// Throws `broken_executor` in the child of a fork, if `state` was not done there. Mostly this thread runs the
// task, and need not go on: the less of the stack that takes, the more tasks can run on top of each other.
[[nodiscard]] inline bool help_until_done(shared_state_base& state) {
    throw_if_inherited(state);
    const shared_state_base::help_result helped = state.help(nullptr);
    return (helped == shared_state_base::help_result::helped && state.done()) ||
           go_on_helping_until_done(state, helped);
}

// Waits like `await`, where the wait may end before the task does. A task that runs on the spot can't be left
// when the time is up, so run it here only if no other worker can.
// Requires: `self` is the calling thread's worker, and its pool has the task.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline bool
await_until(shared_state_base& state, const deadline& until, helper& self) {
    while (state.is_waiting()) {
        blocked_thread me;
        if (!self.watch_idle(me)) {
            if (state.help(self, nullptr)) {
                return true;
            }
            continue;
        }
        const bool done = spin_until_done(state, until) || block(me, state, until);
        if (!self.unwatch_idle(me)) {
            me.wait_until_alone();
        }
        if (done || until.passed()) {
            return done;
        }
    }
    return spin_until_done(state, until) ||
           help_others_until_done(state, until, self) == shared_state_base::help_result::helped;
}

CONCURRENT_FUTURES_FUNCTION void throw_as_it_waits_for_itself() {
    throw_error<invalid_state_error>(
        "a task waits for itself, or for a task that waits for it on the same thread, and so would wait "
        "for ever");
}

CONCURRENT_FUTURES_FUNCTION void await(shared_state_base& state) {
    trampoline::run_postponed();
    if (!help_until_done(state)) {
        throw_as_it_waits_for_itself();
    }
}

CONCURRENT_FUTURES_FUNCTION bool await(shared_state_base& state, const deadline& until) {
    if (state.done()) {
        return true;
    }
    if (until.passed()) {
        return false;
    }
    if (until.is_never()) {
        await(state);
        return true;
    }
    trampoline::run_postponed();
    throw_if_inherited(state);
    if (!state.runs_in_turns()) {
        if (helper* const self = state.helper_here()) {
            return await_until(state, until, *self);
        }
    }
    if (helper* const self = state.helper_of_others()) {
        return help_others_until_done(state, until, *self) == shared_state_base::help_result::helped;
    }
    return spin_until_done(state, until) || block_until_done(state, until);
}

CONCURRENT_FUTURES_FUNCTION void await_if_it_ends(shared_state_base& state) noexcept {
    if (state.is_inherited()) {
        return;
    }
    trampoline::run_postponed();
    while (!state.done()) {
        try {
            static_cast<void>(help_until_done(state));
            return;
        } catch (...) {
            if (state.is_inherited()) {
                return;
            }
            // There is no memory to find out how this worker can help. Others may free some.
            sync::this_thread::yield();
        }
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/future_base.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

struct future_access;

// Does the same as `await_or_throw`, which mostly need not call this.
void await_pending(shared_state_base& state, const timeout& limit);

// Waits until `state` is done. Throws if `limit` passes first.
inline void await_or_throw(shared_state_base& state, const timeout& limit) {
    if (!state.done()) {
        await_pending(state, limit);
    }
}

// Requires: `state` is done, and has no value.
[[noreturn, gnu::cold]] void throw_failure(shared_state_base& state);

// Requires: `state` is done.
inline void throw_if_failed(shared_state_base& state) {
    if (state.state() == future_state::cancelled || state.exception()) {
        throw_failure(state);
    }
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void await_pending(shared_state_base& state, const timeout& limit) {
    if (limit.is_never()) {
        await(state);
    } else if (!await(state, limit.start())) {
        throw_error<timeout_error>("the future was not done within the timeout");
    }
}

CONCURRENT_FUTURES_FUNCTION void throw_failure(shared_state_base& state) {
    if (state.state() == future_state::cancelled) {
        throw_error<cancelled_error>("the future was cancelled");
    }
    state.mark_exception_as_looked_at();
    std::rethrow_exception(state.exception());
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// `future_base` is what `Future<T>` and `any_future` have in common: all that doesn't depend on the type of
/// the result. `State` is internal.
///
/// \code
/// futures::Future<int> number = executor.submit([] { return 42; });
/// futures::any_future any = number;
/// assert(number.wait_for(std::chrono::hours(1)) == any.wait_for(std::chrono::hours(1)));
/// \endcode
template <class State>
class future_base {
public:
    /// Returns whether this handle has a state.
    ///
    /// \code
    /// assert(!futures::Future<int>().valid());
    /// \endcode
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

    /// Waits until the future is done, at most for `limit`, and returns what the task threw, or null if the
    /// task returned.
    ///
    /// \throws cancelled_error if the future was cancelled
    /// \throws timeout_error if `limit` passed first
    ///
    /// \code
    /// auto future = executor.submit([] { throw std::runtime_error("bad luck"); });
    /// assert(future.exception() != nullptr);
    /// \endcode
    std::exception_ptr exception(const timeout& limit = {}) const {
        detail::shared_state_base& state = checked();
        detail::await_or_throw(state, limit);
        if (state.state() == future_state::cancelled) {
            detail::throw_failure(state);
        }
        if (state.exception()) {
            state.mark_exception_as_looked_at();
        }
        return state.exception();
    }

    /// Cancels the task if it has not started. The task will never run. This thread first destroys what the
    /// task captured. Then the future becomes cancelled, the threads that wait for it are woken, and its done
    /// callbacks are called. If another thread is cancelling the same task, this call waits for that thread.
    /// Returns true if this call or an earlier one cancelled the future, false if the task runs or has run.
    ///
    /// The destructor of a captured object may cancel other tasks, and its own. Such a call returns true at
    /// once if the task is already being cancelled.
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// futures::Future<int> future = promise.get_future();
    /// assert(future.cancel() && future.cancelled());
    /// \endcode
    bool cancel() const {
        const detail::shared_state_base::handle kept(checked());  // a callback may destroy this handle
        return kept.state().cancel();
    }

    /// Cancels the task if it has not started. If it runs, requests a stop of the `std::stop_token` that its
    /// callable took. Returns whether this call did either.
    ///
    /// \code
    /// #if defined(__cpp_lib_jthread)
    /// auto future = executor.submit([](std::stop_token stop) {
    ///     while (!stop.stop_requested()) {
    ///     }
    /// });
    /// future.request_stop();  // cancels it, or ends its loop
    /// #endif
    /// \endcode
    bool request_stop() const {
        const detail::shared_state_base::handle kept(checked());
        return kept.state().request_stop();
    }

    /// Returns how far the future has got. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(future.state() == futures::future_state::finished);
    /// \endcode
    [[nodiscard]] future_state state() const { return checked().state(); }
    /// Returns whether the future was cancelled. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(!future.cancelled());
    /// \endcode
    [[nodiscard]] bool cancelled() const { return state() == future_state::cancelled; }
    /// Returns whether the task runs now. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// future.wait();
    /// assert(!future.running());
    /// \endcode
    [[nodiscard]] bool running() const { return state() == future_state::running; }
    /// Returns whether the future was cancelled or has finished. Never blocks.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// executor.shutdown();
    /// assert(future.done());
    /// \endcode
    [[nodiscard]] bool done() const { return checked().done(); }

    /// Waits until the future is done. See `result` for what a worker does meanwhile.
    ///
    /// \code
    /// auto future = executor.submit([] { throw std::runtime_error("bad luck"); });
    /// future.wait();  // doesn't throw that
    /// assert(future.exception());
    /// \endcode
    void wait() const { detail::await(checked(), detail::deadline()); }

    /// Waits until the future is done or `limit` has passed.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// assert(future.wait_for(std::chrono::hours(1)) == std::future_status::ready);
    /// \endcode
    std::future_status wait_for(const timeout& limit) const {
        return detail::await(checked(), limit.start()) ? std::future_status::ready
                                                       : std::future_status::timeout;
    }

    /// Waits until the future is done or `when` has come, on any clock, even one that is set meanwhile.
    ///
    /// \code
    /// auto future = executor.submit([] {});
    /// const auto when = std::chrono::system_clock::now() + std::chrono::hours(1);
    /// assert(future.wait_until(when) == std::future_status::ready);
    /// \endcode
    template <class Clock, class Duration>
    std::future_status wait_until(const std::chrono::time_point<Clock, Duration>& when) const {
        for (;;) {
            // Use the clock as it is now, and look again in case it was set back meanwhile.
            const std::chrono::nanoseconds left = remaining(when);
            if (wait_for(left) == std::future_status::ready) {
                return std::future_status::ready;
            }
            if (left <= std::chrono::nanoseconds::zero()) {
                return std::future_status::timeout;
            }
        }
    }

protected:
    future_base() noexcept = default;
    explicit future_base(State* state) noexcept : state_(state) {}  // takes over one handle
    future_base(const future_base& other) noexcept : state_(other.state_) {
        if (state_) {
            state_->add_handle();
        }
    }
    future_base(future_base&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    future_base& operator=(const future_base&) = delete;
    ~future_base() {
        if (state_) {
            state_->remove_handle();
        }
    }

    void swap(future_base& other) noexcept { std::swap(state_, other.state_); }

    State& checked() const {
        if (!state_) {
            detail::throw_error<invalid_state_error>(
                "the future has no state: it was default-constructed or moved from");
        }
        return *state_;
    }

    State* state_ = nullptr;

private:
    friend struct detail::future_access;

    using state_type = State;

    template <class Clock, class Duration>
    static std::chrono::nanoseconds remaining(const std::chrono::time_point<Clock, Duration>& when) {
        using std::chrono::nanoseconds;
        using seconds = std::chrono::duration<long double>;
        // Compare `when` with now in integers only if it isn't far away: the clock may not count that far.
        // Centuries are for ever, see `timeout`.
        constexpr long double ages = 1e9L;
        const auto now = Clock::now();
        // Subtract counts: some libraries' durations that are not a number compare as no less than any other.
        const long double left =
            seconds(when.time_since_epoch()).count() - seconds(now.time_since_epoch()).count();
        if (left >= ages) {
            return (nanoseconds::max)();
        }
        if (!(left > -ages)) {  // or it is not a number
            return nanoseconds::zero();
        }
        if constexpr (std::chrono::treat_as_floating_point_v<typename Duration::rep>) {
            return std::chrono::ceil<nanoseconds>(seconds(left));
        } else {
            return std::chrono::ceil<nanoseconds>(when - now);
        }
    }
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/fwd.hpp

// This header declares the library's classes, for headers that only mention `Future<T>` or
// `thread_pool_executor<>&`. It includes nothing.

namespace concurrent::futures { inline namespace v0_1 {

class any_future;
class packaged_task;
class queued_task;
struct fifo;
struct lifo;
struct priority;
template <class T>
class completion_queue;
template <class T>
class Future;
template <class T>
class map_results;
template <class T>
class Promise;
template <class Queue = fifo>
class thread_pool_executor;
template <class Executor = thread_pool_executor<>>
class task_group;

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/callback.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `callback` is the only way for code to run because a future is done: a user's function, a continuation,
// or whatever completes or cancels another future, and so may lead to user code. A class that derives from
// `callback` overrides `call_back` and owes nothing else. This class and `shared_state_base` see to the rest:
//
//   - All threads that wait for the future are woken before the first call.
//   - A worker that completes the future counts as busy before the first call.
//   - A chain of calls, each of which leads to the next, needs a bounded part of the stack.
//   - The log handler gets what `call_back` throws.
class callback : public waiter {
public:
    // Lets `call_back` run once when `future` is done, after the callbacks that were added earlier. If the
    // future is done already, `call_back` runs on this thread before this returns, unless `trampoline`
    // postpones it. This callback must live until `call_back`, and may be gone when this returns. Requires:
    // this was not called before, or `call_back` has run since. The caller has a handle on `future`.
    void call_when_done(shared_state_base& future) noexcept {
        if (!future.add_callback(*this)) {
            call_through_trampoline(future.how_done());
        }
    }

    // Does the same, but where the future is done already, returns false and calls nothing.
    [[nodiscard]] bool call_when_done_later(shared_state_base& future) noexcept {
        return future.add_callback(*this);
    }

protected:
    callback() = default;
    ~callback() = default;

    // Called once the future is done, as `how` says. Nobody uses this callback after that, so `call_back` may
    // destroy it. If the future is to live that long, something must have a handle on it, such as the
    // derived class.
    virtual void call_back(outcome how) = 0;

    // Takes this callback back. Returns false if `call_back` runs, has run or will run. Requires: `future` is
    // what it was added to, with a handle.
    [[nodiscard]] bool take_back_from(shared_state_base& future) noexcept {
        return future.remove_callback(*this);
    }

    // Calls `fn()`. The log handler gets what that throws. Within `call_back`, this is for an exception that
    // must be logged before something else happens.
    template <class Fn>
    static void log_what_throws(Fn fn) noexcept {
        try {
            fn();
        } catch (...) {
            log("a done callback threw", std::current_exception());
        }
    }

private:
    void on_done(outcome how) noexcept final { call_through_trampoline(how); }

    [[nodiscard]] bool is_callback() const noexcept final { return true; }

    void call_through_trampoline(outcome how) noexcept {
        trampoline::call([this, how]() noexcept { log_what_throws([this, how] { call_back(how); }); });
    }
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/result_storage.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `result_storage` holds what a function returns: an object, a reference or nothing. It constructs an object
// in place, so the object need not be movable. The owner knows whether there is a result.
template <class T>
class result_storage {
public:
    result_storage() noexcept {}
    result_storage(const result_storage&) = delete;
    result_storage& operator=(const result_storage&) = delete;
    ~result_storage() {}

    template <class Make>
    void emplace_from(Make&& make) {
        ::new (static_cast<void*>(std::addressof(value_))) std::remove_cv_t<T>(std::forward<Make>(make)());
    }
    template <class... Args>
    void emplace(Args&&... args) {
        ::new (static_cast<void*>(std::addressof(value_))) std::remove_cv_t<T>(std::forward<Args>(args)...);
    }
    void destroy() noexcept { std::destroy_at(std::addressof(value_)); }

    [[nodiscard]] T& get() noexcept { return value_; }

private:
    union {
        std::remove_cv_t<T> value_;
    };
};

template <class T>
    requires std::is_reference_v<T>
class result_storage<T> {
public:
    template <class Make>
    void emplace_from(Make&& make) {
        T referred = std::forward<Make>(make)();
        pointer_ = std::addressof(referred);
    }
    void emplace(T referred) noexcept { pointer_ = std::addressof(referred); }
    void destroy() noexcept {}

    [[nodiscard]] T get() noexcept { return static_cast<T>(*pointer_); }

private:
    std::remove_reference_t<T>* pointer_ = nullptr;
};

template <class T>
    requires std::is_void_v<T>
class result_storage<T> {
public:
    template <class Make>
    void emplace_from(Make&& make) {
        std::forward<Make>(make)();
    }
    void emplace() noexcept {}
    void destroy() noexcept {}

    void get() noexcept {}
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/state/typed_state.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `shared_state` adds room for the value. A promise uses it by itself; a `task` adds what is to run.
template <class T>
class shared_state : public shared_state_base {
public:
    using shared_state_base::shared_state_base;

    // Only the claimer writes the result. Others read it once the state is finished with a value.
    [[nodiscard]] result_storage<T>& result() noexcept { return result_; }

    [[nodiscard]] result_type type() const noexcept final { return result_type::of<T>(); }

protected:
    ~shared_state() override {
        if (has_result()) {
            result_.destroy();
        }
    }

    void discard_captures() noexcept override {}
    void discard_result() noexcept override { result_.destroy(); }

    void dispose() noexcept override {
        if constexpr (std::is_object_v<T> && !std::is_trivially_destructible_v<T>) {
            this->dispose_at_any_depth();
        } else {
            delete this;
        }
    }

private:
    result_storage<T> result_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/future.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `future_access` lets the rest of the library reach the state of a handle.
struct future_access {
    // Takes over one handle.
    template <class T>
    static Future<T> adopt(shared_state<T>& state) noexcept {
        return Future<T>(std::addressof(state));
    }
    // The same. Requires: the handle was released from a `Future<T>`.
    template <class T>
    static Future<T> adopt(shared_state_base::handle handle) noexcept {
        return adopt_as<Future<T>>(std::move(handle));
    }
    // The same for a `Handle` of any type. Requires: it can be a handle on that state.
    template <class Handle>
    static Handle adopt_as(shared_state_base::handle handle) noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): see above
        return Handle(static_cast<typename Handle::state_type*>(std::addressof(handle.release())));
    }
    // Requires: `future.valid()`.
    template <class Handle>
    static shared_state_base::handle release(Handle future) noexcept {
        return shared_state_base::handle::adopt(*std::exchange(future.state_, nullptr));
    }
    // Returns `future`. Somebody else tells of its failure, so the log handler won't.
    template <class Handle>
    [[nodiscard]] static Handle disregard(Handle future) noexcept {
        if (future.valid()) {
            future.state_->mark_exception_as_looked_at();
        }
        return future;
    }
    // Throws if the handle has no state.
    template <class State>
    static State& state(const future_base<State>& future) {
        return future.checked();
    }
    // Returns null if the handle has no state.
    template <class State>
    static const shared_state_base* address(const future_base<State>& future) noexcept {
        return future.state_;
    }
};

template <class T, class Handle>
class future_awaiter;

// A `done_callback` calls a user's function with a `Handle` on the future. It owns itself.
template <class Handle, class Fn>
class done_callback final : public callback {
public:
    template <class OtherFn>
    done_callback(shared_state_base::handle future, OtherFn&& fn)
        : fn_(std::forward<OtherFn>(fn)), future_(std::move(future)) {}

private:
    void call_back(outcome) override {
        // Log before `fn_` is gone, as the exception may refer to what `fn_` captured.
        log_what_throws([&] {
            // Make the future here: GCC 12, optimizing, destroys a parameter twice if `fn_` is sure to throw
            // after moving from it.
            std::invoke(fn_, future_access::adopt_as<Handle>(std::move(future_)));
        });
        delete this;
    }

    Fn fn_;
    shared_state_base::handle future_;
};

// Has `fn` called with a `Handle` on the future once it is done.
template <class Handle, class Fn>
void add_callback(shared_state_base& state, Fn&& fn) {
    shared_state_base::handle kept(state);  // copying or moving `fn` may destroy the caller's handle
    // It destroys itself, and has the handle.
    auto* const added = new done_callback<Handle, std::decay_t<Fn>>(std::move(kept), std::forward<Fn>(fn));
    added->call_when_done(state);
}

}  // namespace detail

/// A `Future` is a handle on the result of a task that may not have run yet. It is copyable, like
/// `std::shared_future`, and cancellable. All copies share one state, and futures that share a state are
/// equal. An executor's `submit` returns a future; `Promise` and `package` make others.
///
/// `T` is what the task returns: any object type (even one that can't be moved or default-constructed), a
/// reference, or void. A default-constructed or moved-from future is not `valid()`; every other call on it
/// throws `invalid_state_error`.
///
/// Thread-safety: several threads may use different handles at once, even on the same state. Several threads
/// may use one handle at once if all calls are const.
///
/// The log handler (`set_log_handler`) gets an exception if the last handle goes before `result()`,
/// `exception()` or `get()` of any handle has returned or thrown the exception.
///
/// \code
/// futures::Future<std::string> future = executor.submit([] { return std::string("hello"); });
/// auto copy = future;
/// assert(copy == future && &copy.result() == &future.result());
/// \endcode
template <class T>
class Future : public future_base<detail::shared_state<T>> {
    using base = future_base<detail::shared_state<T>>;

public:
    /// `value_type` is what the task returns.
    using value_type = T;

    /// Makes a handle that is not `valid()`.
    Future() noexcept = default;
    /// Makes another handle on the same state.
    Future(const Future& other) noexcept = default;
    /// Takes over the handle `other`, which is not `valid()` any more.
    Future(Future&& other) noexcept = default;
    /// Replaces this handle by a copy of `other`, or takes over an rvalue `other`.
    Future& operator=(Future other) noexcept {
        swap(other);
        return *this;
    }
    ~Future() = default;

    /// Exchanges two handles.
    void swap(Future& other) noexcept { base::swap(other); }
    /// Exchanges two handles.
    friend void swap(Future& a, Future& b) noexcept { a.swap(b); }

    /// Waits until the future is done, at most for `limit`, and returns its value. An object comes as a
    /// `const T&` that is valid as long as there is a handle on the state. A reference comes as `T`. Void
    /// returns nothing.
    ///
    /// On a worker of the pool in which the task is queued, this runs the task on the spot. With a `limit`,
    /// it does so only if no other worker is idle and none can be started; then it takes as long as the task
    /// takes. With a zero or negative `limit` it never does.
    ///
    /// \throws whatever the task threw, which may be a `timeout_error` of its own: then `done()` is true
    /// \throws cancelled_error if the future was cancelled
    /// \throws timeout_error if `limit` passed first
    /// \throws invalid_state_error if a pool's task waits, without a limit, for itself or for one below it on
    /// the same thread
    /// \throws broken_executor in the child of a fork, if the future is the parent's and was not done
    ///
    /// \code
    /// auto future = executor.submit([] { return 42; });
    /// assert(future.result() == 42 && future.result(std::chrono::seconds(5)) == 42);
    /// \endcode
    decltype(auto) result(const timeout& limit = {}) const& {
        detail::shared_state<T>& state = checked();
        wait_for_result(state, limit);
        if constexpr (std::is_void_v<T> || std::is_reference_v<T>) {
            return state.result().get();
        } else {
            return static_cast<const T&>(state.result().get());
        }
    }

    /// Does the same, but gives up this handle unless `limit` has passed, and returns the value itself. The
    /// value is moved out if this was the last handle, or if `T` can't be copied (see `is_copyable`); else it
    /// is copied.
    ///
    /// \code
    /// auto owner = executor.submit([] { return std::make_unique<int>(42); }).result();
    /// assert(*owner == 42);
    /// \endcode
    T result(const timeout& limit = {}) &&
            requires std::is_void_v<T> || std::is_reference_v<T> || std::is_move_constructible_v<T>
    {
        detail::shared_state<T>& state = checked();
        detail::await_or_throw(state, limit);
        const Future last = std::move(*this);
        detail::throw_if_failed(state);
        if constexpr (std::is_void_v<T> || std::is_reference_v<T>) {
            return state.result().get();
        } else if constexpr (is_copyable<T>) {
            if (!state.has_one_handle()) {
                // If this doesn't compile, T only seems to be copyable: see `is_copyable`.
                return static_cast<const T&>(state.result().get());
            }
            return std::move(state.result().get());
        } else {
            return std::move(state.result().get());
        }
    }
    T result(const timeout& limit = {}) &&
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && !std::is_move_constructible_v<T>) =
        delete;  // the value can't leave its handles: keep one, and call result() on that

    /// Returns `result()`, under the name that `std::future` has for it.
    ///
    /// \code
    /// assert(executor.submit([] { return 42; }).get() == 42);
    /// \endcode
    decltype(auto) get() const& { return result(); }
    /// Returns `result()` of an rvalue.
    T get() &&
            requires requires(Future future) { std::move(future).result(); }
    {
        return std::move(*this).result();
    }

    /// Calls `fn(Future<T>)` once the future is done, on the thread that completes or cancels it, after the
    /// callbacks that were added earlier. If the future is already done, calls `fn` at once, on this thread.
    /// The log handler gets an exception from `fn`. `fn` may still run when `result()` has returned on
    /// another thread.
    ///
    /// If a callback completes another future, the callbacks of that future are called before the first one
    /// goes on. Calls that are more than 32 deep are postponed until the outermost has returned, so a chain
    /// of any length needs a bounded part of the stack.
    ///
    /// \throws whatever copying or moving `fn` throws, and `std::bad_alloc`; then `fn` is not called
    ///
    /// \code
    /// std::promise<int> seen;
    /// executor.submit([] { return 42; }).add_done_callback([&seen](const futures::Future<int>& future) {
    ///     seen.set_value(future.result());
    /// });
    /// assert(seen.get_future().get() == 42);
    /// \endcode
    template <class Fn>
    void add_done_callback(Fn&& fn) const {
        static_assert(std::is_invocable_v<std::decay_t<Fn>&, Future<T>>,
                      "add_done_callback(fn): fn can't be called with a Future of this type");
        detail::add_callback<Future>(checked(), std::forward<Fn>(fn));
    }

    /// Returns the future of `fn(value)`, which runs as soon as this future has a value: as a task of the
    /// executor that ran this future. If no executor ran it, as that of a `Promise` or a `package`, `fn` runs
    /// as a done callback does. An executor of your own that ran it, as a continuation or a coroutine, must
    /// still exist; a destroyed `thread_pool_executor` fails the new future.
    ///
    /// - `fn` gets the value as a `const T&`, or what the reference is that the task returned, or nothing if
    ///   that is void. Called on an rvalue, this gives up the handle, and `fn` gets a `T&&` if it was the
    ///   last (or if `T` can't be copied).
    /// - A failure or cancellation passes by `fn`, and arrives as it is. But a `fn` that can't be called with
    ///   the value may take the `Future<T>` itself, which is done: then it sees failures too.
    /// - If `fn` returns a `Future<U>`, the result is a `Future<U>`, not a future of one.
    /// - If the first parameter of `fn` is a `std::stop_token`, it gets one, as in `submit`.
    ///
    /// Cancelling the new future, or requesting a stop of it, also cancels what it waits for, as far as
    /// nobody else has a handle on that. A task may wait for it even on a pool of one worker: see `result`.
    /// If the executor was shut down before `fn` could be queued, the new future fails with
    /// `executor_shutdown`. So it does if a coroutine took an executor of your own by value: take it by
    /// reference, or name an executor, as in `then(executor, fn)`.
    ///
    /// \throws invalid_state_error if this future is not `valid()`
    /// \throws broken_executor in the child of a fork, if this future is the parent's and was not done
    /// \throws std::bad_alloc, and what copying or moving `fn` throws
    ///
    /// \code
    /// auto text = executor.submit([] { return std::string("four"); });
    /// auto size = text.then([](const std::string& value) { return value.size(); });
    /// assert(size.result() == 4);
    /// \endcode
    template <class Fn>
    auto then(Fn&& fn) const&;
    /// Does the same, and gives up this handle.
    template <class Fn>
    auto then(Fn&& fn) &&;

    /// Does the same, and runs `fn` as a task of `executor`, of any kind. Unless it is a
    /// `thread_pool_executor`, it must exist until both futures are done, also if the new one was cancelled.
    /// What its `submit` throws, the new future fails with.
    ///
    /// \code
    /// futures::thread_pool_executor writers(1);
    /// auto written = executor.submit([] { return 6; }).then(writers, [](int x) { return 7 * x; });
    /// assert(written.result() == 42);
    /// \endcode
    template <class Executor, class Fn>
    auto then(Executor& executor, Fn&& fn) const&;
    /// Does the same, and gives up this handle.
    template <class Executor, class Fn>
    auto then(Executor& executor, Fn&& fn) &&;

    /// Lets a coroutine of any type wait for this future without a thread: `co_await future` gives what
    /// `result()` would, once the future is done. A coroutine that itself returns a `Future` goes on as a
    /// task of its executor. Any other goes on where this future is completed, as a done callback does. An
    /// await allocates nothing.
    ///
    /// \throws invalid_state_error if this future is not `valid()`, or is the waiting coroutine's own
    /// \throws broken_executor in the child of a fork, if this future is the parent's and was not done
    ///
    /// \code
    /// auto doubled = [](futures::thread_pool_executor<>& pool) -> futures::Future<int> {
    ///     co_return 2 * co_await pool.submit([] { return 21; });
    /// };
    /// assert(doubled(executor).result() == 42);
    /// \endcode
    auto operator co_await() const& noexcept { return detail::future_awaiter<T, const Future&>(*this); }
    /// Does the same, and gives up this handle.
    auto operator co_await() && noexcept { return detail::future_awaiter<T, Future>(std::move(*this)); }

    /// Returns whether both are handles on the same state, or neither has a state.
    friend bool operator==(const Future& a, const Future& b) noexcept { return a.state_ == b.state_; }

private:
    friend struct detail::future_access;

    using base::base;
    using base::checked;
    using base::state_;

    static void wait_for_result(detail::shared_state<T>& state, const timeout& limit) {
        detail::await_or_throw(state, limit);
        detail::throw_if_failed(state);
    }
};

}}  // namespace concurrent::futures

/// Equal futures have the same hash.
///
/// \code
/// std::unordered_map<futures::Future<int>, std::string> names;
/// names.emplace(executor.submit([] { return 42; }), "the answer");
/// assert(names.begin()->first.result() == 42);
/// \endcode
template <class T>
struct std::hash<concurrent::futures::Future<T>> {
    /// Returns the hash of the state that `future` is a handle on.
    std::size_t operator()(const concurrent::futures::Future<T>& future) const noexcept {
        namespace detail = concurrent::futures::detail;
        return std::hash<const detail::shared_state_base*>()(detail::future_access::address(future));
    }
};

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/completion_watch.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `completion_watch` waits for many futures at once. Each future tells the watch once, so n futures cost
// O(n) in all, however often the watching thread wakes. Another thread calls `on_nobody_idle`, too; all else
// is the watching thread's.
//
// In the child of a fork, nothing tells a watch that the parent made, another thread may have held its mutex
// for ever, and the list of done entries may be in the middle of a change. So there the watch only asks the
// futures themselves. A task that the watching thread runs while it waits may fork and return: then the
// child, too, goes on in the middle of the wait.
class completion_watch final : private idle_watch {
public:
    class entry final : public thread_waiter {
    public:
        CONCURRENT_FUTURES_FUNCTION void on_done(outcome how) noexcept override;

        shared_state_base::handle future;  // until the watching thread takes it, once the entry was told

    private:
        friend class completion_watch;

        completion_watch* watch_ = nullptr;  // null if the future was done already
        entry* next_done_ = nullptr;
    };

    // Requires: each of `futures` is valid, and is there once.
    template <class Handle>
    explicit completion_watch(std::vector<Handle> futures) : completion_watch(futures.size()) {
        for (std::size_t index = 0; index != futures.size(); ++index) {
            entries_[index].future = future_access::release(std::move(futures[index]));
        }
        begin();
    }

    completion_watch(const completion_watch&) = delete;
    completion_watch& operator=(const completion_watch&) = delete;

    ~completion_watch();

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::vector<entry>& entries() noexcept { return entries_; }

    // Waits until `wanted` futures are done, or one has failed if `or_exception`, or `until` has passed.
    // `to_the_end` says that the wait ends only when all are done. Requires: `next` was not called.
    void wait_for(std::size_t wanted, bool or_exception, bool to_the_end, const deadline& until);

    // Waits for the next entry in the order of completion; returns null if `until` passes first.
    entry* next(const deadline& until);

    // After this, no future tells any more.
    void stop_watching() noexcept;

private:
    static constexpr std::size_t nobody_waits = static_cast<std::size_t>(-1);

    // To be called once all entries have their futures.
    explicit completion_watch(std::size_t futures);
    void begin();

    static shared_state_base& state(const entry& each) noexcept { return each.future.state(); }

    // Whether this is the child of a fork, and its parent made the watch. Any call of user code may change
    // that.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // Throws if `wait_for` would wait in the child of a fork.
    [[gnu::cold]] void throw_if_child_would_wait(std::size_t wanted, bool or_exception,
                                                 const deadline& until) const;

    // Does what `next` does in the child of a fork, in the order of the entries. Goes around them once in
    // all, but for futures that the child itself completes. Throws if it would wait.
    [[nodiscard, gnu::cold]] entry* next_in_child(const deadline& until);

    // Waits until `ready()` or `until`. `wanted` done futures make `ready()` true, and so does one failed
    // future if `or_exception`. A worker runs tasks that are queued in its own pool. If the wait may end
    // before they do, it runs them only while no other worker can. If one of them forks, then in the child
    // this returns, without the lock.
    template <class Ready>
    void wait(std::unique_lock<sync::mutex>& lock, std::size_t wanted, bool or_exception, bool to_the_end,
              const deadline& until, Ready ready);

    // This was given to `watching`, unless that is null.
    void stop_watching(std::unique_lock<sync::mutex>& lock, helper* watching) noexcept;

    // Runs something, or says how to wait; see `helping_wait::go_on`.
    helping_wait::step help(bool to_the_end, helper*& watching);

    // Returns the first entry whose task is queued in the calling worker's pool, or null. A task that is no
    // longer queued will never be again, so this looks at each once.
    entry* next_to_run();

    // Returns whether there are futures that wait for others which this thread may be able to run.
    bool look_for_dependencies();

    // Throws if the wait would never end.
    void throw_if_in_vain(bool to_the_end) const;

    void on_nobody_idle() noexcept override {
        const std::lock_guard lock(mutex_);
        alone_ = true;
        changed_.notify_one();
    }

    void watch(entry& each);

    void note_done(entry& each, outcome how) noexcept;

    void append(entry& each, outcome how) noexcept {
        (last_done_ ? last_done_->next_done_ : first_done_) = &each;
        last_done_ = &each;
        ++done_;
        failed_ += how == outcome::exception;
    }

    std::vector<entry> entries_;
    std::size_t next_to_run_ = 0;
    const shared_state_base* inherited_ = nullptr;  // a future that another process would have completed
    const std::uint32_t process_ = forks::process();
    std::size_t next_in_child_ = 0;
    entry* next_ = nullptr;  // of those that were taken from the list of done entries

    sync::mutex mutex_;
    sync::condition_variable changed_;

    // Guarded by `mutex_`.
    entry* first_done_ = nullptr;  // a list linked by `next_done_`
    entry* last_done_ = nullptr;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t watched_ = 0;  // how many futures have this as a waiter, or had it until they told
    std::size_t told_ = 0;
    std::size_t wanted_ = nobody_waits;  // how many futures must be done to wake the watching thread
    bool wants_exception_ = false;
    bool alone_ = false;    // no other worker can run what is queued
    bool stopped_ = false;  // `stop_watching` is waiting for the futures that tell, or has waited

    std::size_t looked_ = 0;               // so many entries were looked at for that
    std::optional<dependency_walk> walk_;  // on a worker, which may be able to help
    std::optional<helping_wait> helping_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void completion_watch::entry::on_done(outcome how) noexcept {
    watch_->note_done(*this, how);
}

CONCURRENT_FUTURES_FUNCTION completion_watch::completion_watch(std::size_t futures) : entries_(futures) {}

CONCURRENT_FUTURES_FUNCTION completion_watch::~completion_watch() {
    stop_watching();
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::begin() {
    // Futures that are done already come first.
    for (entry& each : entries_) {
        if (state(each).done()) {
            append(each, state(each).how_done());
            continue;
        }
        each.watch_ = this;
        if (state(each).is_inherited()) {
            inherited_ = std::addressof(state(each));
        }
    }
    for (entry& each : entries_) {
        if (each.watch_) {
            watch(each);
        }
    }
}

template <class Ready>
void completion_watch::wait(std::unique_lock<sync::mutex>& lock, std::size_t wanted, bool or_exception,
                            bool to_the_end, const deadline& until, Ready ready) {
    while (!ready() && !until.passed()) {  // else a wait would still sleep a little
        lock.unlock();
        trampoline::run_postponed();
        if (is_inherited()) {
            return;
        }
        helper* watching = nullptr;
        helping_wait::step step = helping_wait::step::look_again;
        try {
            step = help(to_the_end, watching);
        } catch (...) {
            lock.lock();
            stop_watching(lock, watching);
            throw;
        }
        if (is_inherited()) {
            return;
        }
        if (step == helping_wait::step::waits_for_self) {
            throw_as_it_waits_for_itself();
        }
        if (step == helping_wait::step::sleep) {
            throw_if_in_vain(to_the_end);
        }
        lock.lock();
        if (step != helping_wait::step::look_again) {
            wanted_ = wanted;
            wants_exception_ = or_exception;
            wait_until(changed_, lock, until,
                       [&] { return ready() || alone_ || (walk_ && walk_->has_news()); });
            wanted_ = nobody_waits;
            wants_exception_ = false;
        }
        stop_watching(lock, watching);
    }
    if (helping_) {
        lock.unlock();
        helping_->hide();
        lock.lock();
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::wait_for(std::size_t wanted, bool or_exception,
                                                            bool to_the_end, const deadline& until) {
    if (!is_inherited()) {
        std::unique_lock lock(mutex_);
        wait(lock, wanted, or_exception, to_the_end, until,
             [&] { return done_ >= wanted || (or_exception && failed_ != 0); });
    }
    if (is_inherited()) {
        throw_if_child_would_wait(wanted, or_exception, until);
    }
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next(const deadline& until) {
    if (is_inherited()) {
        return next_in_child(until);
    }
    if (!next_) {
        std::unique_lock lock(mutex_);
        if (!first_done_) {
            wait(lock, done_ + 1, false, false, until, [this] { return first_done_ != nullptr; });
            if (is_inherited()) {
                return next_in_child(until);
            }
        }
        next_ = std::exchange(first_done_, nullptr);
        last_done_ = nullptr;
    }
    return next_ ? std::exchange(next_, next_->next_done_) : nullptr;
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::throw_if_child_would_wait(std::size_t wanted,
                                                                             bool or_exception,
                                                                             const deadline& until) const {
    std::size_t done = 0;
    const shared_state_base* unfinished = nullptr;
    for (const entry& each : entries_) {
        const shared_state_base& its_state = state(each);
        if (!its_state.done()) {
            unfinished = std::addressof(its_state);
        } else if (or_exception && its_state.how_done() == outcome::exception) {
            return;
        } else {
            ++done;
        }
    }
    if (done < wanted && unfinished && !until.passed()) {
        throw_if_inherited(*unfinished);
    }
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next_in_child(const deadline& until) {
    const shared_state_base* unfinished = nullptr;
    for (std::size_t looks = entries_.size(); looks != 0; --looks) {
        entry& each = entries_[next_in_child_];
        next_in_child_ = next_in_child_ + 1 == entries_.size() ? 0 : next_in_child_ + 1;
        if (!each.future) {
            continue;  // it was taken
        }
        if (state(each).done()) {
            return std::addressof(each);
        }
        unfinished = std::addressof(state(each));
    }
    if (unfinished && !until.passed()) {
        throw_if_inherited(*unfinished);
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step completion_watch::help(bool to_the_end, helper*& watching) {
    entry* const waiting = next_to_run();
    if (helper* const self = waiting ? state(*waiting).helper_here() : nullptr) {
        if (to_the_end || !self->watch_idle(*this)) {
            if (helping_) {
                helping_->hide();
            }
            state(*waiting).help(*self, nullptr);
            return helping_wait::step::look_again;
        }
        watching = self;
    }
    if (look_for_dependencies()) {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the call has made it
        return helping_->go_on(to_the_end, *this, watching);
    }
    return watching ? helping_wait::step::watch : helping_wait::step::sleep;
}

CONCURRENT_FUTURES_FUNCTION completion_watch::entry* completion_watch::next_to_run() {
    while (next_to_run_ != entries_.size()) {
        entry& each = entries_[next_to_run_];
        if (each.future && state(each).is_waiting() && state(each).helper_here()) {
            return std::addressof(each);
        }
        ++next_to_run_;
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION bool completion_watch::look_for_dependencies() {
    for (; looked_ != entries_.size(); ++looked_) {
        const entry& each = entries_[looked_];
        helper* const self = each.future && !state(each).done() ? state(each).helper_of_others() : nullptr;
        if (self) {
            if (!walk_) {
                walk_.emplace(mutex_, changed_);
                helping_.emplace(*walk_, *self);
            }
            walk_->add_root(state(each), false);  // as this is told anyway
        }
    }
    return walk_.has_value();
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::throw_if_in_vain(bool to_the_end) const {
    if (inherited_) {
        throw_if_inherited(*inherited_);
    }
    if (to_the_end) {
        for (const entry& each : entries_) {
            if (each.future && state(each).runs_here()) {
                throw_as_it_waits_for_itself();
            }
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::watch(entry& each) {
    {
        const std::lock_guard lock(mutex_);
        ++watched_;
    }
    if (!state(each).add_waiter(each)) {
        const std::lock_guard lock(mutex_);
        --watched_;
        append(each, state(each).how_done());
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::note_done(entry& each, outcome how) noexcept {
    // Notify under the mutex: once the mutex is free, this may be gone.
    const std::lock_guard lock(mutex_);
    ++told_;
    append(each, how);
    if (done_ >= wanted_ || (wants_exception_ && failed_ != 0) || stopped_) {
        changed_.notify_one();
    }
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::stop_watching() noexcept {
    // Only this thread writes `stopped_`. In the child of a fork, no thread tells; and as this thread
    // runs nothing while `helping_` is shown, that has nothing to hide.
    if (stopped_ || is_inherited()) {
        return;
    }
    helping_.reset();
    walk_.reset();
    std::size_t removed = 0;
    for (entry& each : entries_) {
        if (each.future && state(each).remove_waiter(each)) {
            ++removed;
        }
    }
    // An entry that could not be removed is telling at the moment.
    std::unique_lock lock(mutex_);
    watched_ -= removed;
    stopped_ = true;
    changed_.wait(lock, [this] { return told_ == watched_; });
}

CONCURRENT_FUTURES_FUNCTION void completion_watch::stop_watching(std::unique_lock<sync::mutex>& lock,
                                                                 helper* watching) noexcept {
    if (!watching) {
        return;
    }
    lock.unlock();
    const bool removed = watching->unwatch_idle(*this);
    lock.lock();
    if (!removed) {
        changed_.wait(lock, [this] { return alone_; });
    }
    alone_ = false;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/any_future.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_bad_cast() {
    throw std::bad_cast();
}

}  // namespace detail

/// An `any_future` is a handle on a future of whatever type, made from a `Future<T>`. It is copyable, and
/// shares the state with the futures that it is equal to. It does everything that needs no result; `get<T>()`
/// gives the `Future<T>` back. `wait`, `as_completed` and `completion_queue` take futures of several types as
/// `any_future`.
///
/// A default-constructed or moved-from handle is not `valid()`, and neither is one that is made from such a
/// future. Thread-safety and the treatment of exceptions are those of `Future`.
///
/// \code
/// futures::Future<int> number = executor.submit([] { return 42; });
/// futures::Future<std::string> text = executor.submit([] { return std::string("hello"); });
/// for (const futures::any_future& each : std::vector<futures::any_future>{number, text})
///     each.wait();
/// assert(number.done() && text.done());
/// \endcode
class any_future : public future_base<detail::shared_state_base> {
public:
    /// In `wait_result`, `as_completed_range` and `completion_queue`, `any_future` stands for itself.
    using value_type = any_future;

    /// Makes a handle that is not `valid()`.
    any_future() noexcept = default;
    /// Makes a handle on the state of `future`.
    template <class T>
    any_future(const Future<T>& future) noexcept : any_future(Future<T>(future)) {}
    /// Takes over the handle `future`, which is not `valid()` any more.
    template <class T>
    any_future(Future<T>&& future) noexcept
        : future_base(
              future.valid()
                  ? std::addressof(detail::future_access::release<Future<T>>(std::move(future)).release())
                  : nullptr) {}
    /// Makes another handle on the same state.
    any_future(const any_future& other) noexcept = default;
    /// Takes over the handle `other`, which is not `valid()` any more.
    any_future(any_future&& other) noexcept = default;
    /// Replaces this handle by a copy of `other`, or takes over an rvalue `other`.
    any_future& operator=(any_future other) noexcept {
        swap(other);
        return *this;
    }
    ~any_future() = default;

    /// Exchanges two handles.
    void swap(any_future& other) noexcept { future_base::swap(other); }
    /// Exchanges two handles.
    friend void swap(any_future& a, any_future& b) noexcept { a.swap(b); }

    /// Returns the future with its type. Never blocks. If two shared libraries are built without RTTI, one
    /// may not recognise a type that the other hides.
    ///
    /// \throws std::bad_cast if the future's result is not a `T`
    /// \throws invalid_state_error if this handle is not `valid()`
    ///
    /// \code
    /// futures::any_future any = executor.submit([] { return 42; });
    /// assert(any.get<int>().result() == 42);
    /// try {
    ///     static_cast<void>(any.get<std::string>());
    ///     assert(false);
    /// } catch (const std::bad_cast&) {
    /// }
    /// \endcode
    template <class T>
    [[nodiscard]] Future<T> get() const {
        detail::shared_state_base& state = checked();
        if (state.type() != detail::result_type::of<T>()) {
            detail::throw_bad_cast();
        }
        return detail::future_access::adopt<T>(detail::shared_state_base::handle(state));
    }

    /// Calls `fn(any_future)` once the future is done, as `Future::add_done_callback` does.
    ///
    /// \throws whatever copying or moving `fn` throws, and `std::bad_alloc`; then `fn` is not called
    ///
    /// \code
    /// std::promise<void> seen;
    /// futures::any_future any = executor.submit([] { return 42; });
    /// any.add_done_callback([&seen](const futures::any_future&) { seen.set_value(); });
    /// seen.get_future().wait();
    /// assert(any.done());
    /// \endcode
    template <class Fn>
    void add_done_callback(Fn&& fn) const {
        static_assert(std::is_invocable_v<std::decay_t<Fn>&, any_future>,
                      "add_done_callback(fn): fn can't be called with an any_future");
        detail::add_callback<any_future>(checked(), std::forward<Fn>(fn));
    }

    /// Returns whether both are handles on the same state, or neither has a state.
    friend bool operator==(const any_future& a, const any_future& b) noexcept { return a.state_ == b.state_; }
    /// Returns whether both are handles on the same state, or neither has a state.
    template <class T>
    friend bool operator==(const any_future& a, const Future<T>& b) noexcept {
        return a.state_ == detail::future_access::address(b);
    }

private:
    friend struct detail::future_access;

    using future_base::future_base;
};

namespace detail {

// The handle on a future whose result is a `T`; `any_future` stands for futures of whatever type.
template <class T>
using handle_on = std::conditional_t<std::is_same_v<T, any_future>, any_future, Future<T>>;

}  // namespace detail
}}  // namespace concurrent::futures

/// Equal futures have the same hash, with their type or without.
///
/// \code
/// futures::Future<int> future = executor.submit([] { return 42; });
/// std::unordered_map<futures::any_future, std::string> names{{future, "the answer"}};
/// assert(names.at(future) == "the answer");
/// \endcode
template <>
struct std::hash<concurrent::futures::any_future> {
    /// Returns the hash of the state that `future` is a handle on.
    std::size_t operator()(const concurrent::futures::any_future& future) const noexcept {
        namespace detail = concurrent::futures::detail;
        return std::hash<const detail::shared_state_base*>()(detail::future_access::address(future));
    }
};

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/future_range.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<Future<T>> = true;

}  // namespace detail

/// A `future_type` is `Future<T>` for some `T`.
///
/// \code
/// static_assert(futures::future_type<futures::Future<int>> && !futures::future_type<std::future<int>>);
/// \endcode
template <class F>
concept future_type = detail::is_future<std::remove_cvref_t<F>>;

namespace detail {

// A handle on a future, with the type of the result or without.
template <class F>
concept future_handle = future_type<F> || std::same_as<std::remove_cvref_t<F>, any_future>;

}  // namespace detail

/// A `future_map` is a map whose keys are futures: `Future<T>` or `any_future`.
///
/// \code
/// static_assert(futures::future_map<std::unordered_map<futures::Future<int>, std::string>>);
/// \endcode
template <class Range>
concept future_map = std::ranges::input_range<Range> && requires {
    typename std::remove_cvref_t<Range>::key_type;
    typename std::remove_cvref_t<Range>::mapped_type;
} && detail::future_handle<typename std::remove_cvref_t<Range>::key_type>;

/// `wait` and `as_completed` take this: any range of `Future<T>` or of `any_future`, or a map
/// keyed by them.
///
/// \code
/// auto count_done = [](const futures::future_range auto& tasks) {
///     return futures::wait(tasks).done.size();
/// };
/// assert(count_done(std::vector{executor.submit([] {}), executor.submit([] {})}) == 2);
/// \endcode
template <class Range>
concept future_range = std::ranges::input_range<Range> &&
                       (detail::future_handle<std::ranges::range_reference_t<Range>> || future_map<Range>);

namespace detail {

// Returns the future that an element of a `future_range` is, or has as its key.
template <class Range, class Element>
constexpr const auto& future_of(const Element& element) noexcept {
    if constexpr (future_map<Range>) {
        return element.first;
    } else {
        return element;
    }
}

template <class Range>
using future_in =
    std::remove_cvref_t<decltype(future_of<Range>(std::declval<std::ranges::range_reference_t<Range>>()))>;

// `wait` and `as_completed` give the futures of `Range` as this. They take the value type `any_future` for
// that of futures of whatever type, so a `Future<any_future>` becomes an `any_future`.
template <class Range>
using handle_in = handle_on<typename future_in<Range>::value_type>;

// `wait` and `as_completed` have another overload for lists of `any_future`. It is a template, so that a unit
// compiles it only if it calls it, and so no better match than the one for ranges.
template <class Range>
concept no_list_of_any_future = !std::same_as<std::remove_cvref_t<Range>, std::initializer_list<any_future>>;

// The same for each `Handle`. It depends on `Handle` so that only units that need the set of them compile it.
template <class Handle>
using address_of_state = std::conditional_t<future_handle<Handle>, const shared_state_base*, Handle>;

// Returns each future of `futures` once, in order.
template <class Range>
std::vector<handle_in<Range>> unique_futures(Range&& futures) {
    using future = future_in<Range>;
    std::vector<handle_in<Range>> unique;
    std::unordered_map<address_of_state<future>, bool> seen;  // a set; <functional> has brought this one
    if constexpr (std::ranges::sized_range<Range>) {
        const auto size = static_cast<std::size_t>(std::ranges::size(futures));
        unique.reserve(size);
        seen.reserve(size);
    }
    for (auto&& element : futures) {
        const future& each = future_of<Range>(element);
        if (seen.try_emplace(std::addressof(future_access::state(each)), true).second) {
            unique.push_back(each);
        }
    }
    return unique;
}

}  // namespace detail
}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/pull_iterator.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `pull_iterator` iterates a single-pass range. The body has `get()` for the current element, `advance()` to
// the next, and `at_end()`.
template <class Body>
class pull_iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using reference = decltype(std::declval<Body&>().get());
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;

    explicit pull_iterator(Body& body) noexcept : body_(&body) {}
    pull_iterator(pull_iterator&&) noexcept = default;
    pull_iterator& operator=(pull_iterator&&) noexcept = default;

    reference operator*() const noexcept { return body_->get(); }
    pull_iterator& operator++() {
        body_->advance();
        return *this;
    }
    void operator++(int) { body_->advance(); }

    friend bool operator==(const pull_iterator& self, std::default_sentinel_t) noexcept {
        return self.body_->at_end();
    }

private:
    Body* body_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/as_completed.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

[[noreturn, gnu::cold]] void throw_unfinished(std::size_t unfinished, std::size_t futures);

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void throw_unfinished(std::size_t unfinished, std::size_t futures) {
    char message[80];
    std::snprintf(message, sizeof message, "%zu (of %zu) futures unfinished", unfinished, futures);
    throw timeout_error(message);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// `as_completed` returns this input range of `Future<T>`, or of `any_future` if `T` is `any_future`. It is
/// movable, not copyable; only one thread at a time may use it.
///
/// Dereferencing the iterator gives an rvalue. `for (auto future : range)` takes the future over, so the
/// range holds no future that it has yielded. `for (auto&& future : range)` looks at the future in the range,
/// where it stays until the next increment.
///
/// \code
/// futures::as_completed_range<int> done = futures::as_completed({executor.submit([] { return 42; })});
/// for (auto future : done)
///     assert(future.result() == 42);
/// \endcode
template <class T>
class as_completed_range {
    using handle = detail::handle_on<T>;
    struct body;

public:
    /// The increment of this input iterator waits for the next future that is done.
    ///
    /// \throws timeout_error if the timeout of the range has passed first; then there is no next future
    using iterator = detail::pull_iterator<body>;

    /// Makes what `as_completed` returns. Requires: `futures` contains each future once.
    as_completed_range(std::vector<detail::handle_on<T>> futures, const timeout& limit)
        : body_(std::make_unique<body>(std::move(futures), limit)) {}

    /// The first call waits for the first future that is done. A later call returns the present position.
    ///
    /// \throws timeout_error if the timeout of the range has passed first
    [[nodiscard]] iterator begin() {
        if (!body_->begun) {
            body_->begun = true;
            body_->advance();
        }
        return iterator(*body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    // A move of the range leaves `body` where it is.
    struct body {
        body(std::vector<handle> futures, const timeout& limit)
            : until(limit.start()), watch(std::move(futures)), unfinished(watch.size()) {}

        [[nodiscard]] bool at_end() const noexcept { return ended; }
        [[nodiscard]] handle&& get() noexcept { return std::move(current); }

        void advance() {
            current = handle();
            ended = true;
            if (unfinished == 0 || timed_out) {
                return;
            }
            detail::completion_watch::entry* const next = watch.next(until);
            if (!next) {
                timed_out = true;
                detail::throw_unfinished(unfinished, watch.size());
            }
            current = detail::future_access::adopt_as<handle>(std::move(next->future));
            ended = false;
            --unfinished;
        }

        const detail::deadline until;
        detail::completion_watch watch;
        std::size_t unfinished;
        handle current;  // not valid before the iteration, and where the loop has taken it over
        bool begun = false;
        bool ended = true;
        bool timed_out = false;
    };

    std::unique_ptr<body> body_;
};

/// Returns a range of the futures in `futures`, each once, as they become done: first those that are done
/// already, in their order, then the others in the order of completion. A range over n futures costs O(n).
/// You may leave the range midway.
///
/// On a worker of a pool, the range runs tasks that are queued in that pool on the spot, as long as no future
/// is done, no other worker is idle and none can be started.
///
/// \param futures any range of futures, or a map keyed by futures
/// \param limit counted from this call; `begin()` or the increment that would pass it throws `timeout_error`
/// \throws invalid_state_error if a future is not `valid()`
/// \throws broken_executor from the increment that would wait, in the child of a fork, for a future of the
/// parent's
///
/// \code
/// std::unordered_map<futures::Future<int>, std::string> tasks;
/// tasks.emplace(executor.submit([] { return 3; }), "one");
/// tasks.emplace(executor.submit([] { return 5; }), "three");
/// for (auto future : futures::as_completed(tasks, std::chrono::hours(1)))
///     assert(future.result() == static_cast<int>(tasks.at(future).size()));
/// \endcode
template <class Range>
    requires detail::no_list_of_any_future<Range>
[[nodiscard]] auto as_completed(Range&& futures, const timeout& limit = {}) {
    static_assert(future_range<Range>,
                  "as_completed(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        using value = typename detail::future_in<Range>::value_type;
        return as_completed_range<value>(detail::unique_futures(futures), limit);
    }
}

/// Does the same for a list of futures.
///
/// \code
/// auto first = executor.submit([] { return 1; });
/// auto second = executor.submit([] { return 2; });
/// int sum = 0;
/// for (auto future : futures::as_completed({first, second}))
///     sum += future.result();
/// assert(sum == 3);
/// \endcode
template <class T>
[[nodiscard]] as_completed_range<T> as_completed(std::initializer_list<Future<T>> futures,
                                                 const timeout& limit = {}) {
    return as_completed_range<T>(detail::unique_futures(futures), limit);
}

/// Does the same for a list of futures of several types.
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("hello"); });
/// for (futures::any_future future : futures::as_completed({number, text}))
///     assert(future == number || future.get<std::string>().result() == "hello");
/// \endcode
template <class Any = any_future>
[[nodiscard]] as_completed_range<Any> as_completed(std::initializer_list<std::type_identity_t<Any>> futures,
                                                   const timeout& limit = {}) {
    return as_completed_range<Any>(detail::unique_futures(futures), limit);
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/live_pools.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// All pools of the process. A task that is done may have outlived its pool, and asks
// here before it touches that.
class live_pools {
public:
    // The base of a pool.
    class entry {
    public:
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

    protected:
        entry() noexcept = default;
        ~entry() = default;

    private:
        friend class live_pools;

        entry* next_ = nullptr;
        entry* previous_ = nullptr;
    };

    // One for all shared libraries that share variables.
    [[gnu::visibility("default"), gnu::noinline]] static live_pools& instance() noexcept {
        static no_destructor<live_pools> pools;  // a pool may be destroyed later than other static objects
        return pools.get();
    }

    // A pool is in the list only while all of it exists, as threads that `find` a pool use it at once: the
    // constructor of the most derived class adds it last of all, and the destructor removes it first of all.
    // Both are code of the library that made the pool, so they have the same list.
    void add(entry& added) noexcept;

    void remove(entry& removed) noexcept;

    // Calls `visit(entry)` for each pool, until that returns true, and lets no pool be destroyed meanwhile.
    template <class Visit>
    void find(Visit visit) noexcept {
        const std::lock_guard lock(mutex_);
        for (entry* each = first_; each && !visit(*each); each = each->next_) {
        }
    }

private:
    friend class no_destructor<live_pools>;

    live_pools() noexcept {
        // As for `orphaned_threads`: no other thread may hold the mutex at a fork.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] { instance().mutex_.unlock(); });
    }

    sync::mutex mutex_;
    entry* first_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void live_pools::add(entry& added) noexcept {
    const std::lock_guard lock(mutex_);
    added.next_ = std::exchange(first_, &added);
    if (added.next_) {
        added.next_->previous_ = &added;
    }
}

CONCURRENT_FUTURES_FUNCTION void live_pools::remove(entry& removed) noexcept {
    const std::lock_guard lock(mutex_);
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    if (removed.next_) {
        removed.next_->previous_ = removed.previous_;
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/shared_pool.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A reference to a pool, or null. The pool counts its references, and lives as long as it has any: the
// executor and each thread of the pool have one. Every unit that makes a pool compiles this code. A
// `std::shared_ptr` with its control block takes several times as much.
template <class Pool>
class shared_pool {
public:
    shared_pool() noexcept = default;
    explicit shared_pool(Pool& pool) noexcept : pool_(&pool) { pool.add_reference(); }
    // Takes over the reference that a new pool has.
    [[nodiscard]] static shared_pool adopt(Pool& pool) noexcept {
        shared_pool adopted;
        adopted.pool_ = &pool;
        return adopted;
    }
    shared_pool(const shared_pool& other) noexcept : pool_(other.pool_) {
        if (pool_) {
            pool_->add_reference();
        }
    }
    shared_pool(shared_pool&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    shared_pool& operator=(shared_pool other) noexcept {
        std::swap(pool_, other.pool_);
        return *this;
    }
    ~shared_pool() { reset(); }

    // Gives up the reference.
    void reset() noexcept {
        if (pool_) {
            std::exchange(pool_, nullptr)->remove_reference();
        }
    }

    [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }
    [[nodiscard]] Pool* get() const noexcept { return pool_; }
    [[nodiscard]] Pool& operator*() const noexcept { return *pool_; }
    [[nodiscard]] Pool* operator->() const noexcept { return pool_; }

private:
    Pool* pool_ = nullptr;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/parking_spot.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// One thread sleeps here until another wakes it. A wake-up that comes first is kept. The spot must live until
// `unpark` has returned.
class parking_spot {
public:
    [[gnu::noinline]] void park() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_; });
        woken_ = false;
    }

    [[gnu::noinline]] void unpark() {
        {
            const std::lock_guard lock(mutex_);
            woken_ = true;
        }
        changed_.notify_one();
    }

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    bool woken_ = false;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/sleep.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The queues of a pool, as `sleep` sees them. All functions but the first read counts by sequentially
// consistent loads, and take no lock.
class work_source {
public:
    work_source(const work_source&) = delete;
    work_source& operator=(const work_source&) = delete;

    // Has the calls below find each item whose push has not seen what the calling thread did before, and so
    // relies on that thread.
    virtual void order_pushes() noexcept = 0;

    // Whether any queue has an item, stale or not.
    [[nodiscard]] virtual bool has_items() const noexcept = 0;

    // The number of items that wait in all queues.
    [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;

    // Whether items may be pushed although the pool is closed.
    [[nodiscard]] virtual bool expects_items() const noexcept = 0;

protected:
    work_source() = default;
    ~work_source() = default;
};

// What a worker waits for while it spins.
enum class spin_target : unsigned char { nothing, shared_item, any_item };

// A worker, as `sleep` sees it.
class sleeper {
public:
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

protected:
    sleeper() = default;
    ~sleeper() = default;

    // It has found something to do. Returns whether it was searching, and must be told to `stop_searching`.
    [[nodiscard]] bool found_work() noexcept {
        may_spin_for_ = spin_target::any_item;
        return search_ != search::none;
    }

private:
    friend class sleep;

    // Whether it searches, and pushes are told so by the word, or are not.
    enum class search : unsigned char { none, seen, unseen };

    // Only for the worker's thread.
    bool is_initializing_ = false;
    search search_ = search::none;
    spin_target may_spin_for_ = spin_target::shared_item;

    parking_spot parking_spot_;
    sleeper* next_parked_ = nullptr;  // guarded by the lock of the list
};

// The counts of a pool's workers at one moment, in one word, so that they change together.
class worker_counts {
public:
    using word = std::uint64_t;

    // No more threads than the counts have room for.
    static constexpr std::size_t most_workers = (std::size_t{1} << 15) - 1;

    static constexpr word one_searching = 1;
    static constexpr word one_parked = word{1} << 15;
    static constexpr word is_starting = word{1} << 30;
    static constexpr word is_full = word{1} << 31;
    static constexpr word start_failed = word{1} << 32;
    static constexpr word is_closed = word{1} << 33;
    static constexpr word one_epoch = word{1} << 34;

    constexpr explicit worker_counts(word bits) noexcept : bits_(bits) {}

    [[nodiscard]] constexpr std::size_t searching() const noexcept { return bits_ & most_workers; }
    [[nodiscard]] constexpr std::size_t parked() const noexcept { return (bits_ >> 15) & most_workers; }

    // A thread is started and has not begun.
    [[nodiscard]] constexpr bool starting() const noexcept { return (bits_ & is_starting) != 0; }
    [[nodiscard]] constexpr bool may_start() const noexcept { return (bits_ & (is_starting | is_full)) == 0; }
    // As far as the last attempt shows.
    [[nodiscard]] constexpr bool can_start() const noexcept {
        return (bits_ & (is_starting | is_full | start_failed)) == 0;
    }

    [[nodiscard]] constexpr bool closed() const noexcept { return (bits_ & is_closed) != 0; }

    // A worker is about to park: the epoch is odd.
    [[nodiscard]] constexpr bool sleepy() const noexcept { return (bits_ & one_epoch) != 0; }
    [[nodiscard]] constexpr word epoch() const noexcept { return bits_ / one_epoch; }

    // Whether a push must call `sleep::wake_one`.
    [[nodiscard]] constexpr bool push_must_wake() const noexcept {
        return sleepy() || (searching() == 0 && (parked() != 0 || may_start()));
    }

    [[nodiscard]] constexpr word bits() const noexcept { return bits_; }

private:
    word bits_;
};

// Which workers of a pool sleep, and which one is woken when there is work. pool/README.md has the states of
// a worker, the invariant, the protocol and why no wake-up is lost.
//
// Some functions return whether the caller must start a thread, by `threads`. No other thread is started
// until that thread calls `begin`, or the caller calls `start_has_failed`.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what is written together shares a cache line
class sleep {
public:
    // `is_for_one` says that the pool has one worker at most.
    sleep(work_source& source, bool is_for_one) noexcept : source_(source), is_for_one_(is_for_one) {}
    sleep(const sleep&) = delete;
    sleep& operator=(const sleep&) = delete;

    // A push reads the counts after its item was counted, and before the item can be run.
    [[nodiscard]] worker_counts counts() const noexcept { return worker_counts(word_.load()); }

    // Restores the invariant after a push, if `push_must_wake()`.
    [[nodiscard]] bool wake_one() noexcept { return wake(1, 1); }

    // See `helper::watch_idle`.
    [[nodiscard]] bool watch_idle(const sleeper& self, idle_watch& watch) noexcept;

    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept;

    // Each worker calls the following functions on its own thread.

    // The first step of a new thread. `initializes` says whether it will call `has_initialized` or
    // `initializer_has_failed`; else it searches at once. Returns whether to start another thread.
    [[nodiscard]] bool begin(sleeper& self, bool initializes) noexcept;

    [[gnu::cold]] void has_initialized(sleeper& self) noexcept;

    // Requires: the pool runs nothing any more.
    [[gnu::cold]] void initializer_has_failed(sleeper& self) noexcept;

    // `self` searches from now on. Where it is the only worker, it need not be counted: while it is not
    // parked, a push can neither wake nor start another. Where a push can't do so now, the word need not
    // change, which all pushes would have to fetch anew.
    void start_searching(sleeper& self) noexcept {
        if (is_for_one_ || self.search_ != sleeper::search::none) {
            return;
        }
        const worker_counts now = counts();
        if (now.parked() != 0 || now.may_start()) {
            count_in_word(self);
        } else {
            self.search_ = sleeper::search::unseen;
            searching_unseen_.fetch_add(1);
        }
    }

    // `self` has found an item and will run it, or has something else to do. Others may have relied on it. If
    // much waits, two are woken, so that more and more wake. Returns whether to start a thread. Requires:
    // `self` was searching.
    [[nodiscard]] bool stop_searching(sleeper& self) noexcept;

    // Returns for what `self` may spin before it parks. Nothing, if another worker searches, or another
    // thread needs its processor, or `self` has spun since it last found an item or was woken. Otherwise
    // `self` searches from now on.
    //
    // What a worker was woken for, and doesn't find, the worker that pushed it has mostly run itself, and is
    // likely to push more of its kind: a coroutine that awaits one task after the other. To look for them
    // would take their cache lines away; but while it searches, no push has to wake it.
    [[nodiscard]] spin_target may_spin(sleeper& self) noexcept;

    // Sleeps until woken, or returns at once if an item waits. Either way `self` is searching afterwards.
    // Returns false if the worker is to end.
    [[nodiscard]] bool park(sleeper& self) noexcept;

    // What starts threads calls the following functions.

    // Returns whether the caller is to start the first thread. Requires: no other thread was ever started.
    [[nodiscard]] bool start_first() noexcept {
        const worker_counts before = counts();
        if (before.closed() || !before.may_start()) {
            return false;
        }
        word_.fetch_or(worker_counts::is_starting);
        return true;
    }

    // No thread can be started once there are so many.
    void note_full(bool full) noexcept {
        if (full) {
            word_.fetch_or(worker_counts::is_full);
        } else {
            word_.fetch_and(~worker_counts::is_full);
        }
    }

    // The thread that the caller was to start was not started.
    [[gnu::cold]] void start_has_failed() noexcept;

    // No thread is started any more.
    void start_no_more() noexcept {
        note_full(true);
        notify_if_nobody_idle();
    }

    // From now on, a worker that finds nothing ends, and no push is admitted but a turn of a coroutine. See
    // `expects_items`.
    void close() noexcept;

private:
    // Whether a worker is idle or can be started. The word is read before the other counts, and once more
    // after them: so a worker that starts, initializes and searches is found, whenever it goes on.
    [[nodiscard]] bool anybody_idle() const noexcept;

    // `self` searches, and pushes see that.
    void count_in_word(sleeper& self) noexcept {
        word_.fetch_add(worker_counts::one_searching);
        become_seen(self);
    }

    // `self` is counted in the word by now, and only then leaves the other count: see `anybody_idle`.
    void become_seen(sleeper& self) noexcept {
        if (self.search_ == sleeper::search::unseen) {
            searching_unseen_.fetch_sub(1);
        }
        self.search_ = sleeper::search::seen;
    }

    // Called after a worker ceased to be idle. Loads `watched_` after the counts have changed, see
    // `watch_idle`.
    void notify_if_nobody_idle() noexcept;

    // Wakes workers until `wanted` search, or `most` are woken. If too few are parked, asks for a thread, by
    // returning true, if more items wait than workers search or initialize. Tells a worker that is about to
    // park to look again.
    bool wake(std::size_t wanted, std::size_t most) noexcept;

    // Makes the epoch odd, if it is even, and counts `self` as searching. If the epoch is odd already, a load
    // is enough. A push that reads the counts before the epoch becomes odd has counted its item before, so
    // this worker sees the item. A push that reads the counts later changes the epoch.
    [[nodiscard]] worker_counts announce(sleeper& self) noexcept {
        const bool seen = self.search_ == sleeper::search::seen;
        const worker_counts announced = change([seen](worker_counts::word now) {
            return (now + (seen ? 0 : worker_counts::one_searching)) | worker_counts::one_epoch;
        });
        become_seen(self);
        return announced;
    }

    // Returns false if the epoch has changed since `announce`.
    [[nodiscard, gnu::noinline]] bool add_parked(sleeper& self, worker_counts::word epoch) noexcept {
        const std::lock_guard lock(parked_lock_);
        worker_counts::word before = word_.load();
        do {
            if (worker_counts(before).epoch() != epoch) {
                return false;
            }
        } while (!word_.compare_exchange_weak(
            before, before + worker_counts::one_parked - worker_counts::one_searching));
        self.next_parked_ = std::exchange(parked_, &self);
        return true;
    }

    // Requires: the caller has taken one worker from the number of those that are parked, so one is in the
    // list. Wakes the worker that was parked last, as its cache is warmest.
    void unpark_one() noexcept;

    [[nodiscard]] static constexpr worker_counts::word no_longer_sleepy(worker_counts::word now) noexcept {
        constexpr worker_counts::word last_epoch = ~(worker_counts::one_epoch - 1);
        if (!worker_counts(now).sleepy()) {
            return now;
        }
        return (now & last_epoch) == last_epoch ? now & ~last_epoch : now + worker_counts::one_epoch;
    }

    // Replaces the counts by `next(counts)`, unless they are equal. Returns the new counts.
    template <class Next>
    worker_counts change(Next next) noexcept {
        worker_counts::word before = word_.load();
        for (;;) {
            const worker_counts::word after = next(before);
            if (after == before || word_.compare_exchange_weak(before, after)) {
                return worker_counts(after);
            }
        }
    }

    work_source& source_;
    const bool is_for_one_;

    // All operations on these are sequentially consistent, see pool/README.md.
    alignas(cache_line) sync::atomic<worker_counts::word> word_{0};
    sync::atomic<std::size_t> initializing_{0};
    sync::atomic<bool> watched_{false};  // whether `watches_` is not empty

    alignas(cache_line) sync::atomic<std::size_t> searching_unseen_{0};  // these are not counted in the word

    spin_lock parked_lock_;
    sleeper* parked_ = nullptr;  // guarded by `parked_lock_`

    spin_lock watches_lock_;
    idle_watch_list watches_;  // guarded by `watches_lock_`
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool sleep::watch_idle(const sleeper& self, idle_watch& watch) noexcept {
    // Others rely on a worker that runs its initializer. It must not rely on them in turn.
    if (self.is_initializing_) {
        return false;
    }
    const std::lock_guard lock(watches_lock_);
    watches_.add(watch);
    // Before `anybody_idle`; pairs with `notify_if_nobody_idle`, which loads in the other order.
    watched_.store(true);
    if (!anybody_idle()) {
        static_cast<void>(watches_.remove(watch));
        watched_.store(!watches_.empty());
        return false;
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::unwatch_idle(idle_watch& watch) noexcept {
    const std::lock_guard lock(watches_lock_);
    const bool removed = watches_.remove(watch);
    watched_.store(!watches_.empty());
    return removed;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::begin(sleeper& self, bool initializes) noexcept {
    self.is_initializing_ = initializes;
    self.search_ = initializes ? sleeper::search::none : sleeper::search::seen;
    if (initializes) {
        initializing_.fetch_add(1);  // before the thread ceases to be starting: see `anybody_idle`
    }
    change([initializes](worker_counts::word now) {
        return (now & ~(worker_counts::is_starting | worker_counts::start_failed)) +
               (initializes ? 0 : worker_counts::one_searching);
    });
    source_.order_pushes();
    const std::size_t waiting = source_.waiting();
    return waiting != 0 && wake(waiting, 1);
}

CONCURRENT_FUTURES_FUNCTION void sleep::has_initialized(sleeper& self) noexcept {
    self.is_initializing_ = false;
    count_in_word(self);  // before the other count: see `anybody_idle`
    initializing_.fetch_sub(1);
}

CONCURRENT_FUTURES_FUNCTION void sleep::initializer_has_failed(sleeper& self) noexcept {
    self.is_initializing_ = false;
    initializing_.fetch_sub(1);
    notify_if_nobody_idle();
    runnable_threads::remove(1);
}

CONCURRENT_FUTURES_FUNCTION bool sleep::stop_searching(sleeper& self) noexcept {
    if (std::exchange(self.search_, sleeper::search::none) == sleeper::search::unseen) {
        searching_unseen_.fetch_sub(1);
        notify_if_nobody_idle();
        return false;
    }
    const worker_counts now(word_.fetch_sub(worker_counts::one_searching) - worker_counts::one_searching);
    bool start = false;
    if (now.parked() != 0 || now.may_start()) {
        source_.order_pushes();
        const std::size_t waiting = source_.waiting();
        start = waiting != 0 && wake(waiting, 2);
    }
    notify_if_nobody_idle();
    return start;
}

CONCURRENT_FUTURES_FUNCTION spin_target sleep::may_spin(sleeper& self) noexcept {
    const worker_counts now = counts();
    const spin_target target = std::exchange(self.may_spin_for_, spin_target::nothing);
    if (target == spin_target::nothing || now.closed() ||
        now.searching() != (self.search_ == sleeper::search::seen ? 1 : 0) || !runnable_threads::fit()) {
        return spin_target::nothing;
    }
    if (!is_for_one_ && self.search_ != sleeper::search::seen) {
        count_in_word(self);
    }
    return target;
}

CONCURRENT_FUTURES_FUNCTION bool sleep::park(sleeper& self) noexcept {
    const worker_counts announced = announce(self);
    source_.order_pushes();
    // Before the items: what is no longer expected afterwards was pushed before.
    const bool is_to_end = announced.closed() && !source_.expects_items();
    if (source_.has_items()) {
        return true;
    }
    if (is_to_end) {
        word_.fetch_sub(worker_counts::one_searching);
        self.search_ = sleeper::search::none;
        notify_if_nobody_idle();
        runnable_threads::remove(1);
        return false;
    }
    if (!add_parked(self, announced.epoch())) {
        return true;
    }
    runnable_threads::remove(1);
    self.parking_spot_.park();
    self.may_spin_for_ = spin_target::shared_item;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void sleep::start_has_failed() noexcept {
    change([](worker_counts::word now) {
        return (now & ~worker_counts::is_starting) | worker_counts::start_failed;
    });
    notify_if_nobody_idle();
}

CONCURRENT_FUTURES_FUNCTION void sleep::close() noexcept {
    std::size_t parked = 0;
    change([&parked](worker_counts::word now) {
        parked = worker_counts(now).parked();
        const worker_counts::word awake = no_longer_sleepy(now) - parked * worker_counts::one_parked;
        return (awake + parked * worker_counts::one_searching) | worker_counts::is_closed;
    });
    for (; parked != 0; --parked) {
        unpark_one();
    }
}

CONCURRENT_FUTURES_FUNCTION bool sleep::anybody_idle() const noexcept {
    const auto idle = [](worker_counts now) {
        return now.searching() != 0 || now.parked() != 0 || now.starting() || now.can_start();
    };
    return idle(counts()) || initializing_.load() != 0 || searching_unseen_.load() != 0 || idle(counts());
}

CONCURRENT_FUTURES_FUNCTION void sleep::notify_if_nobody_idle() noexcept {
    if (!watched_.load() || anybody_idle()) {
        return;
    }
    idle_watch_list notified;
    {
        const std::lock_guard lock(watches_lock_);
        if (!anybody_idle()) {
            notified = watches_.take_all();
            watched_.store(false);
        }
    }
    notified.notify_all();
}

CONCURRENT_FUTURES_FUNCTION bool sleep::wake(std::size_t wanted, std::size_t most) noexcept {
    worker_counts::word before = word_.load();
    for (;;) {
        const worker_counts now(before);
        const std::size_t missing = now.searching() < wanted ? wanted - now.searching() : 0;
        const std::size_t to_wake = missing < most ? missing : most;
        const std::size_t unparked = to_wake < now.parked() ? to_wake : now.parked();
        const bool may_start = unparked != to_wake && now.may_start();
        if (may_start) {
            source_.order_pushes();  // of two pushes that rely on the same worker, one sees both items
        }
        const bool start = may_start && source_.waiting() > now.searching() + unparked + initializing_.load();
        worker_counts::word after = no_longer_sleepy(before) - unparked * worker_counts::one_parked +
                                    unparked * worker_counts::one_searching;
        if (start) {
            after |= worker_counts::is_starting;
        }
        if (after == before) {
            return false;
        }
        if (word_.compare_exchange_weak(before, after)) {
            for (std::size_t i = 0; i != unparked; ++i) {
                unpark_one();
            }
            return start;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void sleep::unpark_one() noexcept {
    sleeper* chosen = nullptr;
    {
        const std::lock_guard lock(parked_lock_);
        chosen = std::exchange(parked_, parked_->next_parked_);
    }
    runnable_threads::add(1);
    chosen->parking_spot_.unpark();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/stoppable.hpp

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_source, std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

#if defined(__cpp_lib_jthread)

// The stop source of a task.
class stoppable {
public:
    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }
    bool request_stop() noexcept { return source_.request_stop(); }

private:
    friend class running_stoppables;

    std::stop_source source_;
    // Guarded by the mutex of `running_stoppables`.
    stoppable* next_ = nullptr;
    stoppable* previous_ = nullptr;
    bool asked_ = false;
};

// The running tasks of a pool that can be asked to stop.
class running_stoppables {
public:
    // Requires: the task runs, and is added once. If all were asked to stop, asks this one too.
    void add(stoppable& added) noexcept {
        bool asked = false;
        {
            const std::lock_guard lock(mutex_);
            ask_each_ = ask_each;
            asked = all_asked_;
            added.asked_ = asked;
            added.next_ = std::exchange(first_, &added);
            if (added.next_) {
                added.next_->previous_ = &added;
            }
        }
        if (asked) {
            added.request_stop();
        }
    }

    void remove(stoppable& removed) noexcept {
        const std::lock_guard lock(mutex_);
        (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
        if (removed.next_) {
            removed.next_->previous_ = removed.previous_;
        }
    }

    // Asks all to stop, and each that is added from now on.
    void request_stop() noexcept {
        mutex_.lock();
        all_asked_ = true;
        void (*const ask)(running_stoppables&) noexcept = ask_each_;
        mutex_.unlock();
        if (ask) {
            ask(*this);
        }
    }

private:
    [[gnu::cold, gnu::noinline]] static void ask_each(running_stoppables& self) noexcept {
        for (;;) {
            std::stop_source next(std::nostopstate);
            {
                const std::lock_guard lock(self.mutex_);
                stoppable* each = self.first_;
                while (each && each->asked_) {
                    each = each->next_;
                }
                if (!each) {
                    return;
                }
                each->asked_ = true;
                next = each->source_;
            }
            // Requires: `mutex_` not held, as stop callbacks are user code. The task may have ended, so
            // `next` shares its stop state.
            next.request_stop();  // NOLINT(clang-analyzer-cplusplus.Move): copied, not moved from
        }
    }

    sync::mutex mutex_;
    // Guarded by `mutex_`. The function is null as long as no task was added: so a unit whose tasks take no
    // token doesn't compile it.
    void (*ask_each_)(running_stoppables&) noexcept = nullptr;
    stoppable* first_ = nullptr;
    bool all_asked_ = false;
};

#else

class running_stoppables {
public:
    void request_stop() noexcept {}
};

#endif

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/pool_base.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class end_watch;
class work_item;
class worker;

// What a thread knows about the pool that started it.
struct pool_thread {
    worker* self = nullptr;  // null before and after its work
    std::size_t pool = 0;    // set until the thread ends, also while destructors of thread_local objects run
    std::size_t last_pool_at_exit = 0;  // the last that was made before the thread called `exit()` in a task

    // The record of the calling thread, as far as this library knows.
    [[nodiscard]] static const pool_thread& current() noexcept;

    // The same, if a pool of this library started the thread.
    [[nodiscard]] static const pool_thread& own() noexcept;
};

// Shared by all shared libraries, even those with hidden symbols, like everything that a process has only
// once. But a version script can keep the variables local to one library, and on Windows each library has its
// own. Then a library doesn't know the workers of the others until it meets one of their pools, see
// `pool_base::meet`.
[[gnu::visibility("default")]] inline constexpr pool_thread no_pool_thread = {};
[[gnu::visibility("default")]] constinit inline thread_local pool_thread own_pool_thread = {};
// The thread may end later than what it points to belongs to it, but not later than that exists: a thread of
// a pool runs code of the library that made the pool.
[[gnu::visibility("default")]] constinit inline thread_local const pool_thread* current_pool_thread =
    &no_pool_thread;

inline const pool_thread& pool_thread::current() noexcept {
    return *current_pool_thread;
}
inline const pool_thread& pool_thread::own() noexcept {
    return own_pool_thread;
}

// What tasks and workers need to know about a pool, whatever its queue is.
class pool_base : public live_pools::entry, protected work_source {
public:
    // Returns the pool at this address if it exists and has this number, else null; also null if a library
    // made it that shares no variables with this one, and of which this one has met no pool.
    [[nodiscard]] static shared_pool<pool_base> find(const pool_base* address, std::uint32_t number) noexcept;

    // Called where code of this library has a new task for the pool, and where the pool runs such a task. If
    // another library made the pool, and shares no variables with this one, this library learns to find that
    // one's pools; and that the calling thread is a worker of that one's, if it is.
    void meet() const noexcept {
        if (library() != this_library()) {
            meet_another_library();
        }
    }

    // Of 31 bits. Differs from the numbers of all pools that were at the same address before; almost surely
    // also from those that a library made which shares no variables with this one.
    [[nodiscard]] std::uint32_t number() const noexcept { return short_number_; }

    // A pool is made with one reference, and destroyed with its last. See `shared_pool`.
    void add_reference() noexcept {
        references_.fetch_add(1, std::memory_order_relaxed);  // relaxed: the caller has one already
    }
    void remove_reference() noexcept {
        // Release: what this thread did with the pool comes before its destruction. Acquire: pairs with that
        // release in the other threads, if this one destroys.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }

    // Whether this pool started the calling thread. True until the thread ends, when it is no `worker` any
    // more and its pool may be gone; so the record has the pool's number.
    [[nodiscard]] bool owns_this_thread() const noexcept { return thread_record_().pool == number_; }

    // Whether this pool's tasks may wait for the calling thread, which so must not wait for them: this pool
    // started it, or it is in a task that has called `exit()`. By that, static executors are destroyed, in
    // the middle of the task, which never ends. A pool that was made since then is waited for, as ever.
    [[nodiscard]] bool may_wait_for_this_thread() const noexcept {
        return owns_this_thread() || number_ <= thread_record_().last_pool_at_exit;
    }

    // Returns the calling thread's worker if it belongs to this pool, else null.
    [[nodiscard]] worker* worker_here() const noexcept;

    // Identifies the shared library that made this pool. If it equals `this_library()`, then this library's
    // record of a thread is the pool's record.
    [[nodiscard]] std::uint32_t library() const noexcept { return number_of(thread_record_); }
    [[nodiscard]] static std::uint32_t this_library() noexcept { return number_of(&pool_thread::own); }

    // The number of the process that made this pool, see `forks`.
    [[nodiscard]] std::uint32_t process() const noexcept { return process_; }

    // Whether another process made this pool. Then it has no threads in this process.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // The stop sources of its tasks. The child of a fork must not touch them.
    [[nodiscard]] running_stoppables& stoppables() noexcept { return stoppables_; }

    // An item that is still in a queue became stale: a thread other than the one that pops it has claimed or
    // cancelled it.
    void note_stale_item() noexcept {
        // Relaxed: to a thread that reads an older number, more items seem to wait than do, which only costs
        // a look.
        stale_items_.fetch_add(1, std::memory_order_relaxed);
    }

    // A stale item has left its queue. Until this call, one item too few seemed to wait, so the caller then
    // looks for work or calls `wake_one`. Sequentially consistent, as what these read: a worker that misses
    // this call in `waiting()` has changed the counts of `sleep` before the caller reads them.
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1); }

    // Wakes a worker or starts a thread if an item waits and no worker is about to find it.
    void wake_one() noexcept {
        if (sleep_.wake_one()) {
            // The analyzer leaves out the constructor of `worker_pool`, and so takes it for unfinished.
            start_thread();  // NOLINT(clang-analyzer-cplusplus.PureVirtualCall)
        }
    }

    // Does both: a stale item has left its queue on a thread that does not look for work now.
    void replace_stale_item() noexcept {
        note_stale_item_gone();
        wake_one();
    }

    // A thread of this pool calls `begin_thread` first of all, and `end_thread` after its work.
    void begin_thread(worker& self) const noexcept;
    void end_thread() const noexcept {
        runnable_threads::count_this_thread(false);
        own_pool_thread.self = nullptr;
    }

    // The worker functions below are called on the thread of `self`.

    // `self` searches from now on, or is as good as searching.
    void start_searching(sleeper& self) noexcept { sleep_.start_searching(self); }

    // `self` has found an item and claimed it, or has to run user code before it searches.
    void stop_searching(sleeper& self) noexcept {
        if (sleep_.stop_searching(self)) {
            start_thread();
        }
    }

    // If another worker is idle or can be started, it will run what waits: `watch` is notified when that is
    // no longer so. Else returns false.
    [[nodiscard]] bool watch_idle(const sleeper& self, idle_watch& watch) noexcept {
        return sleep_.watch_idle(self, watch);
    }

    // Returns false if `watch` was notified or is about to be. Its owner must then wait for the notification.
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept { return sleep_.unwatch_idle(watch); }

    // The waits of its workers that sleep.
    [[nodiscard]] blocked_wait_list& blocked_waits() noexcept { return blocked_waits_; }

    // Calls `visit(wait, removals)` for what keeps the pool from running a task that waits in it: for all
    // waits of its workers, if all sleep.
    template <class Visit>
    void for_each_obstacle(Visit&& visit) noexcept {
        blocked_waits_.for_all(most_workers_, visit);
    }

    // Whether workers keep what they submit in local queues.
    [[nodiscard]] bool uses_local_queues() const noexcept { return uses_local_queues_; }

    // The whole work of the thread of `self`.
    virtual void work(worker& self) noexcept = 0;

    // Starts a spare for `blocked`, which runs `left` when `blocked` sleeps. Returns false if no thread can
    // be started. See `worker`.
    [[nodiscard]] virtual bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept = 0;

    // Runs `left` as soon as the worker blocks that has left it. The thread of a spare calls this.
    virtual void run_errand(worker& self, errand& left) noexcept = 0;

    void note_spare_started() noexcept { blocked_waits_.add_spare(); }
    void note_spare_ended() noexcept { blocked_waits_.remove_spare(most_workers_); }

    // Queues `item` with a reference on it, or throws and leaves everything as it was.
    virtual void push(work_item& item) = 0;

    // Coroutines that have started, and are not done, need the pool's workers, even after a shutdown. From
    // `note_coroutine_started`, which a worker calls, until `note_coroutine_ended`, no worker ends.
    void note_coroutine_started() noexcept { coroutines_.fetch_add(1); }
    void note_coroutine_ended() noexcept;

    // Does what `push` does, for the next turn of such a coroutine. The pool may have been shut down. Throws
    // if an initializer has failed.
    virtual void push_coroutine(work_item& item) = 0;

    // A hint.
    [[nodiscard]] virtual bool shared_queue_seems_empty() const noexcept = 0;

    // Requires: the pool was shut down. See `threads::watch_end`.
    [[nodiscard]] virtual bool watch_end(end_watch& watch) noexcept = 0;

protected:
    // The analyzer leaves out the constructor of `sleep_`.
    // NOLINTNEXTLINE(clang-analyzer-optin.cplusplus.UninitializedObject)
    pool_base(std::size_t max_workers, bool allows_local_queues) noexcept
        : sleep_(*this, max_workers == 1),
          uses_local_queues_(allows_local_queues),
          most_workers_(max_workers) {}
    virtual ~pool_base() = default;

    // Requires: `sleep_` has asked for a thread.
    virtual void start_thread() noexcept = 0;

    sleep sleep_;

    // Started, and not done. Sequentially consistent, as the counts of `sleep`.
    sync::atomic<std::size_t> coroutines_{0};

    // Below zero for a moment if an item is popped before the thread that made it stale has counted it.
    sync::atomic<std::ptrdiff_t> stale_items_{0};

private:
    // Does what `find` does, for a pool that this library made.
    [[nodiscard]] static shared_pool<pool_base> find_own(const pool_base* address,
                                                         std::uint32_t number) noexcept;

    // Returns false if the last reference is gone, and the pool about to be destroyed. Requires: the caller
    // keeps the destructor from ending.
    [[nodiscard]] bool add_reference_unless_ending() noexcept;

    using finder = shared_pool<pool_base> (*)(const pool_base* address, std::uint32_t number) noexcept;

    // A library whose pools this one has met. In a list that only grows, so it may be read at any time.
    struct other_library {
        other_library(std::uint32_t its_number, finder its_find) noexcept
            : number(its_number), find(its_find) {}

        const std::uint32_t number;
        const finder find;
        const other_library* next = nullptr;
    };
    [[gnu::visibility("default")]] static constinit inline std::atomic<const other_library*> other_libraries_{
        nullptr};

    [[nodiscard]] static const other_library* first_other_library() noexcept {
        // Acquire: pairs with the release of `meet_another_library`.
        return other_libraries_.load(std::memory_order_acquire);
    }

    // Whether this library has met a pool of that one.
    [[nodiscard]] static bool has_met(std::uint32_t library) noexcept {
        const other_library* each = first_other_library();
        while (each && each->number != library) {
            each = each->next;
        }
        return each != nullptr;
    }

    // If there is no memory, the library remains unknown.
    [[gnu::cold]] void meet_another_library() const noexcept;

    // Called when this thread ends or calls `exit()`. Notes that a task has called `exit()`, if this thread
    // is in one: it has not called `end_thread`, as it does before it ends.
    static void note_exit() noexcept;

    using record_getter = const pool_thread& (*)() noexcept;

    // The addresses of two libraries' code almost surely differ in these bits too. If they do not, a library
    // that shares no variables takes its own record for the pool's.
    static std::uint32_t number_of(record_getter getter) noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(getter));
    }

    // Unique among all shared libraries of the process that share variables. No pool has 0.
    static std::size_t next_number() noexcept {
        return last_number().fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: orders nothing
    }
    // Each library that shares no variables with others starts elsewhere, and low enough to go on for long.
    [[gnu::visibility("default")]] static std::atomic<std::size_t>& last_number() noexcept {
        static std::atomic<std::size_t> last{number_of(&pool_thread::own) & 0x3FFF'FFFF};
        return last;
    }

    // Not a `sync::atomic`: its interleavings are those of any count of references.
    std::atomic<std::size_t> references_{1};
    // Pointers: whichever library calls them, the functions are those of the library which made this pool,
    // whose code also writes the records of the pool's threads.
    const record_getter thread_record_ = &pool_thread::own;
    const finder find_ = &pool_base::find_own;
    const std::size_t number_ = next_number();
    const std::uint32_t short_number_ = static_cast<std::uint32_t>(number_) & 0x7FFF'FFFF;
    const std::uint32_t process_ = forks::process();
    const bool uses_local_queues_;
    const std::size_t most_workers_;
    // On a line of its own: each push reads some of the counts above.
    alignas(cache_line) blocked_wait_list blocked_waits_;
    running_stoppables stoppables_;
};

#if defined(__cpp_lib_jthread)
// While this exists, a shutdown of the pool can ask the task to stop. The child of a fork leaves the list
// alone: a thread that is not there may hold its mutex.
class listed_stoppable {
public:
    // If `pool` is null, nobody asks.
    listed_stoppable(pool_base* pool, stoppable& source) noexcept : pool_(pool), source_(source) {
        if (pool_) {
            pool_->stoppables().add(source_);
        }
    }
    listed_stoppable(const listed_stoppable&) = delete;
    listed_stoppable& operator=(const listed_stoppable&) = delete;
    ~listed_stoppable() {
        if (pool_ && !pool_->is_inherited()) {
            pool_->stoppables().remove(source_);
        }
    }

private:
    pool_base* const pool_;
    stoppable& source_;
};
#endif

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void pool_base::begin_thread(worker& self) const noexcept {
    own_pool_thread = {&self, number_, 0};
    current_pool_thread = &own_pool_thread;
    at_end_of_thread<&note_exit>();
    runnable_threads::count_this_thread(true);
}

CONCURRENT_FUTURES_FUNCTION void pool_base::note_coroutine_ended() noexcept {
    if (coroutines_.fetch_sub(1) == 1 && sleep_.counts().closed()) {
        sleep_.close();  // workers that had parked now end
    }
}

CONCURRENT_FUTURES_FUNCTION shared_pool<pool_base> pool_base::find(const pool_base* address,
                                                                   std::uint32_t number) noexcept {
    shared_pool<pool_base> found = find_own(address, number);
    for (const other_library* each = first_other_library(); each && !found; each = each->next) {
        found = each->find(address, number);
    }
    return found;
}

CONCURRENT_FUTURES_FUNCTION shared_pool<pool_base> pool_base::find_own(const pool_base* address,
                                                                       std::uint32_t number) noexcept {
    shared_pool<pool_base> found;
    live_pools::instance().find([&](live_pools::entry& each) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every entry is a pool
        auto& pool = static_cast<pool_base&>(each);
        if (&pool == address && pool.number() == number) {
            if (pool.add_reference_unless_ending()) {
                found = shared_pool<pool_base>::adopt(pool);
            }
            return true;
        }
        return false;
    });
    return found;
}

CONCURRENT_FUTURES_FUNCTION bool pool_base::add_reference_unless_ending() noexcept {
    // Relaxed: the mutex of `live_pools` orders this after the pool was made, and what other
    // threads do with the pool is ordered by the pool's own operations.
    std::size_t references = references_.load(std::memory_order_relaxed);
    while (references != 0 &&
           !references_.compare_exchange_weak(references, references + 1, std::memory_order_relaxed)) {
    }
    return references != 0;
}

CONCURRENT_FUTURES_FUNCTION void pool_base::meet_another_library() const noexcept {
    const pool_thread& here = thread_record_();
    if (here.self && !pool_thread::current().self) {
        current_pool_thread = &here;
    }
    if (has_met(library())) {
        return;
    }
    auto* const added = new (std::nothrow) other_library(library(), find_);
    if (!added) {
        return;
    }
    // Two threads may add the same library; then `find` asks it twice.
    // Release: pairs with the acquire of `first_other_library`.
    while (!other_libraries_.compare_exchange_weak(added->next, added, std::memory_order_release,
                                                   std::memory_order_relaxed)) {
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/queued_task.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class work_item;

}  // namespace detail

/// A task that waits to be run, as the queue of a pool sees it. See `queue_discipline`.
///
/// \code
/// struct least_first {
///     void push(futures::queued_task& task) { tasks.emplace(task.priority(), &task); }
///     futures::queued_task* pop() noexcept {
///         return tasks.empty() ? nullptr : tasks.extract(tasks.begin()).mapped();
///     }
///     std::multimap<int, futures::queued_task*> tasks;
/// };
/// futures::thread_pool_executor<least_first> shortest_first(1);
/// assert(shortest_first.submit({.priority = 5}, [] { return 42; }).result() == 42);
/// \endcode
class queued_task {
public:
    queued_task(const queued_task&) = delete;
    queued_task& operator=(const queued_task&) = delete;

    /// `submit_options::priority` of its submit; 0 if there were none.
    [[nodiscard]] int priority() const noexcept { return priority_; }

private:
    // The library alone makes tasks.
    friend class detail::work_item;

    queued_task() = default;
    ~queued_task() = default;

    int priority_ = 0;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/work_item.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class local_queue;
class worker;

// An item that waits in a pool's queue to be run. The queue keeps the item's memory until one of `execute`,
// `cancel_waiting`, `fail_waiting` and `release` is called; exactly one of these is called, once, on an item
// that was taken out, unless its own worker took it back to run it.
//
// An item in a queue is stale if it no longer waits: it was cancelled, or a worker that needed its result has
// run it. The queue learns of that only when the item's turn comes or it is purged, as finding an item would
// take a search.
class work_item : public queued_task {
public:
    work_item(const work_item&) = delete;
    work_item& operator=(const work_item&) = delete;

    // Requires: the calling thread is `self`'s. Runs the item; returns false if it was stale.
    virtual bool execute(worker& self) noexcept = 0;

    // Cancels the item if it still waits.
    virtual void cancel_waiting() noexcept = 0;

    // Makes the item fail with `reason` if it still waits.
    virtual void fail_waiting(std::exception_ptr reason) noexcept = 0;

    // Requires: the item is stale. Frees its memory, unless a handle is left.
    virtual void release() noexcept = 0;

    [[nodiscard]] virtual bool still_waits() noexcept = 0;

    // A hint: whether the task that submitted the item may wait for it. It doesn't if nobody has a handle;
    // nor if it only made ready to run what began elsewhere, which may wait for anything.
    [[nodiscard]] virtual bool submitter_may_wait() noexcept = 0;

    // Requires: the item is not queued yet.
    void set_priority(int priority) noexcept { priority_ = priority; }

    // Whether it is known that the pool which has the item, if any, was made by the shared library whose code
    // made the item.
    [[nodiscard]] bool has_owner_of_own_library() const noexcept { return (owner_ & of_any_library) == 0; }

protected:
    work_item() = default;
    ~work_item() = default;

    // Others know of the item before it is pushed: one may claim it while it is being pushed, and run it.
    // Requires: no queue has the item.
    void set_known_early() noexcept {
        place_.store(known_early, std::memory_order_relaxed);  // relaxed: what makes it known comes later
    }

    // Which pool has the item, as far as derived classes know. Stored here, where it takes no extra room. The
    // `number` has 31 bits.
    void set_owner(std::uint32_t number, bool is_of_own_library) noexcept {
        owner_ = number;
        if (!is_of_own_library) [[unlikely]] {
            owner_ |= of_any_library;
        }
    }
    [[nodiscard]] std::uint32_t owner_number() const noexcept { return owner_ & ~of_any_library; }

private:
    // The links belong to the queue that holds the item, and are guarded as the queue is.
    friend class lifo_order;
    friend class priority_order;
    friend class local_queue;
    friend class work_list;

    static constexpr std::uintptr_t known_early = 4;
    static constexpr std::uint32_t of_any_library = std::uint32_t{1} << 31;

    std::uint32_t owner_ = of_any_library;  // first, to fill a gap
    work_item* next_ = nullptr;
    union {
        work_item* child_ = nullptr;  // in a `priority_order`
        work_item* previous_;         // in a local queue
    };
    // The address of the local queue that holds the item; or, with the lowest bit set, of the local queue of
    // the worker that runs it, and with the next bit as well if that is one of another pool; or 0. With the
    // bit `known_early` if others know of the item before it is pushed, unless it runs.
    sync::atomic<std::uintptr_t> place_{0};
    // The item's number in the queue that holds it; or, while it runs, of the last item that its worker had
    // pushed to its local queue before.
    // Relaxed, like all uses: in a queue, its lock orders; while the item runs, `place_` does.
    sync::atomic<std::uint64_t> sequence_{0};

    [[nodiscard]] std::uint64_t sequence() const noexcept {
        return sequence_.load(std::memory_order_relaxed);
    }
    void set_sequence(std::uint64_t sequence) noexcept {
        sequence_.store(sequence, std::memory_order_relaxed);
    }
};

// Items in the order in which they were appended.
class work_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void append(work_item& item) noexcept {
        item.next_ = nullptr;
        *(first_ ? &last_->next_ : &first_) = &item;
        last_ = &item;
        ++size_;
    }

    void append(work_list items) noexcept {
        if (!items.empty()) {
            *(first_ ? &last_->next_ : &first_) = items.first_;
            last_ = items.last_;
            size_ += items.size_;
        }
    }

    work_item* take_first() noexcept {
        work_item* const item = first_;
        if (item) {
            first_ = std::exchange(item->next_, nullptr);
            --size_;
        }
        return item;
    }

private:
    work_item* first_ = nullptr;
    work_item* last_ = nullptr;  // valid if the list is not empty
    std::size_t size_ = 0;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/purge.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Decides when to purge a queue: when its size has doubled since the last purge and at least half of it may
// be stale. So its size stays within a small multiple of what waits, and each push pays for a constant part
// of the purge.
class purge_schedule {
public:
    // Relaxed, like all loads and stores here: they decide about cost and order nothing. `stale` is the
    // number of stale items in all queues. It is read first: it is mostly 0, and others write the queue's
    // size.
    template <class Queue>
    [[nodiscard]] bool due(const Queue& queue, const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(least / 2) &&
               queue.size() >= at_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] static bool pays(std::size_t size, const sync::atomic<std::ptrdiff_t>& stale) noexcept {
        return stale.load(std::memory_order_relaxed) >= static_cast<std::ptrdiff_t>(size / 2);
    }

    void done(std::size_t size_left) noexcept {
        at_.store(size_left > least / 2 ? 2 * size_left : least, std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t least = 64;

    sync::atomic<std::size_t> at_{least};
};

// Takes the stale items out of `items` and subtracts them from `stale`. The queue's size must go down only
// afterwards, so that never too few items seem to wait.
work_list take_stale(work_list& items, sync::atomic<std::ptrdiff_t>& stale) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list take_stale(work_list& items,
                                                 sync::atomic<std::ptrdiff_t>& stale) noexcept {
    work_list taken;
    work_list kept;
    while (work_item* const item = items.take_first()) {
        (item->still_waits() ? kept : taken).append(*item);
    }
    items = kept;
    stale.fetch_sub(static_cast<std::ptrdiff_t>(taken.size()),
                    std::memory_order_relaxed);  // see `note_stale_item`
    return taken;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/platform/process_fence.hpp

#if defined(__linux__)
#include <sys/syscall.h>  // SYS_membarrier
#include <unistd.h>       // syscall
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Has all threads of the process that run pass a full fence, by Linux's `membarrier` (4.14 and later).
class process_fence {
public:
#if defined(__linux__) && defined(SYS_membarrier)
    static constexpr bool is_possible = true;
#else
    static constexpr bool is_possible = false;
#endif

    // Whether `run` may be called from now on. May take milliseconds. The child of a fork need not call it
    // anew.
    [[nodiscard]] static bool prepare() noexcept;

    static void run() noexcept;

private:
    // Those of <linux/membarrier.h>, which old systems lack.
    static constexpr int global = 1 << 0;
    static constexpr int private_expedited = 1 << 3;
    static constexpr int register_private_expedited = 1 << 4;

    [[nodiscard]] static bool call(int command) noexcept;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool process_fence::prepare() noexcept {
    return call(register_private_expedited) && call(private_expedited);
}

CONCURRENT_FUTURES_FUNCTION void process_fence::run() noexcept {
    // The slow one needs no registration. If the process has forbidden itself both since `prepare`, nothing
    // that relies on this can go on.
    if (!call(private_expedited) && !call(global)) {
        std::terminate();
    }
}

CONCURRENT_FUTURES_FUNCTION bool process_fence::call([[maybe_unused]] int command) noexcept {
#if defined(__linux__) && defined(SYS_membarrier)
    return ::syscall(SYS_membarrier, command, 0, 0) == 0;
#else
    return false;
#endif
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/asymmetric_fence.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A fence between two threads, of which one pays for both. `light` costs the first thread nothing, and
// `heavy` costs the second a system call, which interrupts all threads of the process that run. Either what
// the first thread stored before `light` is seen by what the second loads after `heavy`, or what the second
// stored before `heavy` is seen by what the first loads after `light` (Dice, Huang and Yang, "Asymmetric
// Dekker synchronization", 2001). It orders nothing else: what a thread sees by it was published by a
// release, too.
class asymmetric_fence {
public:
    // Whether `is_available` may return true.
    [[nodiscard]] static constexpr bool is_possible() noexcept { return process_fence::is_possible; }

    // Whether `heavy` may be called. The first call may take milliseconds.
    [[nodiscard]] static bool is_available() noexcept {
        // Relaxed: nothing else depends on it. Several threads may find out at once.
        availability known = availability_.load(std::memory_order_relaxed);
        if (known == availability::unknown) {
            known = process_fence::prepare() ? availability::yes : availability::no;
            availability_.store(known, std::memory_order_relaxed);
        }
        return known == availability::yes;
    }

    // As many uncontended read-modify-writes as a `heavy`, or a little less: it has to spare that many before
    // it has paid.
    static constexpr unsigned worth = 128;

    // How often a thread pauses, to see whether another answers by itself, before it calls `heavy`.
    static constexpr int patience = 64;

    // Only the compiler could exchange what comes before and after.
    [[gnu::always_inline]] static void light() noexcept {
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }

    static void heavy() noexcept { process_fence::run(); }

private:
    enum class availability : unsigned char { unknown, yes, no };

    static inline std::atomic<availability> availability_{availability::unknown};
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/counting_guard.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

struct adding_one_t {};
inline constexpr adding_one_t adding_one;

// Locks a `counting_lock` or a `counting_mutex` as long as it exists.
template <class Lock>
class counting_guard {
public:
    [[gnu::always_inline]] explicit counting_guard(Lock& lock) : lock_(lock), count_(lock.lock()) {}
    [[gnu::always_inline]] counting_guard(Lock& lock, adding_one_t)
        : lock_(lock), count_(lock.lock_adding_one()) {}
    counting_guard(const counting_guard&) = delete;
    counting_guard& operator=(const counting_guard&) = delete;
    ~counting_guard() { lock_.unlock(count_); }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    // Others see the new number when this guard unlocks.
    void set_count(std::size_t count) noexcept { count_ = count; }

private:
    Lock& lock_;
    std::size_t count_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/counting_lock.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The lock of a queue, in one word with the number of the queue's items. `lock_adding_one` counts the new
// item by the very operation that takes the lock. So whatever the pushing thread reads afterwards, it reads
// after the item was counted, and needs no further read-modify-write or fence for that; see pool/sleep.hpp.
//
// It spins, and is for sections of a few instructions. Unlocking is a plain store. `counting_guard` locks it.
class counting_lock {
public:
    counting_lock() = default;
    counting_lock(const counting_lock&) = delete;
    counting_lock& operator=(const counting_lock&) = delete;

    // Returns the number of items. Acquire: pairs with the release of `unlock`.
    [[nodiscard, gnu::always_inline]] std::size_t lock() noexcept {
        return lock_adding(0, std::memory_order_acquire);
    }

    // Adds one to the number of items, and returns the sum. Sequentially consistent: the caller then reads
    // which workers sleep. A worker that goes to sleep first announces that, and then reads `count()`. At
    // least one of the two threads sees what the other did.
    [[nodiscard, gnu::always_inline]] std::size_t lock_adding_one() noexcept {
        return lock_adding(one, std::memory_order_seq_cst);
    }

    // Requires: this thread has locked. Release: pairs with the acquire of `lock`; and a thread that finds
    // the new count in `count()` also finds what was stored before.
    void unlock(std::size_t count) noexcept { word_.store(count * one, std::memory_order_release); }

    // Changes the number of items. Relaxed: see `biased_lock`. Requires: no thread has locked, nor can it
    // lock meanwhile.
    void set_count(std::size_t count) noexcept { word_.store(count * one, std::memory_order_relaxed); }

    // The number of items, with those that are about to be added. Any thread may ask, without the lock.
    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return word_.load(order) / one;
    }

private:
    static constexpr std::size_t locked = 1;
    static constexpr std::size_t one = 2;

    [[gnu::always_inline]] std::size_t lock_adding(std::size_t added, std::memory_order order) noexcept {
        // Relaxed: the compare-exchange orders. The loads only read, so the holder keeps the cache line.
        std::size_t before = word_.load(std::memory_order_relaxed);
        for (;;) {
            if ((before & locked) != 0) {
                before = wait();
            } else if (word_.compare_exchange_weak(before, (before + added) | locked, order,
                                                   std::memory_order_relaxed)) {
                return (before + added) / one;
            }
        }
    }

    // Waits until no thread has locked, and returns the word.
    [[nodiscard, gnu::noinline]] std::size_t wait() const noexcept {
        for (back_off delay;;) {
            delay.pause();
            const std::size_t now = word_.load(std::memory_order_relaxed);
            if ((now & locked) == 0) {
                return now;
            }
        }
    }

    sync::atomic<std::size_t> word_{0};
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/biased_lock.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `counting_lock` of which one thread, the owner, is likely to be the only user for long. After many uses
// that no other thread has come between, it is biased: the owner locks and unlocks it by plain loads and
// stores. Another thread first revokes the bias, for which it waits until the owner has noticed, or fences
// the whole process if the owner is long about something else (Kawachiya, Koseki and Onodera, "Lock
// reservation: Java locks can mostly do without atomic operations", OOPSLA 2002).
//
// The owner locks it by an `owner_guard`, others by a `counting_guard`; the owner may do that, too.
//
// While the lock is biased, the owner counts a new item without a fence. So a thread that reads the count,
// and relies on the order that `counting_lock::lock_adding_one` promises, must call `end_bias` first. Then
// the count has each item that the owner has added before. When the owner adds another item later, it sees
// what the thread did before it called `end_bias`.
class biased_lock {
public:
    // Without an owner, several threads may use an `owner_guard`, and the lock is never biased.
    explicit biased_lock(bool has_owner) noexcept
        : may_be_biased_(has_owner && asymmetric_fence::is_possible()) {}
    biased_lock(const biased_lock&) = delete;
    biased_lock& operator=(const biased_lock&) = delete;

    // See `counting_lock`.
    [[nodiscard]] std::size_t lock() noexcept {
        if (may_be_biased_) {
            revoke();
        }
        const std::size_t count = shared_.lock();
        turns_ = 0;
        return count;
    }
    void unlock(std::size_t count) noexcept {
        // Read first: without an owner, this lock may be destroyed as soon as `shared_` is free.
        const bool has_revoked = may_be_biased_;
        shared_.unlock(count);
        if (has_revoked) {
            bias_.store(bias::none, std::memory_order_release);  // pairs with `revoke` and `set_bias`
        }
    }
    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return shared_.count(order);
    }

    // For the owner, which has not locked: others need not revoke the bias until it has set one anew.
    void give_up_bias() noexcept;

    // For other threads. Sequentially consistent: if there is no bias, and the owner sets one later, it sees
    // what the caller has done before.
    void end_bias() noexcept {
        if (may_be_biased_ && bias_.load() != bias::none) {
            unlock(lock());
        }
    }

private:
    friend class owner_guard;

    enum class bias : unsigned char {
        none,     // all lock `shared_`
        owner,    // the owner doesn't
        revoking  // another thread is about to lock, or has locked
    };

    enum class owner_state : unsigned char {
        outside,
        inside,  // it has locked, or looks once more whether the lock is biased
        aware    // it knows that the lock is not biased
    };

    // The owner calls these. Returns true if the lock is biased, and now locked.
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        if (!asymmetric_fence::is_possible()) {
            return false;
        }
        // Relaxed: what this thread finds behind `bias::owner`, it has left there itself, or has acquired
        // when it set the bias.
        if (bias_.load(std::memory_order_relaxed) == bias::owner) {
            owner_.store(owner_state::inside, std::memory_order_relaxed);
            // Pairs with the `heavy` of `wait_for_owner`: that sees the store, or this load sees its bias.
            asymmetric_fence::light();
            if (bias_.load(std::memory_order_relaxed) == bias::owner) [[likely]] {
                return true;
            }
            owner_.store(owner_state::aware, std::memory_order_release);  // pairs with `wait_for_owner`
        } else if (owner_.load(std::memory_order_relaxed) == owner_state::outside) {
            owner_.store(owner_state::aware, std::memory_order_release);  // as above
        }
        return false;
    }
    void leave() noexcept {
        owner_.store(owner_state::outside, std::memory_order_release);  // pairs with `wait_for_owner`
    }

    void unlock_shared(std::size_t count) noexcept {
        const bool biases = may_be_biased_ && ++turns_ % asymmetric_fence::worth == 0;
        shared_.unlock(count);
        if (biases) {
            set_bias();
        }
    }

    [[gnu::cold]] void set_bias() noexcept;

    // Only this thread is let in, beside the owner, which is not inside, and locks `shared_` from now on.
    void revoke() noexcept {
        bias before = bias_.load(std::memory_order_relaxed);  // relaxed: the compare-exchange orders
        for (back_off delay;;) {
            if (before == bias::revoking) {
                delay.pause();
                before = bias_.load(std::memory_order_relaxed);  // as above
                // Acquire: pairs with the release of `unlock`, and with `set_bias`.
            } else if (bias_.compare_exchange_weak(before, bias::revoking, std::memory_order_acquire,
                                                   std::memory_order_relaxed)) {
                break;
            }
        }
        if (before == bias::owner) {
            wait_for_owner();
        }
    }

    void wait_for_owner() noexcept;

    counting_lock shared_;
    sync::atomic<bias> bias_{bias::none};
    sync::atomic<owner_state> owner_{owner_state::aware};  // written by the owner alone
    const bool may_be_biased_;
    unsigned turns_ = 0;  // of the owner since another thread has locked; guarded by `shared_`
};

// Does what a `counting_guard` does, for the owner of the lock.
class owner_guard {
public:
    [[gnu::always_inline]] explicit owner_guard(biased_lock& lock) noexcept
        : lock_(lock),
          inside_(lock.enter()),
          count_(inside_ ? lock.shared_.count(std::memory_order_relaxed) : lock.shared_.lock()) {}
    [[gnu::always_inline]] owner_guard(biased_lock& lock, adding_one_t) noexcept
        : lock_(lock),
          inside_(lock.enter()),
          count_(inside_ ? lock.shared_.count(std::memory_order_relaxed) + 1
                         : lock.shared_.lock_adding_one()) {
        if (inside_) {
            lock.shared_.set_count(count_);
        }
    }
    owner_guard(const owner_guard&) = delete;
    owner_guard& operator=(const owner_guard&) = delete;
    [[gnu::always_inline]] ~owner_guard() {
        if (inside_) {
            lock_.leave();
        } else {
            lock_.unlock_shared(count_);
        }
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    // Others see the new number when this guard unlocks, or before.
    [[gnu::always_inline]] void set_count(std::size_t count) noexcept {
        count_ = count;
        if (inside_) {
            lock_.shared_.set_count(count);
        }
    }

private:
    biased_lock& lock_;
    const bool inside_;
    std::size_t count_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void biased_lock::set_bias() noexcept {
    if (!asymmetric_fence::is_available()) {
        return;
    }
    // Relaxed: the compare-exchange publishes this store to the thread that revokes the bias.
    owner_.store(owner_state::outside, std::memory_order_relaxed);
    bias before = bias::none;
    // Sequentially consistent: see `end_bias`. If this fails, another thread locks.
    bias_.compare_exchange_strong(before, bias::owner);
}

CONCURRENT_FUTURES_FUNCTION void biased_lock::give_up_bias() noexcept {
    if (!enter()) {
        return;
    }
    turns_ = 0;
    leave();
    bias before = bias::owner;
    // Release: pairs with the acquire of `revoke`. If this fails, another thread revokes the bias.
    bias_.compare_exchange_strong(before, bias::none, std::memory_order_release);
    owner_.store(owner_state::aware, std::memory_order_release);  // pairs with `wait_for_owner`
}

CONCURRENT_FUTURES_FUNCTION void biased_lock::wait_for_owner() noexcept {
    // Acquire, in both loops: pairs with the release of the owner.
    for (int pauses = asymmetric_fence::patience;; --pauses) {
        if (owner_.load(std::memory_order_acquire) == owner_state::aware) {
            return;
        }
        if (pauses == 0) {
            break;
        }
        sync::spin_pause();
    }
    asymmetric_fence::heavy();
    for (back_off delay; owner_.load(std::memory_order_acquire) == owner_state::inside;) {
        delay.pause();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/local_queue.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The items that one worker, the owner, has submitted to its own pool. The owner pushes, and takes back the
// item whose result it needs. Any thread pops the oldest item. (One queue of a pool has no owner: there, any
// thread pushes a branch, and takes back what it has pushed.) A thread rarely has to wait for the lock, and
// then for a few instructions. The lock is biased to the owner as long as no other thread comes.
//
// The items are linked both ways: so the owner can take one back from anywhere, and a push cannot fail. A
// deque without a lock, such as Chase and Lev's, has a fixed capacity or allocates, and cannot give back an
// item from its middle.
class local_queue {
public:
    // Without an owner.
    local_queue() noexcept : lock_(false) {}
    // For a worker; `waits` is its pool's list.
    explicit local_queue(blocked_wait_list& waits) noexcept : lock_(true), waits_(&waits) {}

    [[nodiscard]] std::size_t size() const noexcept { return lock_.count(); }

    // Relaxed: a hint.
    [[nodiscard]] bool seems_empty() const noexcept { return lock_.count(std::memory_order_relaxed) == 0; }

    // For other threads than the owner: `size()` then misses no item whose push has not seen what the caller
    // did before.
    void order_pushes() noexcept { lock_.end_bias(); }

    // The owner has nothing to do.
    void give_up_bias() noexcept { lock_.give_up_bias(); }

    template <class Admit>
    [[nodiscard, gnu::always_inline]] bool push(work_item& item, Admit admit) noexcept {
        owner_guard lock(lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
        item.next_ = nullptr;
        item.previous_ = std::exchange(newest_, &item);
        (item.previous_ ? item.previous_->next_ : oldest_) = &item;
        note_pushed(item);
        item.set_sequence(++pushed_);
        return true;
    }

    work_item* pop() noexcept { return pop_by<others_guard>(); }

    // The same, for the owner.
    work_item* pop_own() noexcept { return pop_by<owner_guard>(); }

    // Takes `item` out if a local queue has it. `own` is that of the calling thread, or null. Requires: the
    // pool of the queue exists. This misses no item but one that others know before it is pushed.
    [[nodiscard, gnu::always_inline]] static bool take_back(work_item& item,
                                                            const local_queue* own) noexcept {
        // Acquire: pairs with the release of `note_known_pushed`, so that this thread can use the queue. If
        // others know of the item only since it was pushed, then what told them orders this, too.
        const std::uintptr_t place = item.place_.load(std::memory_order_acquire);
        local_queue* const queue = (place & running) == 0 ? queue_at(place) : nullptr;
        if (!queue) {
            return false;
        }
        return queue == own ? queue->take_out<owner_guard>(item) : queue->take_out_of_others(item);
    }

    // The owner begins to run `item`. `numbers` says whether the pool's items may be numbered anew; where
    // local queues are not used, a stale item may still be in a queue that is ordered by its number.
    // Requires: the calling thread is the owner, and its pool has the item.
    void note_running(work_item& item, bool numbers) noexcept {
        if (numbers) {
            item.set_sequence(pushed_++);  // a gap parts what is pushed from now on from what was before
        }
        // Release: pairs with the acquire of `queue_of_runner`.
        item.place_.store(address() | running, std::memory_order_release);
    }

    // The same, for an item that another pool has, or none.
    void note_running_elsewhere(work_item& item) const noexcept {
        item.place_.store(address() | running | elsewhere, std::memory_order_release);  // as above
    }

    // A coroutine: its worker no longer runs it, and it will go on later. Returns what `note_going_on` needs
    // if it goes on at once, on this thread.
    static std::uintptr_t note_suspended(work_item& item) noexcept {
        const std::uintptr_t place = item.place_.load(std::memory_order_relaxed);
        item.set_known_early();  // relaxed: the lock of its state orders it
        return place;
    }
    static void note_going_on(work_item& item, std::uintptr_t place) noexcept {
        item.place_.store(place, std::memory_order_release);  // as in `note_running`
    }

    // Returns the local queue of the worker that runs `item`, null if none has begun to. If `anywhere`, the
    // worker may be one of another pool than that which has the item: it may be gone by now, unless the
    // caller keeps the item from being done and from being suspended.
    [[nodiscard]] static local_queue* queue_of_runner(const work_item& item, bool anywhere = false) noexcept {
        // Acquire: pairs with the release of `note_running`.
        const std::uintptr_t place = item.place_.load(std::memory_order_acquire);
        const bool found = (place & running) != 0 && (anywhere || (place & elsewhere) == 0);
        return found ? queue_at(place) : nullptr;
    }

    // Calls `visit(wait, removals)` for the wait of the owner, if it sleeps in a task: see
    // `blocked_wait_list`. Requires: the queue is a worker's.
    template <class Visit>
    void for_wait_of_owner(Visit&& visit) noexcept {
        waits_->for_wait_of(this, visit);
    }

    // Takes out an item that the owner has pushed since it began to run `awaited`, and for which that may
    // wait. Returns null if there seems to be none. Requires: `queue_of_runner(awaited)` returned this queue,
    // and `still_runs()` returns whether the owner still runs `awaited`.
    template <class StillRuns>
    [[nodiscard]] work_item* take_pushed_since(const work_item& awaited, StillRuns still_runs) noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        counting_guard lock(lock_);
        // Under the lock: what the owner pushes after `awaited` was done comes later.
        if (!oldest_ || !still_runs()) {
            return nullptr;
        }
        for (work_item* const item : {best_to_help_with(), oldest_, newest_}) {
            if (item->sequence() > awaited.sequence() && item->submitter_may_wait()) {
                unlink(*item, lock);
                return item;
            }
        }
        return nullptr;
    }

    [[gnu::cold]] work_list take_all() noexcept;

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept;

private:
    using others_guard = counting_guard<biased_lock>;

    // Bits of `work_item::place_`.
    static constexpr std::uintptr_t running = 1;
    static constexpr std::uintptr_t elsewhere = 2;
    static constexpr std::uintptr_t known_early = work_item::known_early;

    [[nodiscard]] static local_queue* queue_at(std::uintptr_t place) noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for both, so that it changes at once
        return reinterpret_cast<local_queue*>(place & ~(running | elsewhere | known_early));
    }

    // Under the lock.
    [[gnu::always_inline]] void note_pushed(work_item& item) const noexcept {
        if (item.place_.load(std::memory_order_relaxed) == 0) [[likely]] {
            // Relaxed: what publishes the item comes later.
            item.place_.store(address(), std::memory_order_relaxed);
        } else {
            note_known_pushed(item);
        }
    }
    [[gnu::always_inline]] void note_taken_out(work_item& item) const noexcept {
        // Relaxed, as all of this: `take_back` looks once more under the lock.
        if (item.place_.load(std::memory_order_relaxed) == address()) [[likely]] {
            item.place_.store(0, std::memory_order_relaxed);
        } else {
            note_known_taken_out(item);
        }
    }

    // The same if others know of the item before it is pushed. One may have claimed it, and run it while it
    // is in this queue. Then the item's place is with that worker.
    void note_known_pushed(work_item& item) const noexcept;
    void note_known_taken_out(work_item& item) const noexcept;

    template <class Guard>
    [[nodiscard, gnu::always_inline]] bool take_out(work_item& item) noexcept {
        Guard lock(lock_);
        const std::uintptr_t place = item.place_.load(std::memory_order_relaxed);
        const bool here = (place & ~known_early) == address();
        if (here) {
            behind_last_taken_ = item.next_;
            unlink(item, lock);
        }
        return here;
    }

    [[nodiscard]] bool take_out_of_others(work_item& item) noexcept;

    template <class Guard>
    work_item* pop_by() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        Guard lock(lock_);
        return take_oldest(lock);
    }

    // The oldest item is mostly the one with the most work. But where the owner takes results in the order in
    // which it has submitted, it will soon wait for the oldest itself, and so for its helper. As much work,
    // and awaited last, is the last of those that one task has submitted one after the other, with the
    // oldest. No walk is longer than the owner should have to wait for the lock. Requires: there is an item.
    [[nodiscard]] work_item* best_to_help_with() const noexcept {
        constexpr int longest_walk = 16;
        work_item* best = oldest_;
        if (!behind_last_taken_) {  // it takes the newest first
            return best;
        }
        for (int step = 0; step != longest_walk; ++step) {
            work_item* const next = best->next_;
            if (!next || next->sequence() != best->sequence() + 1) {
                break;
            }
            best = next;
        }
        return best;
    }

    template <class Guard>
    work_item* take_oldest(Guard& lock) noexcept {
        work_item* const item = oldest_;
        if (item) {
            unlink(*item, lock);
        }
        return item;
    }

    // Requires: `item` in this queue.
    template <class Guard>
    [[gnu::always_inline]] void unlink(work_item& item, Guard& lock) noexcept {
        (item.previous_ ? item.previous_->next_ : oldest_) = item.next_;
        (item.next_ ? item.next_->previous_ : newest_) = item.previous_;
        note_taken_out(item);
        lock.set_count(lock.count() - 1);
    }

    [[nodiscard]] std::uintptr_t address() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }

    alignas(cache_line) biased_lock lock_;
    work_item* oldest_ = nullptr;
    work_item* newest_ = nullptr;
    // The number of the last item, or of the gap after that item. Only the owner uses this number; where
    // several threads push, the lock guards it.
    std::uint64_t pushed_ = 0;
    // The item that followed the last item taken back; null if nothing followed. It may be gone by now.
    const work_item* behind_last_taken_ = nullptr;
    purge_schedule schedule_;
    blocked_wait_list* const waits_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list local_queue::take_all() noexcept {
    counting_guard lock(lock_);
    work_list items;
    while (work_item* const item = take_oldest(lock)) {
        items.append(*item);
    }
    return items;
}

CONCURRENT_FUTURES_FUNCTION work_list local_queue::purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
    owner_guard lock(lock_);
    work_list taken;
    if (purge_schedule::pays(lock.count(), stale)) {
        for (work_item* each = oldest_; each;) {
            work_item& item = *std::exchange(each, each->next_);
            if (!item.still_waits()) {
                stale.fetch_sub(1, std::memory_order_relaxed);  // see `take_stale`
                unlink(item, lock);
                taken.append(item);
            }
        }
    }
    schedule_.done(lock.count());
    return taken;
}

CONCURRENT_FUTURES_FUNCTION bool local_queue::take_out_of_others(work_item& item) noexcept {
    return take_out<others_guard>(item);
}

CONCURRENT_FUTURES_FUNCTION void local_queue::note_known_pushed(work_item& item) const noexcept {
    std::uintptr_t before = known_early;
    // Release: pairs with the acquire of `take_back`. If this fails, the item runs.
    item.place_.compare_exchange_strong(before, address() | known_early, std::memory_order_release);
}

CONCURRENT_FUTURES_FUNCTION void local_queue::note_known_taken_out(work_item& item) const noexcept {
    std::uintptr_t before = address() | known_early;
    item.place_.compare_exchange_strong(before, known_early, std::memory_order_relaxed);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/permit.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A worker shares the permit to run with its spares. One of them has it and runs, and the others wait for it
// or sleep. They get it in the order in which they ask.
class permit {
public:
    // The caller has the permit.
    permit() = default;
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;

    // Called before a spare is started for `left`. Returns false if one is about to begin an equal errand.
    [[nodiscard, gnu::cold]] bool add_spare(errand& left) noexcept;
    // A spare has the permit, and is about to run `left`; or it could not be started.
    [[gnu::cold]] void remove_errand(errand& left) noexcept;
    // It has ended, or could not be started.
    [[gnu::cold]] void remove_spare() noexcept;
    [[nodiscard, gnu::cold]] bool has_spares() noexcept;

    // Returns false if it would have to wait.
    [[nodiscard, gnu::cold]] bool try_acquire() noexcept;

    [[gnu::cold]] void acquire() noexcept;

    [[gnu::cold]] void release() noexcept;

private:
    sync::mutex mutex_;
    sync::condition_variable changed_;
    // Guarded by the mutex.
    errand* first_left_ = nullptr;  // of those that no spare has begun
    std::size_t spares_ = 0;
    std::size_t asked_ = 1;     // how often it was asked for
    std::size_t released_ = 0;  // how often it was given back
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool permit::add_spare(errand& left) noexcept {
    const std::lock_guard lock(mutex_);
    for (const errand* each = first_left_; each; each = each->next_) {
        if (each->what_for_ == left.what_for_) {
            return false;
        }
    }
    left.next_ = std::exchange(first_left_, &left);
    ++spares_;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void permit::remove_errand(errand& left) noexcept {
    const std::lock_guard lock(mutex_);
    errand** link = &first_left_;
    while (*link != &left) {
        link = &(*link)->next_;
    }
    *link = left.next_;
}

CONCURRENT_FUTURES_FUNCTION void permit::remove_spare() noexcept {
    const std::lock_guard lock(mutex_);
    --spares_;
}

CONCURRENT_FUTURES_FUNCTION bool permit::has_spares() noexcept {
    const std::lock_guard lock(mutex_);
    return spares_ != 0;
}

CONCURRENT_FUTURES_FUNCTION bool permit::try_acquire() noexcept {
    const std::lock_guard lock(mutex_);
    if (asked_ != released_) {
        return false;
    }
    ++asked_;
    return true;
}

CONCURRENT_FUTURES_FUNCTION void permit::acquire() noexcept {
    std::unique_lock lock(mutex_);
    const std::size_t turn = asked_++;
    changed_.wait(lock, [&] { return released_ == turn; });
}

CONCURRENT_FUTURES_FUNCTION void permit::release() noexcept {
    const std::lock_guard lock(mutex_);
    ++released_;
    changed_.notify_all();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/worker.hpp

namespace concurrent::futures { inline namespace v0_1 {
namespace detail {

// One thread of a pool.
//
// A worker that sleeps in a task may have to run another, but not on top of its own: that other task may turn
// out to wait for its own. Then it leaves the other task to a spare, which is a worker with a thread of its
// own, for this one task. The two share a `permit`, and each gives it back while it sleeps: so no more tasks
// run at once than the pool has workers. Java's `ForkJoinPool` has such spare threads too.
class worker final : public helper, public sleeper {
public:
    // `previous` is the worker that was made before, or null.
    worker(pool_base& pool, std::string name, worker* previous = nullptr, bool is_spare = false)
        : pool_(pool),
          name_(std::move(name)),
          previous_worker_(previous),
          is_spare_(is_spare),
          local_queue_(pool.blocked_waits()) {}

    // Returns the worker of the calling thread, as far as this library knows; null if no pool started the
    // thread.
    [[nodiscard]] static worker* current() noexcept { return pool_thread::current().self; }

    // The same, but null if the pool is of another library.
    [[nodiscard]] static worker* of_this_library() noexcept { return pool_thread::own().self; }

    [[nodiscard]] pool_base& pool() const noexcept { return pool_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] worker* previous_worker() const noexcept { return previous_worker_; }
    [[nodiscard]] bool is_spare() const noexcept { return is_spare_; }

    // The following functions are called on this worker's thread.

    [[nodiscard]] bool watch_idle(idle_watch& watch) noexcept override {
        return pool_.watch_idle(*this, watch);
    }
    [[nodiscard]] bool unwatch_idle(idle_watch& watch) noexcept override { return pool_.unwatch_idle(watch); }
    CONCURRENT_FUTURES_FUNCTION void begin_to_block(blocked_wait& wait) noexcept override;
    CONCURRENT_FUTURES_FUNCTION void end_to_block(blocked_wait& wait) noexcept override;
    [[nodiscard]] bool leave_to_spare(std::unique_ptr<errand> left) noexcept override {
        return pool_.start_spare(*this, std::move(left));
    }

    // Returns the permit to run, which this worker has. Throws if there is no memory.
    [[nodiscard, gnu::cold]] permit& share_permit();
    [[nodiscard]] bool shares_permit() const noexcept { return permit_ != nullptr; }

    // Called between two tasks, if this worker shares its permit.
    [[gnu::cold]] void let_spares_run() noexcept;

    // These are called before this worker parks or ends, and afterwards.
    void give_permit_back() noexcept {
        if (permit_ && !pool_.is_inherited()) {
            permit_->release();
        }
    }
    void take_permit_back() noexcept {
        if (permit_ && !permit_->try_acquire()) {
            note_busy();  // nobody may rely on it meanwhile
            permit_->acquire();
        }
    }

    // A spare calls these before and after its errand. It never searches, so it is never as good as idle.
    void begin_errand(errand& left) noexcept;
    void end_errand() noexcept;
    [[nodiscard]] bool is_initialized() const noexcept { return is_initialized_; }
    void note_initialized() noexcept { is_initialized_ = true; }

    // Called before a spare gets its errand.
    void set_permit(permit& shared) noexcept { permit_ = &shared; }

    // Called before this worker publishes a task's result, if it runs no user code from then until it looks
    // for work: it is as good as searching. So a thread that sees the result and submits the next task starts
    // no needless thread. A worker that has work before it does not count as searching, nor does one that
    // goes on with another task, nor the copy of a worker in the child of a fork.
    [[gnu::always_inline]] void note_nearly_idle() noexcept {
        if (depth_ == 0 && local_queue_.seems_empty() && pool_.shared_queue_seems_empty() &&
            !pool_.is_inherited()) {
            pool_.start_searching(*this);
        }
    }

    // Takes `item` out of the local queue that has it, mostly this worker's.
    [[nodiscard, gnu::always_inline]] bool take_back(work_item& item) noexcept {
        return local_queue::take_back(item, &local_queue_);
    }

    // Called before this worker parks. While it sleeps, others need not end the bias of its queue.
    void give_up_bias() noexcept { local_queue_.give_up_bias(); }

    // Called when this worker has claimed the task that it took out of a queue; and when it was nearly idle,
    // but runs a done callback or destroys a result after all.
    void note_busy() noexcept {
        if (found_work()) {
            pool_.stop_searching(*this);
        }
    }

    // This worker begins to run `item`, which its pool has, or goes on with it.
    void note_running(work_item& item) noexcept {
        local_queue_.note_running(item, pool_.uses_local_queues());
    }

    // The calling thread begins to run `item`, which another pool has, or none, or goes on with it. Before
    // the thread does anything else, the item is done, or `note_suspended` was called.
    static void note_running_elsewhere(work_item& item) noexcept {
        if (const worker* const self = current()) {
            self->local_queue_.note_running_elsewhere(item);
        }
    }

    // While this exists, the worker runs `item`. A worker may run several tasks, on top of each other.
    class running {
    public:
        running(worker& self, work_item& item) noexcept : self_(self) {
            if (!item.has_owner_of_own_library()) {  // another library made the worker, this one the task
                self_.pool_.meet();
            }
            ++self_.depth_;
            self_.note_running(item);
        }
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        ~running() { --self_.depth_; }

    private:
        worker& self_;
    };

    // Whether this worker is in the middle of running `item`. Requires: `item` is not done.
    [[nodiscard]] bool runs(const work_item& item) const noexcept {
        return local_queue::queue_of_runner(item, true) == &local_queue_;
    }

    // For a worker that waits for `awaited`, which another worker runs: runs a task that `awaited` has
    // submitted, or one that descends from it, out of the other worker's local queue (Wagner and Calder,
    // "Leapfrogging: a portable technique for implementing efficient futures", PPoPP 1993). Such a task can't
    // wait for this worker, unless somebody has passed futures on. `still_runs()` returns whether `awaited`
    // is not done; `on_found()` is called before the task runs. Returns false if there is no such task now.
    template <class StillRuns, class OnFound>
    [[nodiscard]] bool run_descendant(const work_item& awaited, StillRuns still_runs,
                                      OnFound on_found) noexcept {
        local_queue* const others = local_queue::queue_of_runner(awaited);
        work_item* const descendant = others ? others->take_pushed_since(awaited, still_runs) : nullptr;
        if (!descendant) {
            return false;
        }
        on_found();
        if (!descendant->execute(*this)) {
            pool_.replace_stale_item();
        }
        return true;
    }

    // A hint.
    [[nodiscard]] static bool seems_to_have_descendants(const work_item& awaited) noexcept {
        const local_queue* const others = local_queue::queue_of_runner(awaited);
        return others && !others->seems_empty();
    }

private:
    friend class victims;

    pool_base& pool_;
    const std::string name_;
    worker* const previous_worker_;
    const bool is_spare_;
    // The next in the pool's list. Thieves read it, so it is not beside what this worker writes.
    worker* next_victim_ = nullptr;

    local_queue local_queue_;

    // The rest is only for this thread.
    std::size_t depth_ = 0;          // the number of tasks that it runs, on top of each other
    worker* last_victim_ = nullptr;  // of those that it looks at in turn
    worker* last_robbed_ = nullptr;
    bool is_victim_ = false;
    unsigned turns_ = 0;
    bool is_initialized_ = false;  // of a spare
    permit* permit_ = nullptr;     // if there are spares
    std::unique_ptr<permit> own_permit_;
};

inline worker* pool_base::worker_here() const noexcept {
    worker* const self = thread_record_().self;
    return self && &self->pool() == this ? self : nullptr;
}

inline void pool_base::note_exit() noexcept {
    pool_thread& here = own_pool_thread;
    // In the child of a fork, nobody waits for the task that forked. Only the first call counts, as `exit()`
    // may lead to several.
    if (here.self && here.last_pool_at_exit == 0 && !here.self->pool().is_inherited()) {
        // Relaxed: pools of which this thread knows have their numbers.
        here.last_pool_at_exit = last_number().load(std::memory_order_relaxed);
    }
}

// The local queues of a pool's workers, from which others take items. A victim is a worker whose local queue
// was ever pushed to. The list only grows. One more local queue is for the branches of threads that have none
// here: the thread that pushes a branch is the owner, as far as that branch is concerned.
class victims {
public:
    [[nodiscard]] local_queue& queue_of_others() noexcept { return queue_of_others_; }

    // Returns the local queue of `self`, to push to. Requires: the calling thread is that of `self`.
    [[nodiscard]] local_queue& queue_of(worker& self) noexcept {
        if (!self.is_victim_) {
            self.is_victim_ = true;
            worker* first = first_.load(std::memory_order_relaxed);  // relaxed: the compare-exchange orders
            // Sequentially consistent, before the push: a worker that goes to sleep either finds this queue,
            // or has announced so before, which the push then sees.
            do {
                self.next_victim_ = first;
            } while (!first_.compare_exchange_weak(first, &self));
        }
        return self.local_queue_;
    }

    [[nodiscard]] work_item* pop_own(worker& self) noexcept { return self.local_queue_.pop_own(); }

    // Returns the oldest item of any local queue, null if all seem empty. Looks first where `self` last found
    // one: if all workers looked in the same order, they would meet at the same queues.
    [[nodiscard]] work_item* steal(worker& self) noexcept;

    // Returns the oldest item of the next victim, each in turn; null if that has none.
    [[nodiscard]] work_item* steal_in_turn(worker& self) noexcept;

    // Calls `order_pushes` of all local queues but that of `self`, which is the calling thread's worker, or
    // null.
    void order_pushes_of_others(const worker* self) noexcept {
        const local_queue* const own = self ? &self->local_queue_ : nullptr;
        for_each([own](local_queue& each) {
            if (&each != own) {
                each.order_pushes();
            }
        });
    }

    // Counts the turns of `self`, from 0 to one less than `cycle`.
    [[nodiscard]] static unsigned next_turn(worker& self, unsigned cycle) noexcept {
        return self.turns_ = (self.turns_ + 1) % cycle;
    }

    template <class Visit>
    void for_each(Visit visit) {
        for_each_of(*this, visit);
    }
    template <class Visit>
    void for_each(Visit visit) const {
        for_each_of(*this, visit);
    }

private:
    [[nodiscard]] static work_item* steal_between(worker& self, worker* first, const worker* end) noexcept {
        for (worker* each = first; each != end; each = each->next_victim_) {
            if (work_item* const item = pop_from(each->local_queue_)) {
                self.last_robbed_ = each;
                return item;
            }
        }
        return nullptr;
    }

    // One for all who steal, but not for the owner of the queue.
    static work_item* pop_from(local_queue& others) noexcept;

    // Sequentially consistent: pairs with the compare-exchange of `queue_of`.
    template <class Victims, class Visit>
    static void for_each_of(Victims& self, Visit& visit) {
        for (worker* each = self.first_.load(); each; each = each->next_victim_) {
            visit(each->local_queue_);
        }
        visit(self.queue_of_others_);
    }

    sync::atomic<worker*> first_{nullptr};
    local_queue queue_of_others_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

void worker::begin_to_block(blocked_wait& wait) noexcept {
    pool_.blocked_waits().add(wait, &local_queue_);
    give_permit_back();
}

void worker::end_to_block(blocked_wait& wait) noexcept {
    pool_.blocked_waits().remove(wait);
    if (permit_ && !pool_.is_inherited()) {
        permit_->acquire();
    }
}

CONCURRENT_FUTURES_FUNCTION permit& worker::share_permit() {
    if (!permit_) {
        if (!own_permit_) {
            own_permit_ = std::make_unique<permit>();
        }
        permit_ = own_permit_.get();
    }
    return *permit_;
}

CONCURRENT_FUTURES_FUNCTION void worker::let_spares_run() noexcept {
    if (permit_->has_spares()) {
        permit_->release();
        take_permit_back();
    } else {
        permit_ = nullptr;
    }
}

CONCURRENT_FUTURES_FUNCTION void worker::begin_errand(errand& left) noexcept {
    ++depth_;
    permit_->acquire();
    permit_->remove_errand(left);
}

CONCURRENT_FUTURES_FUNCTION void worker::end_errand() noexcept {
    permit_->release();
    permit_->remove_spare();
    permit_ = nullptr;
    --depth_;
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::steal(worker& self) noexcept {
    work_item* item = steal_between(self, self.last_robbed_, nullptr);
    if (!item) {
        worker* const first = first_.load(std::memory_order_acquire);  // pairs with the change in `queue_of`
        item = steal_between(self, first, self.last_robbed_);
    }
    return item ? item : pop_from(queue_of_others_);
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::steal_in_turn(worker& self) noexcept {
    worker* const next = self.last_victim_ ? self.last_victim_->next_victim_ : nullptr;
    self.last_victim_ = next ? next : first_.load(std::memory_order_acquire);  // see `steal`
    if (!self.last_victim_) {
        return nullptr;
    }
    return self.last_victim_ == &self ? pop_own(self) : pop_from(self.last_victim_->local_queue_);
}

CONCURRENT_FUTURES_FUNCTION work_item* victims::pop_from(local_queue& others) noexcept {
    return others.pop();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// The name of the calling thread if a `thread_pool_executor` started it, else an empty string. The reference
/// is valid as long as the thread runs.
///
/// \code
/// assert(futures::this_thread_name().empty());
/// assert(executor.submit([] { return futures::this_thread_name(); }).result().ends_with("_0"));
/// \endcode
inline const std::string& this_thread_name() noexcept {
    static detail::no_destructor<const std::string> none;  // destructors of other static objects may ask
    const detail::worker* const self = detail::worker::current();
    return self ? self->name() : none.get();
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/outstanding_futures.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `outstanding_futures` is a set of futures that threads wait for while others add to it: those of a
// `completion_queue`, or of a `task_group`. The owner of the set adds an entry for each future, and removes
// the entry once the future is done. Each takes O(1).
//
// A worker that waits looks at each future once, for a task that it can run. It goes on from where it
// stopped: a task that is no longer queued will never be again. If a future is added meanwhile, the worker
// wakes to look at that too: nobody else might ever run the task.
//
// The futures may depend on others that this worker can run. So before it sleeps, it adds what is still
// outstanding to a `dependency_walk`, each future once. From one short wait to the next, the set keeps the
// walk, for the next worker of the same pool.
//
// All functions, except those that say otherwise, require `lock()`. The mutex is not held while a task, a
// callback or a destructor of a user's object runs. Each of these may fork and return: then, in the child,
// the lock stays released, as another thread may have taken it for ever, and the lists may be in the middle
// of a change.
class outstanding_futures {
public:
    class entry {
    public:
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

        [[nodiscard]] shared_state_base& state() const noexcept { return *state_; }

    protected:
        entry() = default;
        ~entry() = default;

    private:
        friend class outstanding_futures;

        shared_state_base* state_ = nullptr;  // has a handle as long as the entry is in the set
        entry* next_ = nullptr;
        entry* previous_ = nullptr;
        std::uint64_t number_ = 0;  // no two entries ever have the same
    };

    using lock_type = std::unique_lock<sync::mutex>;

    // How `wait` ends.
    enum class wait_end { ready, timed_out, waits_for_self };

    outstanding_futures() : changed_() {}
    outstanding_futures(const outstanding_futures&) = delete;
    outstanding_futures& operator=(const outstanding_futures&) = delete;
    // Requires: not locked. No other thread uses the set.
    ~outstanding_futures();

    // Requires: not locked, and not `is_inherited()`.
    [[nodiscard]] lock_type lock() const { return lock_type(mutex_); }

    // Returns whether another process made the set. Then no lock is needed or may be taken: a thread that is
    // not in this process may have it.
    [[nodiscard]] bool is_inherited() const noexcept { return process_ != forks::process(); }

    // Requires no lock.
    void throw_if_inherited() const {
        if (is_inherited()) {
            throw_error<broken_executor>(
                "this was made before the process was forked, and what would complete its futures is not in "
                "this process");
        }
    }

    [[nodiscard]] entry* first() const noexcept { return first_; }

    // Adds a future, which has a handle until the entry is removed.
    void add(entry& added, shared_state_base& state) noexcept;

    void remove(entry& removed) noexcept;

    // Returns the first future that was added as the one with this `number`, or later. Sets `number` to that.
    // Returns null if there is none. A caller that asks for one after the other pays O(1) for each.
    [[nodiscard]] entry* find(std::uint64_t& number) noexcept;
    // The number of the oldest future, or the next one.
    [[nodiscard]] std::uint64_t first_number() const noexcept {
        return first_ ? first_->number_ : added_ + 1;
    }

    // What the waiting threads are waiting for may be so now. The lock is still held: once it is released, a
    // waiting thread may go on and destroy the set.
    void notify() noexcept { changed_.notify_all(); }

    // Waits until `ready()` without helping, for what another thread is about to do.
    template <class Ready>
    void wait_for_others(lock_type& lock, Ready ready) {
        changed_.wait(lock, ready);
    }

    // Calls `fn(state)`, without the lock, for each future, also for those that are added meanwhile. If `fn`
    // forks, then in the child this is the last call.
    void for_each(lock_type& lock, void (*fn)(shared_state_base&) noexcept);

    // Waits until `ready()`, or until `until`. `to_the_end` says that the wait ends only when no future is
    // outstanding: then a worker runs tasks of its own pool on the spot, and what descends from those that
    // run elsewhere. Else it runs a task only while no other worker can. Throws if there is no memory, on a
    // worker that would have to sleep; and if a task that it runs forks, in the child.
    template <class Ready>
    wait_end wait(lock_type& lock, const deadline& until, bool to_the_end, Ready ready) {
        return wait(
            lock, until, to_the_end,
            [](void* condition) noexcept { return (*static_cast<Ready*>(condition))(); }, &ready);
    }

private:
    class unlocked;
    struct cursor;
    struct walker;
    struct waiting_thread;

    // Threads that can help the same futures: a thread, or the workers of a pool. Which of the two depends on
    // whether this library knows the pool.
    struct examiner {
        examiner() noexcept
            : pool(pool_thread::own().pool),
              thread(pool != 0 ? sync::thread::id() : sync::this_thread::get_id()) {}
        friend bool operator==(const examiner&, const examiner&) = default;

        std::size_t pool;
        sync::thread::id thread;
    };

    // One function for all conditions: beside what it does, an indirect call takes no time.
    wait_end wait(lock_type& lock, const deadline& until, bool to_the_end,
                  bool (*is_ready)(void* condition) noexcept, void* condition);

    template <class Look>
    static bool examine(lock_type& lock, cursor& me, Look look);

    // Runs one of the futures' tasks that this worker's pool has; see `helping_wait::go_on`.
    [[nodiscard]] static helping_wait::step help(lock_type& lock, waiting_thread& me, helper*& watching);

    // Runs a task, as far as it is one that a wait without a limit may run.
    [[nodiscard]] static helping_wait::step help(shared_state_base& state, waiting_thread& me);

    // If this thread could run a task: runs it if nobody else can, or watches that others can.
    [[nodiscard]] static helping_wait::step help_unless_others_can(shared_state_base& state,
                                                                   waiting_thread& me, helper*& watching);

    // Before this thread does `step`: runs something that the futures depend on, if it is a worker.
    [[nodiscard]] helping_wait::step help_others(lock_type& lock, waiting_thread& me, helper*& watching,
                                                 helping_wait::step step);

    // `me` was given to `watching`, unless that is null.
    void stop_watching(lock_type& lock, waiting_thread& me, helper* watching) noexcept;

    [[nodiscard]] static std::unique_ptr<walker> take_kept(walker*& link) noexcept;

    // Returns one that a worker of this pool has used before, or null.
    [[nodiscard]] std::unique_ptr<walker> find_kept() noexcept;

    // Returns another one, which is too many, or null.
    [[nodiscard]] std::unique_ptr<walker> keep(std::unique_ptr<walker> ended) noexcept;

    const std::uint32_t process_ = forks::process();

    mutable sync::mutex mutex_;
    // Not destroyed in the child of a fork: the destructor would wait for threads of the parent that wait
    // here.
    union {
        sync::condition_variable changed_;
    };

    // Guarded by `mutex_`.
    entry* first_ = nullptr;
    entry* last_ = nullptr;
    entry* asked_ = nullptr;  // where `find` goes on
    std::uint64_t added_ = 0;
    cursor* cursors_ = nullptr;
    examiner examiner_;            // the threads that waited last
    entry* unexamined_ = nullptr;  // the first future that they have not looked at
    walker* kept_ = nullptr;       // for the next waits
};

#if defined(CONCURRENT_FUTURES_DEFINES)

// While this exists, the lock is released. In the child of a fork that happens meanwhile, it stays so.
class outstanding_futures::unlocked {
public:
    explicit unlocked(lock_type& lock) noexcept : lock_(lock) { lock_.unlock(); }
    unlocked(const unlocked&) = delete;
    unlocked& operator=(const unlocked&) = delete;
    ~unlocked() {
        if (process_ == forks::process()) {
            lock_.lock();
        }
    }

private:
    lock_type& lock_;
    const std::uint32_t process_ = forks::process();
};

// How far a thread has looked at the futures. It is made and destroyed under the lock.
struct outstanding_futures::cursor {
    cursor(outstanding_futures& its_set, entry* first) noexcept
        : set(its_set), unexamined(first), next(std::exchange(set.cursors_, this)) {}
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;
    ~cursor() {
        if (set.is_inherited()) {
            return;
        }
        cursor** link = &set.cursors_;
        while (*link != this) {
            link = &(*link)->next;
        }
        *link = next;
    }

    outstanding_futures& set;
    entry* unexamined;  // the first future that the thread has not looked at
    cursor* next;
};

// What a worker has found out about what the futures depend on. Its place is destroyed under the lock,
// and then the rest without.
struct outstanding_futures::walker {
    // Requires: locked.
    explicit walker(outstanding_futures& set) noexcept
        : place(std::in_place, set, set.first_), walk(set.mutex_, set.changed_) {}

    const examiner who;
    // From here on, the futures were not added to the walk.
    std::optional<cursor> place;
    dependency_walk walk;
    walker* next_kept = nullptr;
};

// A thread in `wait`. If that is short, the next `wait` goes on where this one stopped. It is made and
// destroyed under the lock.
struct outstanding_futures::waiting_thread final : cursor, idle_watch {
    waiting_thread(outstanding_futures& its_set, lock_type& its_lock, bool to_the_end) noexcept
        : cursor(its_set,
                 !to_the_end && its_set.examiner_ == examiner() ? its_set.unexamined_ : its_set.first_),
          lock(its_lock),
          is_short(!to_the_end) {}
    waiting_thread(const waiting_thread&) = delete;
    waiting_thread& operator=(const waiting_thread&) = delete;
    ~waiting_thread() {
        if (set.is_inherited()) {
            return;  // it runs nothing while it is shown, and so is hidden
        }
        hide();
        if (is_short) {
            set.examiner_ = examiner();
            set.unexamined_ = unexamined;
        }
        if (walking) {
            helping.reset();
            std::unique_ptr<walker> ended = std::move(walking);
            if (is_short) {
                ended = set.keep(std::move(ended));
            }
            if (ended) {
                ended->place.reset();
                const unlocked meanwhile(lock);
                ended.reset();
            }
        }
    }

    void on_nobody_idle() noexcept override {
        // Notify under the mutex: once the mutex is free, this may be gone.
        const std::lock_guard guard(set.mutex_);
        alone = true;
        set.changed_.notify_all();
    }

    // Whether there is something new to look at, apart from what it watches, if so.
    [[nodiscard]] bool has_news(bool watches) const noexcept {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a walker in use has one
        return walking ? walking->place->unexamined || walking->walk.has_news() : !watches && unexamined;
    }

    // Returns false if this did nothing. Else it has released the lock meanwhile.
    bool hide() noexcept {
        if (!helping || !helping->is_shown()) {
            return false;
        }
        const unlocked meanwhile(lock);
        hide_unlocked();
        return true;
    }

    // Before this thread runs something. Requires: not locked.
    void hide_unlocked() noexcept {
        if (helping) {
            helping->hide();
        }
    }

    lock_type& lock;
    const bool is_short;
    bool alone = false;  // no other worker can run what is queued
    std::unique_ptr<walker> walking;
    std::optional<helping_wait> helping;
};

// Calls `look(state)`, without the lock, for each future that `me` has not looked at, until that returns
// true or has forked.
template <class Look>
bool outstanding_futures::examine(lock_type& lock, cursor& me, Look look) {
    while (entry* const each = me.unexamined) {
        const std::uint64_t number = each->number_;
        bool found = false;
        {
            shared_state_base::weak_handle seen(each->state());
            const unlocked meanwhile(lock);
            const shared_state_base::weak_handle kept = std::move(seen);
            found = look(kept.state());
        }
        if (found || me.set.is_inherited()) {
            return found;
        }
        // The entry may have been removed meanwhile, and another one may have its memory.
        if (me.unexamined && me.unexamined->number_ == number) {
            me.unexamined = me.unexamined->next_;
        }
    }
    return false;
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::~outstanding_futures() {
    if (is_inherited()) {
        return;
    }
    while (kept_) {
        static_cast<void>(take_kept(kept_));
    }
    std::destroy_at(std::addressof(changed_));
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::add(entry& added, shared_state_base& state) noexcept {
    added.state_ = &state;
    added.number_ = ++added_;
    added.next_ = nullptr;
    added.previous_ = std::exchange(last_, &added);
    (added.previous_ ? added.previous_->next_ : first_) = &added;
    if (!unexamined_) {
        unexamined_ = &added;
    }
    if (cursors_) {
        for (cursor* each = cursors_; each; each = each->next) {
            if (!each->unexamined) {
                each->unexamined = &added;
            }
        }
        notify();
    }
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::remove(entry& removed) noexcept {
    if (unexamined_ == &removed) {
        unexamined_ = removed.next_;
    }
    for (cursor* each = cursors_; each; each = each->next) {
        if (each->unexamined == &removed) {
            each->unexamined = removed.next_;
        }
    }
    if (asked_ == &removed) {
        asked_ = removed.previous_;
    }
    (removed.previous_ ? removed.previous_->next_ : first_) = removed.next_;
    (removed.next_ ? removed.next_->previous_ : last_) = removed.previous_;
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::entry* outstanding_futures::find(
    std::uint64_t& number) noexcept {
    entry* each = asked_ && asked_->number_ <= number ? asked_ : first_;
    while (each && each->number_ < number) {
        asked_ = each;
        each = each->next_;
    }
    if (each) {
        asked_ = each;
        number = each->number_;
    }
    return each;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help_unless_others_can(
    shared_state_base& state, waiting_thread& me, helper*& watching) {
    helper* const self = state.is_waiting() ? state.helper_here() : nullptr;
    if (!self) {
        return helping_wait::step::sleep;
    }
    if (self->watch_idle(me)) {
        watching = self;
        return helping_wait::step::watch;
    }
    me.hide_unlocked();
    state.help(*self, nullptr);
    return helping_wait::step::look_again;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help_others(lock_type& lock,
                                                                                waiting_thread& me,
                                                                                helper*& watching,
                                                                                helping_wait::step step) {
    worker* const self = worker::current();
    if (!self) {
        return step;
    }
    if (!me.walking) {
        me.walking = me.is_short ? find_kept() : nullptr;
        if (!me.walking) {
            me.walking = std::make_unique<walker>(*this);
        }
        me.helping.emplace(me.walking->walk, *self);
    }
    dependency_walk& walk = me.walking->walk;
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a walker in use has one
    examine(lock, *me.walking->place, [&](shared_state_base& state) {
        if (state.helper_of_others()) {
            walk.add_root(state, false);  // as the set is told anyway
        }
        return false;
    });
    const unlocked meanwhile(lock);
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): it has come with the walker
    return me.helping->go_on(!me.is_short, me, watching);
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::stop_watching(lock_type& lock, waiting_thread& me,
                                                                    helper* watching) noexcept {
    if (!watching) {
        return;
    }
    bool removed = false;
    {
        const unlocked meanwhile(lock);
        removed = watching->unwatch_idle(me);
    }
    if (!removed) {
        wait_for_others(lock, [&] { return me.alone; });
    }
    me.alone = false;
}

CONCURRENT_FUTURES_FUNCTION void outstanding_futures::for_each(lock_type& lock,
                                                               void (*fn)(shared_state_base&) noexcept) {
    cursor all(*this, first_);
    examine(lock, all, [fn](shared_state_base& state) {
        fn(state);
        return false;
    });
}

CONCURRENT_FUTURES_FUNCTION outstanding_futures::wait_end outstanding_futures::wait(
    lock_type& lock, const deadline& until, bool to_the_end, bool (*is_ready)(void* condition) noexcept,
    void* condition) {
    const auto ready = [&] { return is_ready(condition); };
    waiting_thread me(*this, lock, to_the_end);
    for (;;) {
        const bool ended = ready();
        if (ended || until.passed()) {
            if (me.hide()) {
                continue;
            }
            return ended ? wait_end::ready : wait_end::timed_out;
        }
        {
            const unlocked meanwhile(lock);
            trampoline::run_postponed();
        }
        throw_if_inherited();
        helper* watching = nullptr;
        helping_wait::step step = help(lock, me, watching);
        if (step == helping_wait::step::sleep || step == helping_wait::step::watch) {
            try {
                step = help_others(lock, me, watching, step);
            } catch (...) {
                stop_watching(lock, me, watching);
                throw;
            }
        }
        throw_if_inherited();
        if (step == helping_wait::step::waits_for_self) {
            return wait_end::waits_for_self;
        }
        if (step != helping_wait::step::look_again) {
            wait_until(changed_, lock, until,
                       [&] { return ready() || me.alone || me.has_news(watching != nullptr); });
        }
        stop_watching(lock, me, watching);
    }
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help(lock_type& lock, waiting_thread& me,
                                                                         helper*& watching) {
    helping_wait::step step = helping_wait::step::sleep;
    examine(lock, me, [&](shared_state_base& state) {
        step = me.is_short ? help_unless_others_can(state, me, watching) : help(state, me);
        return step != helping_wait::step::sleep;
    });
    return step;
}

CONCURRENT_FUTURES_FUNCTION helping_wait::step outstanding_futures::help(shared_state_base& state,
                                                                         waiting_thread& me) {
    if (state.done()) {
        return helping_wait::step::sleep;
    }
    me.hide_unlocked();
    const shared_state_base::help_result helped = state.help(nullptr);
    if (helped == shared_state_base::help_result::helped) {
        return helping_wait::step::look_again;
    }
    return helped == shared_state_base::help_result::waits_for_self ? helping_wait::step::waits_for_self
                                                                    : helping_wait::step::sleep;
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker> outstanding_futures::take_kept(
    walker*& link) noexcept {
    return std::unique_ptr<walker>(std::exchange(link, link->next_kept));
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker>
outstanding_futures::find_kept() noexcept {
    for (walker** each = &kept_; *each; each = &(*each)->next_kept) {
        if ((*each)->who == examiner()) {
            return take_kept(*each);
        }
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION std::unique_ptr<outstanding_futures::walker> outstanding_futures::keep(
    std::unique_ptr<walker> ended) noexcept {
    constexpr int most = 16;  // so many workers may take turns
    ended->next_kept = kept_;
    kept_ = ended.release();
    walker** each = &kept_;
    for (int kept = 0; *each && kept != most; ++kept) {
        each = &(*each)->next_kept;
    }
    return *each ? take_kept(*each) : nullptr;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/completion_feed.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `completion_feed` is a `completion_queue` without the type of its futures. An entry is outstanding until
// its future is done. Then it moves to the list of those that `next` takes.
class completion_feed {
public:
    completion_feed() = default;
    completion_feed(const completion_feed&) = delete;
    completion_feed& operator=(const completion_feed&) = delete;

    ~completion_feed() {
        if (futures_.is_inherited()) {
            return;  // nobody will tell the entries, and their futures may be locked for ever
        }
        outstanding_futures::lock_type lock = futures_.lock();
        while (entry* const each = first_outstanding()) {
            lock.unlock();
            const bool removed = each->state().remove_waiter(*each);
            lock.lock();
            if (removed) {
                note_done(*each);
            } else {
                // Another thread is telling the entry at the moment.
                futures_.wait_for_others(lock, [&] { return first_outstanding() != each; });
            }
        }
        lock.unlock();
        while (first_done_) {
            delete std::exchange(first_done_, first_done_->next_done_);
        }
    }

    // Adds a future, which `next` returns once for each time that it was added.
    void add(shared_state_base::handle future) {
        futures_.throw_if_inherited();
        throw_if_inherited(future.state());
        entry* const added = new entry(*this, std::move(future));
        {
            const outstanding_futures::lock_type lock = futures_.lock();
            futures_.add(*added, added->future_.state());
        }
        if (!added->state().add_waiter(*added)) {
            added->on_done(outcome::value);
        }
    }

    // Waits for the next future that is done, and removes it. Returns null if there is no future any more.
    [[nodiscard]] shared_state_base::handle next(const deadline& until) {
        futures_.throw_if_inherited();
        entry* taken = nullptr;
        {
            outstanding_futures::lock_type lock = futures_.lock();
            const auto ready = [this] { return first_done_ || !futures_.first(); };
            if (!ready() &&
                futures_.wait(lock, until, false, ready) == outstanding_futures::wait_end::timed_out) {
                throw_error<timeout_error>("no future of the queue was done within the timeout");
            }
            taken = first_done_;
            if (taken) {
                first_done_ = taken->next_done_;
            }
        }
        if (!taken) {
            return {};
        }
        shared_state_base::handle future = std::move(taken->future_);
        delete taken;
        return future;
    }

    [[nodiscard]] bool empty() const {
        futures_.throw_if_inherited();
        const outstanding_futures::lock_type lock = futures_.lock();
        return is_empty();
    }

private:
    class entry final : public thread_waiter, public outstanding_futures::entry {
    public:
        entry(completion_feed& feed, shared_state_base::handle future) noexcept
            : feed_(feed), future_(std::move(future)) {}

        void on_done(outcome) noexcept override {
            const outstanding_futures::lock_type lock = feed_.futures_.lock();
            feed_.note_done(*this);
        }

    private:
        friend class completion_feed;

        completion_feed& feed_;
        shared_state_base::handle future_;
        entry* next_done_ = nullptr;
    };

    // Requires: locked, here and below.
    [[nodiscard]] bool is_empty() const noexcept { return !first_done_ && !futures_.first(); }

    [[nodiscard]] entry* first_outstanding() const noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): all that were added are such
        return static_cast<entry*>(futures_.first());
    }

    void note_done(entry& done) noexcept {
        futures_.remove(done);
        (first_done_ ? last_done_->next_done_ : first_done_) = &done;
        last_done_ = &done;
        futures_.notify();  // all: if one thread takes the last, the others get nothing
    }

    outstanding_futures futures_;
    entry* first_done_ = nullptr;
    entry* last_done_ = nullptr;  // valid if there is a first
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/completion_queue.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// A `completion_queue` gives the futures that were added to it as they become done. It does what
/// `as_completed` does, but takes more futures while it runs: a task's result may lead to further tasks.
///
/// A future that is added several times is given as often. The queue holds no future that it has given. It is
/// neither copyable nor movable. If it is destroyed, it waits for nothing, and the futures that it still has
/// go on.
///
/// Thread-safety: any threads may call `add`, `next` and `empty` at once, even done callbacks. Only one
/// thread at a time may iterate.
///
/// \tparam T what the tasks return; or `any_future`, for futures of several types
///
/// \code
/// futures::completion_queue<int> numbers;
/// numbers.add(executor.submit([] { return 3; }));
/// int sum = 0;
/// for (auto future : numbers) {
///     const int number = future.result();
///     sum += number;
///     if (number != 0)
///         numbers.add(executor.submit([number] { return number - 1; }));
/// }
/// assert(sum == 6 && numbers.empty());
/// \endcode
template <class T>
class completion_queue {
    struct body;
    using handle = detail::handle_on<T>;

public:
    /// The queue gives futures of this type: `Future<T>`, or `any_future` if `T` is `any_future`.
    using value_type = handle;
    /// The increment of this input iterator waits for the next future that is done.
    using iterator = detail::pull_iterator<body>;

    /// Makes a queue without futures.
    completion_queue() = default;
    completion_queue(const completion_queue&) = delete;
    completion_queue& operator=(const completion_queue&) = delete;
    ~completion_queue() = default;

    /// Adds a future. If it is done already, it comes after those that the queue knows to be done.
    ///
    /// \throws invalid_state_error if the future is not `valid()`
    /// \throws broken_executor in the child of a fork, if the queue is the parent's, or if the future is the
    /// parent's and not done
    /// \throws std::bad_alloc if there is no memory; then nothing is added
    ///
    /// \code
    /// futures::completion_queue<futures::any_future> queue;
    /// queue.add(executor.submit([] { return 42; }));
    /// queue.add(executor.submit([] { return std::string("hello"); }));
    /// queue.next();
    /// assert(queue.next().done());
    /// \endcode
    void add(handle future) {
        static_cast<void>(detail::future_access::state(future));
        body_.feed.add(detail::future_access::release(std::move(future)));
    }

    /// Waits for the next future that is done, at most for `limit`, and returns it.
    ///
    /// On a worker of a pool, it runs on the spot what is queued in that pool, of the tasks and of what they
    /// depend on, as long as no future of the queue is done, no other worker is idle and none can be started.
    ///
    /// \throws invalid_state_error if no future is left, as nothing would end the wait; also if another
    /// thread takes the last one meanwhile. A thread that waits for others to add first must be told by them.
    /// \throws timeout_error if `limit` passed first
    /// \throws broken_executor in the child of a fork, if the queue is the parent's
    /// \throws std::bad_alloc if a worker has no memory to find out what the futures depend on
    ///
    /// \code
    /// futures::completion_queue<int> queue;
    /// queue.add(executor.submit([] { return 42; }));
    /// assert(queue.next().result() == 42);
    /// \endcode
    handle next(const timeout& limit = {}) {
        detail::shared_state_base::handle done = body_.feed.next(limit.start());
        if (!done) {
            detail::throw_error<invalid_state_error>(
                "the completion queue is empty: there is no next future");
        }
        return detail::future_access::adopt_as<handle>(std::move(done));
    }

    /// Returns whether the queue has given all futures that were added. Never blocks.
    ///
    /// \code
    /// assert(futures::completion_queue<int>().empty());
    /// \endcode
    [[nodiscard]] bool empty() const { return body_.feed.empty(); }

    /// Waits for the next future that is done, unless the queue is empty. The iteration ends when the queue
    /// is empty. Later, another one may begin.
    ///
    /// Dereferencing the iterator gives an rvalue: `for (auto future : queue)` takes the future over. `for
    /// (auto&& future : queue)` looks at it, and it stays where it is until the next increment.
    [[nodiscard]] iterator begin() {
        if (!body_.current.valid()) {
            body_.advance();
        }
        return iterator(body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    struct body {
        [[nodiscard]] bool at_end() const noexcept { return ended; }
        [[nodiscard]] handle&& get() noexcept { return std::move(current); }

        void advance() {
            current = handle();
            detail::shared_state_base::handle done = feed.next(detail::deadline());
            ended = !done;
            if (done) {
                current = detail::future_access::adopt_as<handle>(std::move(done));
            }
        }

        detail::completion_feed feed;
        handle current;  // not valid before the iteration, and where the loop has taken it over
        bool ended = false;
    };

    body body_;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/executor_reference.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class submitted_continuation;

// Refers to an executor of one's own, whose type is forgotten, or to none. Nothing keeps the executor.
struct executor_reference {
    void* executor = nullptr;
    // Submits the continuation to the executor. Returns a weak handle on the future of what was submitted, or
    // an empty one if that is not known. Throws what the executor throws.
    shared_state_base::weak_handle (*submit)(void* executor, submitted_continuation&& continuation) = nullptr;

    [[nodiscard]] explicit operator bool() const noexcept { return submit != nullptr; }
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/queued_state.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Which pool runs a task, or none. The pool may exist no more.
struct pool_identity {
    pool_identity() = default;
    explicit pool_identity(pool_base* pool) noexcept
        : address(pool),
          number(pool ? pool->number() : 0),
          is_of_this_library(!pool || pool->library() == pool_base::this_library()) {}

    pool_base* address = nullptr;
    std::uint32_t number = 0;        // see `pool_base::find`
    bool is_of_this_library = true;  // if not, another may have made it
};

// `queued_state` is a task as its queue sees it, and connects a pool with a future's state. Derived classes
// add the callable and its result.
class queued_state : public work_item, public cached_memory {
public:
    // `owner` is the pool that will run the task, or null if a `packaged_task` holds the task.
    explicit queued_state(pool_base* owner) noexcept : queued_state(pool_identity(owner)) {}
    explicit queued_state(const pool_identity& owner) noexcept : owner_(owner.address) {
        set_owner(owner.number, owner.is_of_this_library);
    }

    // Returns the process that the task's future depends on.
    [[nodiscard]] static std::uint32_t process_of(const pool_base* owner) noexcept {
        return owner ? owner->process() : forks::process();
    }

    // The pool calls these.

    CONCURRENT_FUTURES_FUNCTION bool execute(worker& self) noexcept override;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void cancel_waiting() noexcept override;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void fail_waiting(std::exception_ptr reason) noexcept override;

    void release() noexcept override { future().release_from_queue(); }

    [[nodiscard]] bool still_waits() noexcept override { return future().is_waiting(); }

    [[nodiscard]] bool submitter_may_wait() noexcept override { return future().has_handle(); }

    // Makes the task fail with `reason` if it still waits for other futures, and so is in no queue.
    void fail_unqueued(std::exception_ptr reason) noexcept;

    // Makes the task fail with `reason`, for what held it and is destroyed without having called it: a
    // `packaged_task`, or what an executor of one's own was to run. Its captures may hold the next such task,
    // and so on. Requires: no pool has the task.
    [[gnu::cold]] void fail_dropped(std::exception_ptr reason) noexcept;

    // Calls `push()`, which queues the task in `pool`. If that throws, the task fails with what it has
    // thrown. The task may be gone when this returns.
    template <class Push>
    void push_or_fail(pool_base& pool, Push push) noexcept {
        std::exception_ptr failure;
        try {
            push();
            return;
        } catch (...) {
            failure = std::current_exception();
        }
        fail_waiting(std::move(failure));
        pool.replace_stale_item();
    }

    // Which pool runs the task or has run it.
    [[nodiscard]] pool_identity owner_identity() const noexcept {
        pool_identity identity;
        identity.address = owner_;
        identity.number = owner_number();
        identity.is_of_this_library = has_owner_of(pool_base::this_library());
        return identity;
    }

    // Returns a reference to that pool if another shared library may have made it, and it is sure to exist.
    // If this library hasn't met one of that one's pools yet, `find_owner` wouldn't find it.
    [[nodiscard]] shared_pool<pool_base> keep_owner_of_another_library() noexcept {
        if (has_owner_of(pool_base::this_library())) {
            return {};
        }
        shared_state_base& its_future = future();
        return its_future.unless_done([&] {
            const bool exists = its_future.is_unqueued() ? keeps_owner() : !its_future.was_not_queued();
            return exists ? shared_pool(*owner_) : shared_pool<pool_base>();
        });
    }

    // Returns the worker of the calling thread, of whatever pool, as far as this library can know.
    [[nodiscard]] worker* any_worker_here() noexcept {
        worker* const self = worker::current();
        return self || has_owner_of_own_library() ? self : ask_for_worker_here();
    }

    // Returns that pool, or null if it exists no more. Unless this thread is one of its workers, which have a
    // reference to it, `kept` gets one.
    [[nodiscard]] pool_base* find_owner(shared_pool<pool_base>& kept) const noexcept {
        const worker* const self = worker::of_this_library();
        if (self && &self->pool() == owner_ && owner_->number() == owner_number()) {
            return owner_;
        }
        kept = pool_base::find(owner_, owner_number());
        return kept.get();
    }

    // Returns a reference to the pool if this thread is none of its workers, which have one. Requires: the
    // pool exists now.
    [[nodiscard]] shared_pool<pool_base> keep_owner() const noexcept {
        return owner_ && !owner_->worker_here() ? shared_pool(*owner_) : shared_pool<pool_base>();
    }

    [[nodiscard]] bool has_owner() const noexcept { return owner_ != nullptr; }

    // Returns the executor of one's own that runs the task or has run it, if the library knows that. The
    // caller makes sure that the executor still exists.
    [[nodiscard]] virtual executor_reference own_executor() const noexcept { return {}; }

    // Runs the task, unless the future was cancelled, for the `packaged_task` that holds it.
    void run_packaged() noexcept;

protected:
    ~queued_state() = default;

    [[nodiscard]] virtual shared_state_base& future() noexcept = 0;
    // Calls the callable, stores its result or exception, and destroys the captures, unless the result may
    // refer to them.
    virtual void call() noexcept = 0;
    // Destroys the captures.
    virtual void discard() noexcept = 0;
    // Whether the pool exists as long as the task waits for others.
    [[nodiscard]] virtual bool keeps_owner() const noexcept { return false; }

    // Returns the pool that has the task, or null. The pool exists as long as the task isn't done.
    [[nodiscard]] pool_base* owner() const noexcept { return owner_; }

    // Counts the item as stale until `note_stale_item_gone`. Its queue will skip it, or it has left the
    // queue.
    void note_stale() noexcept {
        if (owner_) {
            owner_->note_stale_item();
        }
    }

    // Returns the worker of the calling thread if the worker's pool has the task, else null.
    [[nodiscard, gnu::always_inline]] worker* worker_here(shared_state_base& future) noexcept {
        if (has_owner_of_own_library()) {
            worker* const self = worker::of_this_library();
            return self && &self->pool() == owner_ ? self : nullptr;
        }
        // The pool exists from when the task was queued until it is done.
        return future.unless_done([&] { return future.was_not_queued() ? nullptr : owner_->worker_here(); });
    }

    // These do what the virtual functions of `future` do that have the same names.
    [[nodiscard]] helper* helper_here(shared_state_base& future) noexcept;
    bool help(shared_state_base& future, helper& self, shared_state_base::weak_handle* given_up) noexcept;
    [[nodiscard]] shared_state_base::help_result help(shared_state_base& future,
                                                      shared_state_base::weak_handle* given_up) noexcept;
    [[nodiscard]] bool may_help(shared_state_base& future) noexcept;
    void have_sleepers_look_again(shared_state_base& future) noexcept;
    [[nodiscard]] bool runs_here(shared_state_base& future) noexcept;

    // Whether this thread is in the middle of running the task, which its worker's pool doesn't have.
    // Requires: the task is not done.
    [[nodiscard]] bool runs_here_for_others() const noexcept {
        const worker* const self = worker::current();
        return self && self->runs(*this);
    }

    // Does what `help` does if this thread's worker has another pool than the task, or if there is none.
    [[nodiscard]] shared_state_base::help_result help_elsewhere() const noexcept {
        return runs_here_for_others() ? shared_state_base::help_result::waits_for_self
                                      : shared_state_base::help_result::none;
    }

    // Does the part of `help` that is about a task which runs. Requires: `self` is the calling thread's
    // worker, whose pool has the task.
    [[nodiscard]] shared_state_base::help_result help_runner(
        shared_state_base& future, worker& self, shared_state_base::weak_handle* given_up) noexcept {
        if (self.runs(*this)) {
            return shared_state_base::help_result::waits_for_self;
        }
        const bool ran = self.run_descendant(
            *this, [&future] { return !future.done(); },
            [given_up] {
                if (given_up) {
                    given_up->reset();
                }
            });
        return ran ? shared_state_base::help_result::helped : shared_state_base::help_result::none;
    }

    // Returns what a worker waits for that keeps the task from ending, at `place`; see
    // `shared_state_base::dependency`. Requires: the task doesn't wait for others.
    [[nodiscard]] shared_state_base::weak_handle obstacle(shared_state_base& future,
                                                          dependency_place& place) noexcept;

    // Runs the task; returns false if it is no longer queued. Requires: `future` is its state, and `self` is
    // the calling thread's worker, whose pool has the task. `given_up` is a handle that is removed before the
    // task runs, or null.
    [[gnu::always_inline]] bool run_here(shared_state_base& future, worker& self,
                                         shared_state_base::weak_handle* given_up) noexcept {
        const bool taken = self.take_back(*this);  // if so, this thread clears `in_queue`
        if (!future.claim_to_help(taken, given_up)) {
            if (taken) {
                future.release_from_queue();
                owner_->replace_stale_item();
            }
            return false;
        }
        if (!taken) {
            note_stale();
        }
        run(self);
        future.complete_without_handle();
        return true;
    }

private:
    // For what holds the task: claims it, or, if another thread was faster, releases it.
    [[nodiscard]] static bool claim_for_queue(shared_state_base& future) noexcept {
        const bool claimed = future.claim();
        if (!claimed) {
            future.release_from_queue();
        }
        return claimed;
    }

    [[nodiscard, gnu::cold]] worker* ask_for_worker_here() noexcept;

    void for_each_obstacle(shared_state_base& future, dependency_walk::obstacle_search& visit) noexcept {
        future.with_lock([&] {
            if (future.done() || future.is_unqueued()) {
                return;
            }
            if (!future.is_waiting()) {
                // The worker exists as long as it runs the task; that can't end meanwhile, nor leave the
                // worker.
                if (local_queue* const runner = local_queue::queue_of_runner(*this, true)) {
                    runner->for_wait_of_owner(visit);
                }
            } else if (owner_) {
                owner_->for_each_obstacle(visit);  // the pool exists as long as the task isn't done
            }
        });
    }

    // Requires: the caller has claimed the task, and no queue has it any more.
    void fail_with(std::exception_ptr reason) noexcept;

    void run(worker& self) noexcept {
        const worker::running mark(self, *this);
        call();
    }

    // Whether it is known that `library` made the pool, see `pool_base::library`. Virtual, so that the code
    // of the library answers which made the task.
    [[nodiscard]] virtual bool has_owner_of(std::uint32_t library) const noexcept {
        return has_owner_of_own_library() && library == pool_base::this_library();
    }

    pool_base* const owner_;
};

// `task_state` adds the state of the task's future.
template <class T>
class task_state : public queued_state, public shared_state<T> {
public:
    [[gnu::always_inline]] explicit task_state(pool_base* owner) noexcept
        : queued_state(owner), shared_state<T>(process_of(owner)) {}
    explicit task_state(const pool_identity& owner) noexcept
        : queued_state(owner), shared_state<T>(forks::process()) {}

    [[nodiscard]] shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept final {
        return queued_state::help(*this, given_up);
    }
    [[nodiscard]] bool may_help() noexcept final { return queued_state::may_help(*this); }
    [[nodiscard]] helper* helper_here() noexcept final { return queued_state::helper_here(*this); }
    bool help(helper& self, shared_state_base::weak_handle* given_up) noexcept final {
        return queued_state::help(*this, self, given_up);
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return any_worker_here(); }
    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        return obstacle(*this, place);
    }
    void have_sleepers_look_again() noexcept final { queued_state::have_sleepers_look_again(*this); }
    [[nodiscard]] queued_state* as_task() noexcept final { return this; }
    [[nodiscard]] bool runs_here() noexcept final { return queued_state::runs_here(*this); }

protected:
    ~task_state() override = default;

private:
    [[nodiscard]] shared_state_base& future() noexcept final { return *this; }
    void discard() noexcept final { this->discard_captures(); }
    void note_stale_in_queue() noexcept final { note_stale(); }
};

#if defined(CONCURRENT_FUTURES_DEFINES)

bool queued_state::execute(worker& self) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return false;
    }
    self.note_busy();
    run(self);
    if (its_future.has_handle()) {
        self.note_nearly_idle();
    }
    if (its_future.complete_taken([&self] { self.note_busy(); })) {
        self.note_busy();
        its_future.destroy_without_handle();
    }
    return true;
}

void queued_state::cancel_waiting() noexcept {
    shared_state_base& its_future = future();
    its_future.cancel();
    its_future.release_from_queue();
}

void queued_state::fail_waiting(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    note_stale();
    fail_with(std::move(reason));
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_unqueued(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!its_future.claim_unqueued()) {
        its_future.release_from_queue();
        return;
    }
    fail_with(std::move(reason));
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_dropped(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    trampoline::call([this, kept = std::move(reason)]() mutable noexcept { fail_with(std::move(kept)); });
}

CONCURRENT_FUTURES_FUNCTION void queued_state::run_packaged() noexcept {
    shared_state_base& its_future = future();
    if (!claim_for_queue(its_future)) {
        return;
    }
    worker::note_running_elsewhere(*this);
    call();
    if (its_future.complete_taken([] {})) {
        its_future.destroy_without_handle();
    }
}

CONCURRENT_FUTURES_FUNCTION helper* queued_state::helper_here(shared_state_base& future) noexcept {
    return future.is_unqueued() ? nullptr : worker_here(future);
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::help(shared_state_base& future, helper& self,
                                                    shared_state_base::weak_handle* given_up) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every helper is a worker
    return run_here(future, static_cast<worker&>(self), given_up);
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::runs_here(shared_state_base& future) noexcept {
    const worker* const self = worker_here(future);
    return (self ? self->runs(*this) : runs_here_for_others()) && !future.done();
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result queued_state::help(
    shared_state_base& future, shared_state_base::weak_handle* given_up) noexcept {
    if (future.is_unqueued()) {
        return shared_state_base::help_result::waits_for_others;
    }
    worker* const self = worker_here(future);
    if (!self) {
        return help_elsewhere();
    }
    if (run_here(future, *self, given_up)) {
        return shared_state_base::help_result::helped;
    }
    return help_runner(future, *self, given_up);
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle queued_state::obstacle(
    shared_state_base& future, dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    for_each_obstacle(future, search);
    return search.take();
}

CONCURRENT_FUTURES_FUNCTION void queued_state::have_sleepers_look_again(shared_state_base& future) noexcept {
    if (!future.is_waiting() || !owner_) {
        return;
    }
    future.with_lock([&] {
        if (future.is_waiting() && !future.is_unqueued()) {
            // The pool exists as long as the task isn't done.
            owner_->blocked_waits().have_all_look_again();
        }
    });
}

CONCURRENT_FUTURES_FUNCTION bool queued_state::may_help(shared_state_base& future) noexcept {
    return worker_here(future) && worker::seems_to_have_descendants(*this);
}

CONCURRENT_FUTURES_FUNCTION worker* queued_state::ask_for_worker_here() noexcept {
    if (const shared_pool<pool_base> owner = keep_owner_of_another_library()) {
        owner->meet();
    }
    return worker::current();
}

CONCURRENT_FUTURES_FUNCTION void queued_state::fail_with(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    discard();
    its_future.set_exception(std::move(reason));
    if (its_future.complete_taken([] {})) {
        its_future.destroy_without_handle();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/takes_stop_token.hpp

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

#if defined(__cpp_lib_jthread)

template <class... Each>
struct parameters {};

template <class Parameters>
inline constexpr bool begin_with_stop_token = false;
template <class First, class... Others>
inline constexpr bool begin_with_stop_token<parameters<First, Others...>> =
    std::is_same_v<std::remove_cvref_t<First>, std::stop_token>;

template <class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of(Result (*)(Each...) noexcept(no_throw));

template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) & noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const& noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) && noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const&& noexcept(no_throw));

// `signature` finds the parameters of a callable that has one signature: a function pointer, or a class with
// one `operator()` that is no template.
template <class Fn>
struct signature {};
template <class Fn>
    requires requires(Fn fn) { detail::parameters_of(fn); }
struct signature<Fn> {
    using type = decltype(detail::parameters_of(std::declval<Fn>()));
};
template <class Fn>
    requires requires { detail::parameters_of_call(&Fn::operator()); }
struct signature<Fn> {
    using type = decltype(detail::parameters_of_call(&Fn::operator()));
};
template <class Fn>
struct signature<std::reference_wrapper<Fn>> : signature<std::decay_t<Fn>> {};

// Says whether `Fn` is a specialization of a class template, such as what `std::bind_front` returns.
template <class Fn>
inline constexpr bool is_specialization = false;
template <template <class...> class Template, class... Arguments>
inline constexpr bool is_specialization<Template<Arguments...>> = true;

// Only a parameter that takes anything can be made from this.
struct unrelated {};

// A `std::stop_token` can be made from this; a class that is itself made from a `std::stop_token` can't.
struct makes_stop_token {
    operator std::stop_token() const noexcept;
};

// An argument in braces has no type, so no template parameter can be deduced from it. The call of a generic
// callable is then invalid, and nothing compiles its body with `First` in place of `auto`.
template <class Fn, class First, class... Args>
concept callable_with_braced =
    requires { std::declval<Fn>()({std::declval<First>()}, std::declval<Args>()...); };

template <class Fn, class... Args>
concept names_stop_token =
    callable_with_braced<Fn, std::stop_token, Args...> && !callable_with_braced<Fn, unrelated, Args...> &&
    std::is_invocable_v<Fn, makes_stop_token, Args...>;

// A wrapper of a callable, such as what `std::bind_front` returns, forwards arguments of any type, and says
// of each whether the callable takes it.
template <class Fn, class... Args>
concept forwards_stop_token =
    is_specialization<Fn> && std::is_invocable_v<Fn, std::stop_token, Args...> &&
    std::is_invocable_v<Fn, makes_stop_token, Args...> && !std::is_invocable_v<Fn, unrelated, Args...>;

// Says whether `Fn` is called with a `std::stop_token` before `Args`: its first parameter must be one, by
// name.
//
// If `Fn` has one signature, the signature decides. If `Fn` has several, or a template, it is called with the
// arguments as they are if that is possible. That is tried first, as it may compile the body of a generic
// callable.
template <class Fn, class... Args>
constexpr bool is_called_with_stop_token() {
    if constexpr (requires { typename signature<Fn>::type; }) {
        return begin_with_stop_token<typename signature<Fn>::type> &&
               std::is_invocable_v<Fn, std::stop_token, Args...>;
    } else if constexpr (!std::is_invocable_v<Fn, Args...>) {
        if constexpr (names_stop_token<Fn, Args...> || forwards_stop_token<Fn, Args...>) {
            return std::is_invocable_v<Fn, std::stop_token, Args...>;
        }
    }
    return false;
}

template <class Fn, class... Args>
concept takes_stop_token = is_called_with_stop_token<Fn, Args...>();

#else

template <class Fn, class... Args>
concept takes_stop_token = false;

#endif

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/value_pack.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// One value of a `value_pack`. The index tells apart values of the same type.
template <std::size_t index, class T>
struct packed_value {
    template <class From>
    explicit packed_value(std::in_place_t, From&& from) : value(std::forward<From>(from)) {}

    [[no_unique_address]] T value;
};

template <std::size_t index, class T>
[[nodiscard]] T& value_at(packed_value<index, T>& pack) noexcept {
    return pack.value;
}
template <std::size_t index, class T>
[[nodiscard]] const T& value_at(const packed_value<index, T>& pack) noexcept {
    return pack.value;
}

template <class Indices, class... Ts>
class value_pack_of;
template <std::size_t... index, class... Ts>
class value_pack_of<std::index_sequence<index...>, Ts...> : public packed_value<index, Ts>... {
public:
    template <class... Froms>
    explicit value_pack_of(std::in_place_t, Froms&&... from)
        : packed_value<index, Ts>(std::in_place, std::forward<Froms>(from))... {}

    // Returns `fn(values...)`.
    template <class Fn>
    decltype(auto) pass_to(Fn&& fn) {
        return std::forward<Fn>(fn)(detail::value_at<index>(*this)...);
    }
};

// A `value_pack` holds one value of each type, like a `std::tuple`. Each task has another type of pack, and a
// tuple's many constructors and `std::apply` would make a fifth of the time to compile a program with many
// tasks.
template <class... Ts>
using value_pack = value_pack_of<std::index_sequence_for<Ts...>, Ts...>;

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/task.hpp

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A task keeps its result as this type. An rvalue reference may refer to something that ends with the task,
// such as a member of an argument, so the task keeps the value itself.
template <class Result>
using kept_result_t =
    std::conditional_t<std::is_rvalue_reference_v<Result>, std::remove_cvref_t<Result>, Result>;

template <class... Each>
concept can_be_kept = (std::constructible_from<std::decay_t<Each>, Each> && ...);

template <class Fn, class... Args>
concept submittable = std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...> ||
                      takes_stop_token<std::decay_t<Fn>, std::decay_t<Args>...>;

template <class Fn, class... Args>
struct task_result {
    using type = kept_result_t<std::invoke_result_t<Fn, Args...>>;
};
#if defined(__cpp_lib_jthread)
template <class Fn, class... Args>
    requires takes_stop_token<Fn, Args...>
struct task_result<Fn, Args...> {
    using type = kept_result_t<std::invoke_result_t<Fn, std::stop_token, Args...>>;
};
#endif

// A task that can't be told to stop has this in place of a stop source.
struct no_stop_source {
    static constexpr bool request_stop() noexcept { return false; }
};

template <bool takes_one>
struct stop_source_for {
    using type = no_stop_source;
};
#if defined(__cpp_lib_jthread)
template <>
struct stop_source_for<true> {
    using type = stoppable;
};
#endif

// Says whether a callable passes every failure on by itself, so that its task's own future needn't tell of
// it.
template <class Fn>
concept passes_failures_on = requires { typename Fn::passes_failures_on; };

// Says whether a result of type `T` may refer to the captures, as what `&user::name` returns of a copied user
// does. Then the captures are destroyed with the result.
template <class T>
inline constexpr bool refers_to_captures = std::is_lvalue_reference_v<T>;

// A `task_of` holds a callable with its arguments, calls it once, and holds the result. `Base` is a
// `task_state`, or derives from one.
template <class Base, class Fn, class... Args>
class task_of final : public Base {
    using result_type = typename task_result<Fn, Args...>::type;
    using base = Base;

public:
    // `owner` is null if no pool has the task; it is for the base.
    template <class Owner, class OtherFn, class... OtherArgs>
    explicit task_of(Owner&& owner, OtherFn&& fn, OtherArgs&&... args)
        : base(std::forward<Owner>(owner)),
          captures_(std::in_place, std::forward<OtherFn>(fn), std::forward<OtherArgs>(args)...) {
        if constexpr (passes_failures_on<Fn>) {
            this->mark_exception_as_looked_at();
        }
    }

    bool signal_stop() noexcept override {
        return this->state() == future_state::running && stop_source_.request_stop();
    }

    // What passes its failures on goes on with something that began elsewhere.
    [[nodiscard]] bool submitter_may_wait() noexcept override {
        return !passes_failures_on<Fn> && base::submitter_may_wait();
    }

private:
    using stop_source = typename stop_source_for<takes_stop_token<Fn, Args...>>::type;

    ~task_of() override {
        if (this->is_waiting()) {  // the task could not be queued
            discard_captures();
        } else if constexpr (refers_to_captures<result_type>) {
            if (this->has_result()) {
                discard_captures();
            }
        }
    }

    void call() noexcept override {
        try {
            this->result().emplace_from([this]() -> result_type {
                return captures_.pass_to(
                    [this](Fn& fn, Args&... args) -> result_type { return call(fn, args...); });
            });
            if constexpr (refers_to_captures<result_type>) {
                return;
            }
        } catch (...) {
            this->set_exception(std::current_exception());
        }
        discard_captures();
    }

    result_type call(Fn& fn, Args&... args) {
#if defined(__cpp_lib_jthread)
        if constexpr (std::is_same_v<stop_source, stoppable>) {
            const listed_stoppable listed(this->owner(), stop_source_);
            return std::invoke(std::move(fn), stop_source_.token(), std::move(args)...);
        } else
#endif
        {
            return std::invoke(std::move(fn), std::move(args)...);
        }
    }

    void discard_captures() noexcept override { std::destroy_at(std::addressof(captures_)); }

    void discard_result() noexcept override {
        base::discard_result();
        if constexpr (refers_to_captures<result_type>) {
            discard_captures();
        }
    }

    void dispose() noexcept override {
        if constexpr (refers_to_captures<result_type>) {
            this->dispose_at_any_depth();
        } else {
            base::dispose();
        }
    }

    // Declared before the captures: if its constructor threw, nothing would destroy them.
    [[no_unique_address]] stop_source stop_source_;
    union {
        value_pack<Fn, Args...> captures_;  // until run or cancelled, or until the result is gone
    };
};

template <class Fn, class... Args>
using task = task_of<task_state<typename task_result<Fn, Args...>::type>, Fn, Args...>;

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/chunk_results.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `chunk_results` holds the results of the elements of one `map` task, up to the first exception. It is made
// in place as the task's result; an executor that sets promises moves it. One result, the usual number, needs
// no allocation.
template <class R>
class chunk_results {
public:
    // Calls `result_of` for each index below `count`, in order.
    template <class ResultOf>
    chunk_results(std::size_t count, ResultOf result_of) : capacity_(count) {
        try {
            results_ = count == 1 || std::is_void_v<R> ? std::addressof(single_) : allocate(count);
            for (; size_ != count; ++size_) {
                result_at(size_).emplace_from([&]() -> R { return result_of(size_); });
            }
        } catch (...) {
            exception_ = std::current_exception();
        }
    }

    chunk_results(chunk_results&& other) noexcept(!std::is_object_v<R> ||
                                                  std::is_nothrow_move_constructible_v<R>)
        requires(!std::is_object_v<R> || std::is_move_constructible_v<R>)
        : capacity_(other.capacity_) {
        if (other.results_ == std::addressof(other.single_)) {
            results_ = std::addressof(single_);
            for (; size_ != other.size_; ++size_) {
                result_at(size_).emplace_from([&]() -> R { return static_cast<R>(other[size_]); });
            }
        } else {
            results_ = std::exchange(other.results_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        exception_ = std::exchange(other.exception_, nullptr);
    }
    chunk_results(const chunk_results&) = delete;
    chunk_results& operator=(chunk_results&&) = delete;

    ~chunk_results() {
        for (std::size_t index = 0; index != size_; ++index) {
            result_at(index).destroy();
        }
        if (results_ && results_ != std::addressof(single_)) {
            std::allocator<result_storage<R>>().deallocate(results_, capacity_);
        }
        if (exception_) {
            log("exception was never retrieved", exception_);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Returns the exception behind the results, or null. The caller has then looked at the exception.
    [[nodiscard]] std::exception_ptr take_exception() noexcept { return std::exchange(exception_, nullptr); }

    [[nodiscard]] decltype(auto) operator[](std::size_t index) noexcept {
        if constexpr (std::is_void_v<R>) {
            return std::monostate();
        } else if constexpr (std::is_reference_v<R>) {
            return result_at(index).get();
        } else {
            return std::move(result_at(index).get());
        }
    }

private:
    static result_storage<R>* allocate(std::size_t count) {
        result_storage<R>* const results = std::allocator<result_storage<R>>().allocate(count);
        for (std::size_t index = 0; index != count; ++index) {
            std::construct_at(results + index);
        }
        return results;
    }

    result_storage<R>& result_at(std::size_t index) noexcept {
        return results_[std::is_void_v<R> ? 0 : index];
    }

    const std::size_t capacity_;
    std::size_t size_ = 0;
    result_storage<R> single_;
    result_storage<R>* results_ = nullptr;
    std::exception_ptr exception_;
};

// A result may refer to an element that its task has read.
template <class R>
inline constexpr bool refers_to_captures<chunk_results<R>> = std::is_lvalue_reference_v<R>;

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/map_input.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `map` keeps a range as this type: decay-copied, as arguments of a task are. A view or a
// `std::reference_wrapper` still refers. The copy of an array or an initializer list would refer too, so
// these become containers.
template <class Range>
struct kept_range {
    using type = std::decay_t<Range>;
    static type keep(Range&& range) { return std::forward<Range>(range); }
};
template <class T, std::size_t size>
struct kept_range<T (&)[size]> {
    using type = std::array<std::remove_cv_t<T>, size>;
    static type keep(T (&range)[size]) { return std::to_array(range); }
};
template <class T, std::size_t size>
struct kept_range<T[size]> {
    using type = std::array<std::remove_cv_t<T>, size>;
    static type keep(T (&&range)[size]) { return std::to_array(std::move(range)); }
};
template <class T>
struct kept_initializer_list {
    using type = std::vector<T>;
    static type keep(std::initializer_list<T> range) { return range; }
};
template <class T>
struct kept_range<std::initializer_list<T>> : kept_initializer_list<T> {};
template <class T>
struct kept_range<std::initializer_list<T>&> : kept_initializer_list<T> {};
template <class T>
struct kept_range<const std::initializer_list<T>&> : kept_initializer_list<T> {};

template <class Range>
Range& unwrapped(Range& range) noexcept {
    return range;
}
template <class Range>
Range& unwrapped(std::reference_wrapper<Range>& range) noexcept {
    return range.get();
}

// `map` iterates this range for an argument of type `Range`.
template <class Range>
using mapped_range =
    std::remove_reference_t<decltype(detail::unwrapped(std::declval<typename kept_range<Range>::type&>()))>;

// `map_element` is one element that a task will need. It holds the position if the range keeps the element,
// else the element itself.
template <class Range>
class map_element {
public:
    explicit map_element(const std::ranges::iterator_t<Range>& position) : value_(*position) {}

    decltype(auto) operator()() {
        if constexpr (std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>) {
            return static_cast<std::ranges::range_value_t<Range>&>(value_);
        } else {
            return static_cast<std::ranges::range_value_t<Range>&&>(value_);
        }
    }

private:
    std::ranges::range_value_t<Range> value_;
};
template <std::ranges::forward_range Range>
class map_element<Range> {
public:
    explicit map_element(const std::ranges::iterator_t<Range>& position) : position_(position) {}

    decltype(auto) operator()() { return *position_; }

private:
    std::ranges::iterator_t<Range> position_;
};

template <class Range>
using map_argument = decltype(std::declval<map_element<Range>&>()());

// Returns a range's size, or the greatest number if that is greater.
template <std::ranges::sized_range Range>
std::size_t saturated_size(Range& range) {
    const auto counted = std::ranges::size(range);
    const auto size = static_cast<std::size_t>(counted);
    return static_cast<decltype(std::ranges::size(range))>(size) == counted
               ? size
               : (std::numeric_limits<std::size_t>::max)();
}

// Returns the quotient, rounded up.
constexpr std::size_t divide_rounding_up(std::size_t whole, std::size_t part) noexcept {
    return whole / part + (whole % part != 0 ? 1 : 0);
}

// Returns the number of elements that gives each worker about four chunks.
inline std::size_t auto_chunksize(std::size_t size, std::size_t max_workers) noexcept {
    // Divide twice, as the product of both divisors need not fit into a `std::size_t`.
    const std::size_t chunksize = divide_rounding_up(divide_rounding_up(size, max_workers), 4);
    return chunksize != 0 ? chunksize : 1;
}

// `map_input` is what the tasks of a map share: the function and the ranges.
template <class Fn, class... Ranges>
struct map_input {
    template <class OtherFn, class... OtherRanges>
    explicit map_input(OtherFn&& other_fn, OtherRanges&&... other_ranges)
        : fn(std::forward<OtherFn>(other_fn)),
          ranges(std::in_place, kept_range<OtherRanges>::keep(std::forward<OtherRanges>(other_ranges))...) {}

    Fn fn;
    value_pack<Ranges...> ranges;
};

// `map_cutter` cuts ranges, side by side, into chunks. A chunk is a callable that calls the function for some
// consecutive elements.
//
// If all are forward ranges, a chunk holds its position in each, and its length, and the task iterates. The
// elements of an input-only range don't stay, so the cutter reads them when it makes the chunk.
template <class Result, class Input, class... Ranges>
class map_cutter {
public:
    explicit map_cutter(std::shared_ptr<Input> input)
        : input_(std::move(input)),
          positions_(input_->ranges.pass_to([](auto&... ranges) {
              return value_pack<std::ranges::iterator_t<Ranges>...>(
                  std::in_place, std::ranges::begin(detail::unwrapped(ranges))...);
          })),
          ends_(input_->ranges.pass_to([](auto&... ranges) {
              return value_pack<std::ranges::sentinel_t<Ranges>...>(
                  std::in_place, std::ranges::end(detail::unwrapped(ranges))...);
          })) {}

    // Returns the number of elements if some range knows its own size.
    [[nodiscard]] std::optional<std::size_t> size() const {
        std::optional<std::size_t> smallest;
        const auto note = [&](auto& range) {
            if constexpr (std::ranges::sized_range<decltype(range)>) {
                const std::size_t size = saturated_size(range);
                if (!smallest || size < *smallest) {
                    smallest = size;
                }
            }
        };
        input_->ranges.pass_to([&](auto&... ranges) { (note(detail::unwrapped(ranges)), ...); });
        return smallest;
    }

    // Returns whether there is another element. Moves on only now, as reading input may block.
    [[nodiscard]] bool more() {
        if (at_used_element_) {
            increment(positions_);
            at_used_element_ = false;
        }
        return !at_end(std::index_sequence_for<Ranges...>());
    }

    // Returns a chunk of the next `limit` elements at most, and one at least. Requires: `more()`.
    [[nodiscard]] auto cut(std::size_t limit) {
        if constexpr ((std::ranges::forward_range<Ranges> && ...)) {
            // Copy before `skip` moves on.
            auto begin = positions_;
            const std::size_t count = skip(limit);
            return [input = input_, positions = std::move(begin), count]() mutable {
                return chunk_results<Result>(count, [&](std::size_t index) -> Result {
                    if (index != 0) {
                        increment(positions);
                    }
                    return positions.pass_to(
                        [&](auto&... each) -> Result { return std::invoke(input->fn, *each...); });
                });
            };
        } else {
            std::vector<value_pack<map_element<Ranges>...>> elements;
            do {
                positions_.pass_to(
                    [&](auto&... positions) { elements.emplace_back(std::in_place, positions...); });
                at_used_element_ = true;
            } while (elements.size() != limit && more());
            return [input = input_, taken = std::move(elements)]() mutable {
                return chunk_results<Result>(taken.size(), [&](std::size_t index) -> Result {
                    return taken[index].pass_to(
                        [&](auto&... each) -> Result { return std::invoke(input->fn, each()...); });
                });
            };
        }
    }

private:
    static void increment(value_pack<std::ranges::iterator_t<Ranges>...>& positions) {
        positions.pass_to([](auto&... each) { (static_cast<void>(++each), ...); });
    }

    template <std::size_t... index>
    [[nodiscard]] bool at_end(std::index_sequence<index...>) const {
        return ((detail::value_at<index>(positions_) == detail::value_at<index>(ends_)) || ...);
    }

    // Moves on by `limit` elements or to the end, and returns by how many.
    std::size_t skip(std::size_t limit) {
        if constexpr ((std::ranges::random_access_range<Ranges> && ...)) {
            return skip_at_once(limit, std::index_sequence_for<Ranges...>());
        } else {
            std::size_t count = 0;
            do {
                at_used_element_ = true;
                ++count;
            } while (count != limit && more());
            return count;
        }
    }

    template <std::size_t... index>
    std::size_t skip_at_once(std::size_t limit, std::index_sequence<index...>) {
        std::size_t count = limit;
        const auto note = [&](auto position, const auto& end) {
            using difference = std::iter_difference_t<decltype(position)>;
            constexpr auto most = static_cast<std::size_t>((std::numeric_limits<difference>::max)());
            count = count < most ? count : most;
            count -=
                static_cast<std::size_t>(std::ranges::advance(position, static_cast<difference>(count), end));
        };
        (note(detail::value_at<index>(positions_), detail::value_at<index>(ends_)), ...);
        (static_cast<void>(detail::value_at<index>(positions_) +=
                           static_cast<std::iter_difference_t<std::ranges::iterator_t<Ranges>>>(count)),
         ...);
        return count;
    }

    std::shared_ptr<Input> input_;
    value_pack<std::ranges::iterator_t<Ranges>...> positions_;
    value_pack<std::ranges::sentinel_t<Ranges>...> ends_;
    bool at_used_element_ = false;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/loop.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How a loop's range is cut. Several threads take chunks of the range, in its order, until none is left.
struct chunk_sizes {
    std::size_t chosen;  // by the user; 0 if the loop chooses
    std::size_t max_workers;

    [[nodiscard]] std::size_t of(std::size_t range_size) const {
        return chosen != 0 ? chosen : auto_chunksize(range_size, max_workers);
    }
};

// `chunk_source` gives out the chunks of a range. Any thread may call `next`. It returns false at the end;
// else `taken` is the next chunk. `taken.number` is set even if it throws. A chunk can be visited once, and
// has one element at least: `visit_first` calls `visit` with the first element, and `visit_rest` with each
// further one. `has_more` is a hint, whether `next` would find a chunk; any thread may call it.
//
// An input range is read under the lock, as its elements don't stay.
template <class Range>
class chunk_source {
    using element = map_element<Range>;

public:
    struct chunk {
        std::size_t number = 0;
        std::vector<element> elements;

        template <class Visit>
        void visit_first(Visit visit) {
            visit(elements.front()());
        }
        template <class Visit>
        void visit_rest(Visit visit) {
            for (std::size_t index = 1; index != elements.size(); ++index) {
                visit(elements[index]());
            }
        }
    };

    chunk_source(Range& range, const chunk_sizes& sizes)
        : chunksize_(sizes.chosen != 0 ? sizes.chosen : 1),
          position_(std::ranges::begin(range)),
          end_(std::ranges::end(range)) {}

    [[nodiscard]] static constexpr std::size_t most_chunks() noexcept {
        return (std::numeric_limits<std::size_t>::max)();
    }

    [[nodiscard]] bool next(chunk& taken) {
        const std::lock_guard lock(mutex_);
        taken.number = number_;
        taken.elements.clear();
        // If the range throws, it is not read again.
        if (std::exchange(is_at_end_, true)) {
            return false;
        }
        while (taken.elements.size() != chunksize_) {
            if (std::exchange(at_used_element_, false)) {  // moves on only now, as reading input may block
                ++position_;
            }
            if (position_ == end_) {
                break;
            }
            taken.elements.emplace_back(position_);
            at_used_element_ = true;
        }
        is_at_end_ = taken.elements.size() != chunksize_;
        number_ += taken.elements.empty() ? 0 : 1;
        return !taken.elements.empty();
    }

    [[nodiscard]] bool has_more() noexcept {
        const std::lock_guard lock(mutex_);
        return !is_at_end_;
    }

private:
    const std::size_t chunksize_;

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::ranges::iterator_t<Range> position_;
    std::ranges::sentinel_t<Range> end_;
    bool at_used_element_ = false;
    bool is_at_end_ = false;
    std::size_t number_ = 0;
};

// The chunk of a forward range.
template <class Iterator>
struct forward_chunk {
    std::size_t number = 0;
    Iterator position = {};
    std::size_t left = 0;

    template <class Visit>
    void visit_first(Visit visit) {
        visit(*position);
        if (--left != 0) {
            ++position;
        }
    }
    template <class Visit>
    void visit_rest(Visit visit) {
        if (left != 0) {
            for (;;) {
                visit(*position);
                if (--left == 0) {
                    return;
                }
                ++position;
            }
        }
    }
};

// The elements of a forward range are skipped under the lock. If nobody knows their number, chunks grow with
// what was taken before; so the last one is about as great a part of all as where the size is known.
template <std::ranges::forward_range Range>
class chunk_source<Range> {
public:
    using chunk = forward_chunk<std::ranges::iterator_t<Range>>;

    chunk_source(Range& range, const chunk_sizes& sizes)
        : sizes_(sizes), position_(std::ranges::begin(range)), end_(std::ranges::end(range)) {
        if constexpr (std::ranges::sized_range<Range>) {
            const std::size_t size = saturated_size(range);
            sizes_.chosen = sizes_.of(size);
            most_chunks_ = divide_rounding_up(size, sizes_.chosen);
        }
    }

    [[nodiscard]] std::size_t most_chunks() const noexcept { return most_chunks_; }

    [[nodiscard]] bool next(chunk& taken) {
        const std::lock_guard lock(mutex_);
        taken.number = number_;
        if (std::exchange(is_at_end_, true) || position_ == end_) {
            return false;
        }
        const std::size_t limit = sizes_.of(taken_);
        taken.position = position_;
        taken.left = 0;
        do {
            ++position_;
            ++taken.left;
        } while (taken.left != limit && position_ != end_);
        is_at_end_ = false;
        taken_ += taken.left;
        ++number_;
        return true;
    }

    [[nodiscard]] bool has_more() {
        const std::lock_guard lock(mutex_);
        return !is_at_end_ && position_ != end_;
    }

private:
    chunk_sizes sizes_;
    std::size_t most_chunks_ = (std::numeric_limits<std::size_t>::max)();

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::ranges::iterator_t<Range> position_;
    std::ranges::sentinel_t<Range> end_;
    bool is_at_end_ = false;
    std::size_t taken_ = 0;
    std::size_t number_ = 0;
};

// The chunks of these are found without a lock.
template <std::ranges::random_access_range Range>
    requires std::ranges::sized_range<Range>
class chunk_source<Range> {
public:
    using chunk = forward_chunk<std::ranges::iterator_t<Range>>;

    chunk_source(Range& range, const chunk_sizes& sizes)
        : begin_(std::ranges::begin(range)),
          size_(saturated_size(range)),
          chunksize_(sizes.of(size_)),
          chunks_(divide_rounding_up(size_, chunksize_)) {}

    [[nodiscard]] std::size_t most_chunks() const noexcept { return chunks_; }

    [[nodiscard]] bool next(chunk& taken) {
        // Relaxed: it only counts. Whatever else a thread needs was there before it joined in.
        taken.number = next_.fetch_add(1, std::memory_order_relaxed);
        if (taken.number >= chunks_) {
            return false;
        }
        const std::size_t first = taken.number * chunksize_;
        taken.position = begin_ + static_cast<std::iter_difference_t<std::ranges::iterator_t<Range>>>(first);
        taken.left = size_ - first < chunksize_ ? size_ - first : chunksize_;
        return true;
    }

    [[nodiscard]] bool has_more() const noexcept {
        return next_.load(std::memory_order_relaxed) < chunks_;  // relaxed: a hint
    }

private:
    const std::ranges::iterator_t<Range> begin_;
    const std::size_t size_;
    const std::size_t chunksize_;
    const std::size_t chunks_;
    sync::atomic<std::size_t> next_{0};
};

// How a loop ends early: by the failure of a chunk. Chunks are taken in their order, and a chunk that was
// taken is gone through; so of the chunks that fail, the first of all is among those that were taken.
class loop_failure {
public:
    [[nodiscard]] bool has_any() const noexcept { return has_any_.load(); }

    void note(std::size_t number, std::exception_ptr failure) noexcept {
        const std::lock_guard lock(mutex_);
        if (!failure_ || number < number_) {
            number_ = number;
            failure_ = std::move(failure);
        }
        has_any_.store(true);
    }

    // Requires: all threads have ended.
    void rethrow() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

private:
    sync::atomic<bool> has_any_{false};
    sync::mutex mutex_;
    std::size_t number_ = 0;
    std::exception_ptr failure_;
};

// One thread's part of a loop: calls `treat` with one chunk after the other.
template <class Source, class Treat>
void take_chunks(Source& source, loop_failure& failure, const deadline& until, Treat treat) noexcept {
    typename Source::chunk taken;
    while (!failure.has_any()) {
        try {
            if (!source.next(taken)) {
                return;
            }
            if (until.passed()) {
                throw_error<timeout_error>("the loop was not done within the timeout");
            }
            treat(taken);
        } catch (...) {
            failure.note(taken.number, std::current_exception());
        }
    }
}

// The threads that do the work of a loop together. The calling thread starts two branches, each branch that
// begins starts two more, and so on, as long as something is left to do: so a limit of workers that is never
// needed costs nothing. `Branching` is as in `invoke_branches`.
template <class Branching, class Work, class IsLeft>
class shared_work {
public:
    // `work` must be such that one call does everything if nobody comes to help. `is_left` is a hint: whether
    // another call of it would find something to do. At most `most_others` threads come.
    shared_work(const Branching& branching, std::size_t most_others, Work& work, IsLeft& is_left) noexcept
        : branching_(branching), work_(work), is_left_(is_left), may_start_(most_others) {}

    shared_work(const shared_work&) = delete;
    shared_work& operator=(const shared_work&) = delete;

    ~shared_work() {
        while (take_newest()) {
        }
    }

    // Returns when all calls have ended. Throws what the first `start` throws; then nothing was called.
    void run() {
        if (may_start_ == 0) {
            branching_.throw_if_refusing();
        } else {
            const std::size_t starts = Branching::branches_start_others ? at_once : may_start_;
            start_one(branching_);
            start_some(branching_, starts - 1);
        }
        work_();
        // A branch that starts another adds it before it ends itself. So when none is left, all have ended.
        while (const std::unique_ptr<started> newest = take_newest()) {
            branching_.join(newest->branch);
        }
    }

    // What a branch calls.
    void operator()() noexcept {
        if constexpr (Branching::branches_start_others) {
            start_some(branching_.here(), at_once);
        }
        work_();
    }

private:
    static constexpr std::size_t at_once = 2;

    struct started {
        explicit started(shared_work& whole) noexcept : branch(whole) {}

        typename Branching::template branch_for<shared_work&> branch;
        std::unique_ptr<started> before;
    };

    // Starts so many branches, if that many may be started and something is left to do. If one is refused,
    // those that have begun do its work.
    void start_some(const Branching& branching, std::size_t number) noexcept {
        try {
            for (; number != 0 && is_left_() && start_one(branching); --number) {
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            may_start_ = 0;
        }
    }

    bool start_one(const Branching& branching) {
        {
            const std::lock_guard lock(mutex_);
            if (may_start_ == 0) {
                return false;
            }
            --may_start_;
        }
        auto made = std::make_unique<started>(*this);
        branching.start(made->branch);
        const std::lock_guard lock(mutex_);
        made->before = std::move(newest_);
        newest_ = std::move(made);
        return true;
    }

    [[nodiscard]] std::unique_ptr<started> take_newest() noexcept {
        const std::lock_guard lock(mutex_);
        std::unique_ptr<started> taken = std::move(newest_);
        if (taken) {
            newest_ = std::move(taken->before);
        }
        return taken;
    }

    const Branching& branching_;
    Work& work_;
    IsLeft& is_left_;

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::size_t may_start_;
    std::unique_ptr<started> newest_;  // the others come behind it
};

// Has threads call `take_chunks(source, ...)`, which is what `work` does.
template <class Branching, class Source, class Work>
void run_together(const Branching& branching, Source& source, const loop_failure& failure, Work& work) {
    const std::size_t most_chunks = source.most_chunks();
    const std::size_t most_others = branching.max_others();
    const std::size_t useful = most_chunks > 1 ? most_chunks - 1 : 0;
    auto is_left = [&] { return !failure.has_any() && source.has_more(); };
    shared_work<Branching, Work, decltype(is_left)>(branching, useful < most_others ? useful : most_others,
                                                    work, is_left)
        .run();
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/map.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// `map_options` say how an executor's `map` works.
///
/// \code
/// long sum = 0;
/// auto twice = [](int x) { return 2 * x; };
/// for (int doubled : executor.map({.auto_chunksize = true}, twice, std::views::iota(0, 1000)))
///     sum += doubled;
/// assert(sum == 999'000);
/// \endcode
struct map_options {
    /// The results may take this long, counted from the call of `map`.
    futures::timeout timeout = {};
    /// At most this many tasks are submitted and not consumed. By default, `map` submits all at once.
    std::optional<std::ptrdiff_t> buffersize = {};
    /// Each task takes this many elements.
    std::ptrdiff_t chunksize = 1;
    /// If true, `map` chooses a `chunksize` that gives each worker about four tasks. Use it for CPU-bound
    /// loops over a range that knows its size; over other ranges `chunksize` holds.
    bool auto_chunksize = false;
};

namespace detail {

// `map_body` is the part of a running map that doesn't depend on the function, the ranges and the executor.
// It stays where it is when the range of results is moved.
template <class T>
class map_body {
public:
    using chunk = chunk_results<T>;

    map_body(const map_body&) = delete;
    map_body& operator=(const map_body&) = delete;
    virtual ~map_body() = default;

    void begin() {
        if (!begun_) {
            begun_ = true;
            find_results();
        }
    }

    // The iteration is in these results of the first task; null at the end.
    [[nodiscard]] chunk* current() const noexcept { return current_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    void set_index(std::size_t index) noexcept { index_ = index; }

    // Moves to the results of the next task. Requires: the iteration has passed all results of the first
    // task. If this returns false, the caller must call `throw_failure`.
    //
    // This call must not throw: across a call that can, GCC 12 keeps no floating-point number, such as a sum
    // of the results, in a register if the loop has something to destroy.
    [[gnu::noinline]] bool next_chunk() noexcept {
        try {
            pop_chunk();
            find_results();
            return true;
        } catch (...) {
            failure_ = std::current_exception();
            return false;
        }
    }

    [[noreturn]] void throw_failure() { std::rethrow_exception(std::exchange(failure_, nullptr)); }

protected:
    explicit map_body(const map_options& options)
        : until_(options.timeout.start()), buffersize_(options.buffersize) {}

    // Returns whether every range has another element.
    virtual bool more() = 0;
    virtual Future<chunk> submit_next() = 0;

    // Submits as many tasks as may be. Called at the end of the constructor.
    void start() {
        try {
            refill();
        } catch (...) {
            wait_for_running();
            throw;
        }
    }

    // Called at the beginning of the destructor. As in Python, results that nobody asked for stop nothing.
    void end() noexcept {
        if (begun_) {
            cancel();
            wait_for_running();
        }
    }

private:
    void refill() {
        try {
            while ((!buffersize_ || tasks_.size() - taken_ < static_cast<std::size_t>(*buffersize_)) &&
                   more()) {
                // Make room first, so that no task runs that this map doesn't know.
                tasks_.emplace_back();
                tasks_.back() = submit_next();
            }
        } catch (...) {
            cancel();
            throw;
        }
    }

    void pop_chunk() {
        rethrow(std::exchange(current_, nullptr)->take_exception());
        index_ = 0;
        tasks_[taken_++] = Future<chunk>();
        if (taken_ > tasks_.size() / 2) {  // so that each task is moved a constant number of times
            tasks_.erase(tasks_.begin(),
                         tasks_.begin() + static_cast<std::ptrdiff_t>(std::exchange(taken_, 0)));
        }
        refill();
    }

    // Makes the results of the first task that has any current, or none at the end.
    void find_results() {
        while (!current_ && taken_ != tasks_.size()) {
            current_ = std::addressof(wait_for_first());
            if (current_->size() == 0) {
                pop_chunk();
            }
        }
    }

    chunk& wait_for_first() {
        shared_state<chunk>& state = future_access::state(tasks_[taken_]);
        if (!await(state, until_)) {
            cancel();
            throw_error<timeout_error>("the map's next result was not there within the timeout");
        }
        if (state.state() == future_state::cancelled) {
            cancel();
            throw_error<cancelled_error>("a task of the map was cancelled");
        }
        if (state.exception()) {
            state.mark_exception_as_looked_at();
            rethrow(state.exception());
        }
        return state.result().get();
    }

    // Takes `exception` by value, as `cancel` destroys the task's own.
    void rethrow(std::exception_ptr exception) {
        if (exception) {
            cancel();
            std::rethrow_exception(std::move(exception));
        }
    }

    // Ends the iteration.
    void cancel() noexcept {
        current_ = nullptr;
        index_ = 0;
        taken_ = 0;
        std::erase_if(
            tasks_, [](const Future<chunk>& task) { return !task.valid() || task.cancel() || task.done(); });
        if (!tasks_.empty()) {
            running_.swap(tasks_);
        }
    }

    // The tasks that run use the ranges, which may be views of what is destroyed next.
    void wait_for_running() noexcept {
        for (const Future<chunk>& task : running_) {
            await_if_it_ends(future_access::state(task));
        }
    }

    const deadline until_;
    const std::optional<std::ptrdiff_t> buffersize_;
    std::vector<Future<chunk>> tasks_;    // submitted and not consumed, in the order of the input
    std::size_t taken_ = 0;               // the first are consumed, and no futures any more
    std::vector<Future<chunk>> running_;  // the tasks that could not be cancelled at the end
    chunk* current_ = nullptr;            // the results of the first task, once they are there
    std::size_t index_ = 0;
    std::exception_ptr failure_;
    bool begun_ = false;
};

// `map_body_of` adds `Launcher`, which submits the tasks, and `Cutter`, which makes their chunks.
template <class T, class Launcher, class Cutter>
class map_body_of final : public map_body<T> {
public:
    map_body_of(Launcher launcher, Cutter cutter, const map_options& options)
        : map_body<T>(options),
          launcher_(std::move(launcher)),
          cutter_(std::move(cutter)),
          chunksize_(chunksize_for(options)) {
        this->start();
    }

    map_body_of(const map_body_of&) = delete;
    map_body_of& operator=(const map_body_of&) = delete;
    ~map_body_of() override { this->end(); }

private:
    bool more() override { return cutter_.more(); }
    Future<chunk_results<T>> submit_next() override { return launcher_.launch(cutter_.cut(chunksize_)); }

    std::size_t chunksize_for(const map_options& options) const {
        if (options.auto_chunksize) {
            if (const std::optional<std::size_t> size = cutter_.size()) {
                return auto_chunksize(*size, launcher_.max_workers());
            }
        }
        return static_cast<std::size_t>(options.chunksize);
    }

    Launcher launcher_;
    Cutter cutter_;
    const std::size_t chunksize_;
};

}  // namespace detail

/// `map` returns this input range of a function's results. It is movable, not copyable; only one thread at a
/// time may use it.
///
/// Dereferencing the iterator gives a result as an rvalue, which may be moved from. A reference that the
/// function returned stays as it is; void becomes `std::monostate`. The destructor, after `begin()`, cancels
/// the tasks that have not started, and waits for those that run. So what a view refers to must outlive the
/// results, but no more. If the results were never iterated, all that was submitted runs, and nobody waits
/// for it.
///
/// \code
/// auto results = executor.map([](int x) { return std::to_string(x); }, std::vector{1, 2});
/// std::string all;
/// for (std::string each : results)
///     all += each;
/// assert(all == "12");
/// \endcode
template <class T>
class map_results {
public:
    class iterator;

    /// Executors call this in their `map`.
    explicit map_results(std::unique_ptr<detail::map_body<T>> body) noexcept : body_(std::move(body)) {}

    /// The first call waits for the first result, and throws as the increment does. A later call returns the
    /// present position, and invalidates earlier iterators.
    [[nodiscard]] iterator begin() {
        body_->begin();
        return iterator(*body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::unique_ptr<detail::map_body<T>> body_;
};

/// The increment of this input iterator waits for the next result.
///
/// \throws what the function threw for it, or timeout_error; then there are no more results
template <class T>
class map_results<T>::iterator {
    using body = detail::map_body<T>;
    using chunk = typename body::chunk;

public:
    /// These types make `iterator` an input iterator.
    ///@{
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using reference = decltype(std::declval<chunk&>()[0]);
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    ///@}

    /// An iterator is movable, not copyable.
    ///@{
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    ///@}

    /// Returns the result, which may be moved from.
    reference operator*() const noexcept { return (*chunk_)[index_]; }
    /// Waits for the next result, or throws what the function threw in place of it.
    iterator& operator++() {
        if (++index_ != count_) {
            body_->set_index(index_);
        } else {
            chunk_ = nullptr;  // stays null if the next call throws
            if (!body_->next_chunk()) {
                body_->throw_failure();
            }
            enter_chunk();
        }
        return *this;
    }
    /// Does the same.
    void operator++(int) { ++*this; }

    /// Returns whether there are no more results.
    friend bool operator==(const iterator& self, std::default_sentinel_t) noexcept { return !self.chunk_; }

private:
    friend class map_results;

    explicit iterator(body& its_body) : body_(std::addressof(its_body)) { enter_chunk(); }

    void enter_chunk() noexcept {
        chunk_ = body_->current();
        index_ = body_->index();
        count_ = chunk_ ? chunk_->size() : 0;
    }

    // These copies of the body's position fit into registers: counting in memory would take longer than
    // adding up results that are there.
    body* body_;
    chunk* chunk_ = nullptr;
    std::size_t index_ = 0;
    std::size_t count_ = 0;
};

namespace detail {

template <class Argument>
concept mappable =
    requires { typename mapped_range<Argument>; } && std::ranges::input_range<mapped_range<Argument>>;

// Says whether `map` can copy the argument or move it in. A container has a copy constructor even if its
// elements have none.
template <class Argument>
constexpr bool is_keepable() {
    using range = std::remove_reference_t<Argument>;
    constexpr bool is_copied = std::is_lvalue_reference_v<Argument> || std::is_const_v<range>;
    if constexpr (std::is_array_v<range> || (is_copied && requires { typename range::allocator_type; })) {
        using element = std::ranges::range_value_t<range>;
        return is_copied ? futures::is_copyable<element> : std::is_move_constructible_v<element>;
    } else {
        return std::is_constructible_v<std::decay_t<Argument>, Argument>;
    }
}

template <class... Arguments>
concept keepable = (is_keepable<Arguments>() && ...);

template <class Fn, class... Arguments>
concept mappable_with = std::invocable<std::decay_t<Fn>&, map_argument<mapped_range<Arguments>>...>;

// Not inlined, as GCC 12 with -O1 would warn that a `buffersize` that is not there is uninitialized.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline void
throw_if_wrong(const map_options& options) {
    if (options.buffersize && *options.buffersize < 1) {
        throw_error<std::invalid_argument>("buffersize must be at least 1");
    }
    if (options.chunksize < 1) {
        throw_error<std::invalid_argument>("chunksize must be at least 1");
    }
}

// Starts a map whose tasks `launcher` submits, and returns its results.
template <class Launcher, class Fn, class... Arguments>
auto start_map(Launcher launcher, const map_options& options, Fn&& fn, Arguments&&... ranges) {
    static_assert(sizeof...(Arguments) != 0, "map(fn, ranges...): it needs at least one range");
    static_assert((mappable<Arguments> && ...),
                  "map(fn, ranges...): each argument after the function must be an input range");
    if constexpr (sizeof...(Arguments) != 0 && (mappable<Arguments> && ...)) {
        static_assert(keepable<Arguments...>,
                      "map(fn, ranges...): a range is copied, and this one can't be: pass it by std::move or "
                      "std::ref");
        static_assert(mappable_with<Fn, Arguments...>,
                      "map(fn, ranges...): fn can't be called with one element of each range");
        if constexpr (keepable<Arguments...> && mappable_with<Fn, Arguments...>) {
            throw_if_wrong(options);
            launcher.throw_if_refusing();
            using result = kept_result_t<
                std::invoke_result_t<std::decay_t<Fn>&, map_argument<mapped_range<Arguments>>...>>;
            using input = map_input<std::decay_t<Fn>, typename kept_range<Arguments>::type...>;
            using cutter = map_cutter<result, input, mapped_range<Arguments>...>;
            return map_results<result>(
                std::unique_ptr<map_body<result>>(new map_body_of<result, Launcher, cutter>(
                    std::move(launcher),
                    cutter(std::make_shared<input>(std::forward<Fn>(fn), std::forward<Arguments>(ranges)...)),
                    options)));
        }
    }
}

}  // namespace detail
}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/for_each.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Calls `fn` for each element. If `chunksize` is 0, the loop chooses.
template <class Branching, class Fn, class Range>
void for_each_in(const Branching& branching, const timeout_duration& limit, std::size_t chunksize, Fn& fn,
                 Range& range) {
    static_assert(std::ranges::input_range<Range>, "for_each(fn, range): it needs an input range");
    if constexpr (std::ranges::input_range<Range>) {
        constexpr bool can_be_called = std::is_invocable_v<Fn&, map_argument<Range>>;
        static_assert(can_be_called, "for_each(fn, range): fn can't be called with an element of the range");
        if constexpr (can_be_called) {
            const deadline until = limit.start();
            chunk_source<Range> source(range, {chunksize, branching.max_workers()});
            loop_failure failure;
            auto work = [&]() noexcept {
                take_chunks(source, failure, until, [&fn](auto& chunk) {
                    const auto call = [&fn](auto&& element) {
                        static_cast<void>(std::invoke(fn, std::forward<decltype(element)>(element)));
                    };
                    chunk.visit_first(call);
                    chunk.visit_rest(call);
                });
            };
            run_together(branching, source, failure, work);
            failure.rethrow();
        }
    }
}

template <class Branching, class Fn, class Range>
void for_each_in(const Branching& branching, const map_options& options, Fn& fn, Range& range) {
    throw_if_wrong(options);
    const std::size_t chunksize = options.auto_chunksize ? 0 : static_cast<std::size_t>(options.chunksize);
    for_each_in(branching, options.timeout, chunksize, fn, range);
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/composed_state.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Says whether the value of a `Future<T>` may refer to something that lives only as long as that future, such
// as the captures of the task that returned a reference: see `refers_to_captures`. So may the values of
// several such futures.
template <class T>
inline constexpr bool holds_references = std::is_lvalue_reference_v<T>;
template <class... Ts>
inline constexpr bool holds_references<std::tuple<Ts...>> = (holds_references<Ts> || ...);
template <class T>
inline constexpr bool holds_references<std::vector<T>> = holds_references<T>;
template <class T>
inline constexpr bool holds_references<std::vector<std::reference_wrapper<T>>> = true;

// The state of a future that is made of other futures, and that no pool runs. Callbacks of the others
// complete it, and hold the memory until then; see `shared_state_base` on `unqueued`. Derived classes say
// what it depends on. If the result holds references, they keep the futures from which they took them.
template <class T>
class composed_state : public shared_state<T> {
public:
    [[nodiscard]] shared_state_base::help_result help(shared_state_base::weak_handle*) noexcept final {
        return this->is_unqueued() ? shared_state_base::help_result::waits_for_others
                                   : shared_state_base::help_result::none;
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return worker::current(); }

protected:
    composed_state() noexcept : shared_state<T>(forks::process()) { this->note_unqueued(); }
    ~composed_state() override = default;

    // Drops the futures to which the result may refer.
    virtual void drop_sources() noexcept {}

private:
    void discard_result() noexcept final {
        shared_state<T>::discard_result();
        if constexpr (holds_references<T>) {
            drop_sources();
        }
    }

    void dispose() noexcept final {
        if constexpr (holds_references<T>) {
            this->dispose_at_any_depth();  // the last handle on a source may go with this
        } else {
            shared_state<T>::dispose();
        }
    }
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/gather.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class T>
using gathered_value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Returns the value of `future`, which is done and has one: moved if that is the last handle, or if `T` can't
// be copied.
template <class T>
[[nodiscard]] gathered_value<T> value_of(const Future<T>& future) {
    shared_state<T>& state = future_access::state(future);
    if constexpr (std::is_void_v<T>) {
        return {};
    } else if constexpr (std::is_reference_v<T>) {
        return state.result().get();
    } else {
        if constexpr (is_copyable<T>) {
            if (!state.has_one_handle()) {
                return static_cast<const T&>(state.result().get());
            }
        }
        return std::move(state.result().get());
    }
}

// The part of what gathers futures that doesn't depend on their types.
class gathering {
public:
    // A future that is gathered.
    class part : public callback {
    public:
        part(const part&) = delete;
        part& operator=(const part&) = delete;

    protected:
        explicit part(gathering& whole) noexcept : whole_(whole) {}
        ~part() = default;

    private:
        friend class gathering;

        void call_back(outcome how) final { whole_.note_done(*this, how); }

        // Its state, as long as there is a handle on it.
        [[nodiscard]] virtual shared_state_base* state() const noexcept = 0;
        virtual void drop() noexcept = 0;
        // Its value was taken. Drops its future, unless the value may refer to something that goes with that.
        virtual void drop_unless_referred_to() noexcept = 0;

        gathering& whole_;
    };

protected:
    gathering() = default;
    ~gathering() = default;
    gathering(const gathering&) = delete;
    gathering& operator=(const gathering&) = delete;

    [[nodiscard]] virtual shared_state_base& whole() noexcept = 0;
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    [[nodiscard]] virtual part& at(std::size_t index) noexcept = 0;
    // Stores the values of all parts as the result, or an exception.
    virtual void store_values() noexcept = 0;

    // Waits for all parts. The whole may have become done when this returns, and be gone.
    void start() noexcept {
        const std::size_t parts = size();
        missing_.store(parts, std::memory_order_relaxed);  // relaxed: nobody else knows it yet
        open_.store(parts + 1, std::memory_order_relaxed);
        for (std::size_t index = 0; index != parts; ++index) {
            part& each = at(index);
            each.call_when_done(*each.state());
        }
        part* failed = nullptr;
        whole().with_lock([&] {
            is_started_ = true;
            failed = failed_;
        });
        if (failed) {
            fail_like(*failed);
        } else if (parts == 0) {
            succeed();
        }
        close(1);
    }

    // Takes back all callbacks.
    void take_back_all() noexcept;

    void drop_all() noexcept {
        for (std::size_t index = 0; index != size(); ++index) {
            at(index).drop();
        }
    }

    // Requires: the part was not dropped.
    [[nodiscard]] shared_state_base& state_at(std::size_t index) noexcept { return *at(index).state(); }
    void drop_at(std::size_t index) noexcept { at(index).drop(); }

    // The first part that is not done, from `index` on.
    [[nodiscard]] shared_state_base::weak_handle dependency_of(std::size_t& index) noexcept {
        shared_state_base::weak_handle found;
        whole().if_unqueued([&] {
            for (; index < size(); ++index) {
                shared_state_base* const state = at(index).state();
                if (state && !state->done()) {
                    found = shared_state_base::weak_handle(*state);
                    return;
                }
            }
        });
        return found;
    }

private:
    void drop_all_not_referred_to() noexcept {
        for (std::size_t index = 0; index != size(); ++index) {
            at(index).drop_unless_referred_to();
        }
    }

    void note_done(part& done, outcome how) noexcept {
        if (how != outcome::value) {
            bool fails = false;
            whole().with_lock([&] {
                fails = is_started_;
                if (!fails && !failed_) {
                    failed_ = &done;  // `start` goes on with it
                }
            });
            if (fails) {
                fail_like(done);
            }
        } else if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            succeed();
        }
        close(1);
    }

    void succeed() noexcept;

    // As `cause` has failed or is cancelled.
    [[gnu::cold]] void fail_like(const part& cause) noexcept;

    // `parts` callbacks will not use the memory any more.
    void close(std::size_t parts) noexcept {
        // Acquire and release: the uses of the memory by the others come before it is freed.
        if (parts != 0 && open_.fetch_sub(parts, std::memory_order_acq_rel) == parts) {
            whole().release_from_queue();
        }
    }

    sync::atomic<std::size_t> missing_{0};  // parts without a value
    sync::atomic<std::size_t> open_{0};     // callbacks that may use the memory, and `start`
    // Guarded by the lock of the whole, until it is started.
    part* failed_ = nullptr;  // the first
    bool is_started_ = false;
};

template <class T>
class gathered_part final : public gathering::part {
public:
    struct origin {
        gathering& whole;
        Future<T> future;
    };

    // Not explicit, so that a tuple of parts can be made.
    gathered_part(origin from) noexcept : gathering::part(from.whole), future_(std::move(from.future)) {}

    [[nodiscard]] gathered_value<T> take_value() const { return value_of(future_); }

private:
    [[nodiscard]] shared_state_base* state() const noexcept override {
        return future_.valid() ? &future_access::state(future_) : nullptr;
    }
    void drop() noexcept override { future_ = {}; }
    void drop_unless_referred_to() noexcept override {
        if constexpr (!holds_references<T>) {
            drop();
        }
    }

    Future<T> future_;
};

// What `gather` makes of several futures.
template <class Result>
class gathered_state : public composed_state<Result>, public gathering {
public:
    using gathering::start;

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept final {
        return dependency_of(place.index);
    }

protected:
    gathered_state() = default;
    ~gathered_state() override = default;

private:
    [[nodiscard]] shared_state_base& whole() noexcept final { return *this; }
    void discard_captures() noexcept final { drop_all(); }
    void drop_sources() noexcept final { drop_all(); }
    void stop_waiting(bool stop) noexcept final {
        take_back_all();
        // A future may be gathered twice, so each handle is dropped before the next is looked at.
        for (std::size_t index = 0; index != size(); ++index) {
            gathered_state::cancel_if_last(state_at(index), stop);
            drop_at(index);
        }
    }
};

// Of futures of different types.
template <class... Ts>
class gathered_tuple final : public gathered_state<std::tuple<gathered_value<Ts>...>>, public cached_memory {
public:
    explicit gathered_tuple(Future<Ts>... futures)
        : parts_(typename gathered_part<Ts>::origin{*this, std::move(futures)}...) {}

private:
    ~gathered_tuple() override = default;

    [[nodiscard]] std::size_t size() const noexcept override { return sizeof...(Ts); }
    [[nodiscard]] gathering::part& at(std::size_t index) noexcept override {
        gathering::part* found = nullptr;
        std::size_t number = 0;
        std::apply([&](auto&... each) { ((number++ == index ? found = &each : found), ...); }, parts_);
        return *found;
    }
    void store_values() noexcept override {
        try {
            std::apply(
                [this](auto&... each) {
                    // In braces, the values are taken in order.
                    this->result().emplace_from(
                        [&] { return std::tuple<gathered_value<Ts>...>{each.take_value()...}; });
                },
                parts_);
        } catch (...) {
            this->set_exception(std::current_exception());
        }
    }

    std::tuple<gathered_part<Ts>...> parts_;
};

// The values of several futures of one type. A vector can't hold references.
template <class T>
struct gathered_values {
    using type = std::vector<
        std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;
};
template <class T>
    requires std::is_void_v<T>
struct gathered_values<T> {
    using type = void;
};

// Of futures of one type. The parts are in the same allocation, behind this object.
template <class T>
class gathered_range final : public gathered_state<typename gathered_values<T>::type> {
    using values = typename gathered_values<T>::type;
    using part_type = gathered_part<T>;

public:
    // `for_each_future(take)` calls `take(Future<T>)` for `size` futures.
    template <class ForEachFuture>
    [[nodiscard]] static gathered_range& make(std::size_t size, ForEachFuture for_each_future) {
        gathered_range* const made = new (size) gathered_range;
        try {
            for_each_future([&](Future<T> future) {
                ::new (static_cast<void*>(made->parts() + made->size_)) part_type({*made, std::move(future)});
                ++made->size_;
            });
        } catch (...) {
            delete made;
            throw;
        }
        return *made;
    }

private:
    gathered_range() = default;
    ~gathered_range() override { std::destroy_n(parts(), size_); }

    [[nodiscard]] static void* operator new(std::size_t size_of_this, std::size_t parts) {
        return ::operator new(size_of_this + parts * sizeof(part_type));
    }
    static void operator delete(void* memory) noexcept { ::operator delete(memory); }
    static void operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }

    [[nodiscard]] part_type* parts() noexcept {
        static_assert(alignof(gathered_range) >= alignof(part_type));
        return reinterpret_cast<part_type*>(this + 1);
    }

    [[nodiscard]] std::size_t size() const noexcept override { return size_; }
    [[nodiscard]] gathering::part& at(std::size_t index) noexcept override { return parts()[index]; }
    void store_values() noexcept override {
        if constexpr (std::is_void_v<T>) {
            this->result().emplace();
        } else {
            try {
                values all;
                all.reserve(size_);
                for (std::size_t index = 0; index != size_; ++index) {
                    all.push_back(parts()[index].take_value());
                }
                this->result().emplace(std::move(all));
            } catch (...) {
                this->set_exception(std::current_exception());
            }
        }
    }

    std::size_t size_ = 0;
};

// Says whether the elements of a `Range` may be moved from: it is an rvalue, and owns them.
template <class Range>
inline constexpr bool gives_elements = !std::is_lvalue_reference_v<Range> &&
                                       !std::ranges::view<std::remove_cvref_t<Range>> && !future_map<Range>;

template <class Result, class State>
[[nodiscard]] Future<Result> start_gathering(State& made) {
    Future<Result> future = future_access::adopt<Result>(made);
    made.start();
    return future;
}

template <class Range>
[[nodiscard]] auto gather_range(Range&& futures) {
    using future = future_in<Range>;
    using value = typename future::value_type;
    if constexpr (std::ranges::forward_range<Range> || std::ranges::sized_range<Range>) {
        const auto size = static_cast<std::size_t>(std::ranges::distance(futures));
        return start_gathering<typename gathered_values<value>::type>(
            gathered_range<value>::make(size, [&](auto take) {
                for (auto&& element : futures) {
                    throw_if_inherited(future_access::state(future_of<Range>(element)));
                    if constexpr (gives_elements<Range&&>) {
                        take(std::move(element));
                    } else {
                        take(future(future_of<Range>(element)));
                    }
                }
            }));
    } else {
        std::vector<future> all;
        for (auto&& element : futures) {
            all.push_back(future_of<Range>(element));
        }
        return gather_range(std::move(all));
    }
}

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void gathering::take_back_all() noexcept {
    if (whole().is_inherited()) {
        return;
    }
    std::size_t taken = 0;
    for (std::size_t index = 0; index != size(); ++index) {
        part& each = at(index);
        if (shared_state_base* const state = each.state()) {
            taken += each.take_back_from(*state);
        }
    }
    close(taken);
}

CONCURRENT_FUTURES_FUNCTION void gathering::succeed() noexcept {
    if (whole().claim_unqueued()) {
        store_values();
        if (whole().exception()) {
            drop_all();
        } else {
            drop_all_not_referred_to();
        }
        whole().complete_without_handle();
    }
}

CONCURRENT_FUTURES_FUNCTION void gathering::fail_like(const part& cause) noexcept {
    if (!whole().claim_unqueued()) {
        return;
    }
    shared_state_base& state = *cause.state();
    std::exception_ptr failure = state.exception();
    if (failure) {
        state.mark_exception_as_looked_at();
    } else {
        failure = make_error<cancelled_error>("a gathered future was cancelled");
    }
    take_back_all();
    drop_all();
    whole().set_exception(std::move(failure));
    whole().complete_without_handle();
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Returns the future of all values: a tuple, with `std::monostate` for void. It is done when all the futures
/// are, but fails as soon as one fails, with the same exception. If one is cancelled, it fails with
/// `cancelled_error`. The other futures go on.
///
/// A value is moved out of a future that was passed as an rvalue, if that was the last handle (or if the
/// value can't be copied). A reference to something that a task captured is valid as long as there is a
/// handle on the new future.
///
/// Cancelling the new future, or requesting a stop of it, also cancels the gathered futures, as far as nobody
/// else has a handle on them. A task may wait for it even on a pool of one worker: see `Future::result`. If
/// no futures are given, the new one is done at once.
///
/// \throws invalid_state_error if a future is not `valid()`
/// \throws broken_executor in the child of a fork, if a future is the parent's and was not done
/// \throws std::bad_alloc if there is no memory
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("text"); });
/// auto [n, t] = futures::gather(number, text).result();
/// assert(n == 42 && t == "text");
/// \endcode
template <future_type... Futures>
[[nodiscard]] auto gather(Futures&&... futures) {
    (detail::throw_if_inherited(detail::future_access::state(futures)), ...);
    return detail::start_gathering<
        std::tuple<detail::gathered_value<typename std::remove_cvref_t<Futures>::value_type>...>>(
        *new detail::gathered_tuple<typename std::remove_cvref_t<Futures>::value_type...>(
            std::forward<Futures>(futures)...));
}

/// Does the same for the futures of a range, or for the keys of a map, and returns the future of a vector of
/// their values, in order; `Future<void>` if they are of void. For references, the vector has
/// `std::reference_wrapper`s. A container that is passed as an rvalue gives up its futures.
///
/// \code
/// std::vector<futures::Future<int>> tasks;
/// for (int i = 0; i < 3; ++i)
///     tasks.push_back(executor.submit([i] { return i * i; }));
/// auto sum = futures::gather(std::move(tasks)).then([](const std::vector<int>& squares) {
///     return std::accumulate(squares.begin(), squares.end(), 0);
/// });
/// assert(sum.result() == 5);
/// \endcode
template <future_range Range>
    requires(!future_type<Range>)
[[nodiscard]] auto gather(Range&& futures) {
    return detail::gather_range(std::forward<Range>(futures));
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/awaited_event.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The future of something that workers do and that is no task, for a worker that waits for it and is about to
// sleep. By this future, the worker finds what it can run meanwhile, and others see what it waits for; see
// `dependency_walk`.
class awaited_event : public shared_state<void>, public cached_memory {
public:
    void complete() noexcept {
        result().emplace();
        complete_without_handle();
    }

    [[nodiscard]] helper* helper_of_others() noexcept final { return worker::current(); }
    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency(
        dependency_place& place) noexcept final;

protected:
    awaited_event() noexcept { note_started(); }
    ~awaited_event() override = default;

    // Returns what a worker waits for that keeps this from being completed, at `place`; see
    // `shared_state_base::dependency`. Requires: this is not completed meanwhile.
    [[nodiscard]] virtual shared_state_base::weak_handle obstacle(dependency_place& place) noexcept = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::weak_handle awaited_event::dependency(dependency_place& place) noexcept {
    shared_state_base::weak_handle found;
    with_lock([&] {
        if (!done()) {
            found = obstacle(place);
        }
    });
    return found;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/branch.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call of `Fn`, and what it has returned or thrown. It refers to the callable. Only one thread at a time
// uses it.
template <class Fn>
class call_result {
    using kept = kept_result_t<std::invoke_result_t<Fn>>;

public:
    using type = std::conditional_t<std::is_void_v<kept>, std::monostate, kept>;

    explicit call_result(std::remove_reference_t<Fn>& fn) noexcept : fn_(static_cast<Fn&&>(fn)) {}
    call_result(const call_result&) = delete;
    call_result& operator=(const call_result&) = delete;
    ~call_result() {
        if (has_result_) {
            result_.destroy();
        }
    }

    void call() noexcept {
        try {
            result_.emplace_from([this]() -> kept { return std::invoke(static_cast<Fn&&>(fn_)); });
            has_result_ = !std::is_void_v<kept>;
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    void rethrow_failure() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    // Requires: it has been called, and has not thrown.
    [[nodiscard]] type take() {
        if constexpr (std::is_void_v<kept>) {
            return {};
        } else {
            return static_cast<type&&>(result_.get());
        }
    }

private:
    Fn&& fn_;
    bool has_result_ = false;
    result_storage<kept> result_;
    std::exception_ptr failure_;
};

// That a branch is settled. It lies on the stack of the thread that joins, so that this allocates nothing.
class joined_state final : public awaited_event {
public:
    class place;

    [[nodiscard]] static void* operator new(std::size_t, place& where) noexcept;
    static void operator delete(void* memory) noexcept;
    static void operator delete(void*, place&) noexcept {}

    // The calling thread waits for `joined`, which another thread has taken, and exists until `complete`.
    // `self` is the worker of the calling thread if it is one of the branch's pool, else null.
    joined_state(const work_item& joined, worker* self) noexcept
        : joined_(joined), joiner_(worker::current()), self_(self) {}

    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept override;

private:
    ~joined_state() override = default;

    // As long as this isn't done, the branch exists, and so does the worker that runs it.
    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle obstacle(
        dependency_place& place) noexcept override;

    const work_item& joined_;
    const worker* const joiner_;
    worker* const self_;
};

// Room for a `joined_state`.
class joined_state::place {
public:
    [[nodiscard]] void* room() noexcept { return memory_; }

    // Waits until the state is deleted, at which other threads may look for a moment.
    void wait_until_free() const noexcept {
        // Acquire: pairs with the release of `operator delete`.
        for (back_off delay; !is_free_.load(std::memory_order_acquire);) {
            delay.pause();
        }
    }

private:
    friend class joined_state;

    alignas(joined_state) std::byte memory_[sizeof(joined_state)]{};
    sync::atomic<bool> is_free_{false};
};

inline void* joined_state::operator new(std::size_t, place& where) noexcept {
    return where.room();
}

inline void joined_state::operator delete(void* memory) noexcept {
    // Release: pairs with the acquire of `wait_until_free`.
    static_cast<place*>(memory)->is_free_.store(true, std::memory_order_release);
}

// A `branch` is a call that its caller lets others make, if they come in time. The caller pushes the branch,
// does something else, and then joins it. To join is to take it back and make the call, or to wait for the
// thread that has taken it. There is no handle, so nobody can cancel a branch, and it is never stale.
//
// Once a thread has settled a branch that it took, the branch may be gone.
class branch : public work_item {
public:
    // The pool calls these.

    CONCURRENT_FUTURES_FUNCTION bool execute(worker& self) noexcept final;

    // If its pool is closed or broken, the caller runs the branch: it has begun to run the other branches.
    [[gnu::cold]] void cancel_waiting() noexcept final { give_back(); }
    [[gnu::cold]] void fail_waiting(std::exception_ptr) noexcept final { give_back(); }
    void release() noexcept final {}
    [[nodiscard]] bool still_waits() noexcept final { return true; }
    [[nodiscard]] bool submitter_may_wait() noexcept final { return true; }

    // The caller calls these.

    // Pushes the branch, or throws and leaves everything as it was.
    template <class Pool>
    void start(Pool& pool, const typename Pool::branch_place& place) {
        pool_ = &pool;
        state_.store(pending, std::memory_order_relaxed);  // relaxed: the queue's lock orders it
        try {
            pool.push_branch(place, *this);
        } catch (...) {
            state_.store(given_back, std::memory_order_relaxed);  // relaxed: nobody else has seen it
            throw;
        }
    }

    // Returns once the call was made, here or elsewhere. Returns false only in the child of a fork that a
    // task made which this thread ran meanwhile. Any thread may call this, once. `self` is the calling
    // thread's worker if its pool has the branch, else null.
    [[nodiscard, gnu::always_inline]] bool join(worker* self) noexcept {
        const bool taken = self ? self->take_back(*this) : local_queue::take_back(*this, nullptr);
        const std::uintptr_t how = taken ? given_back : await(self);
        if (how == given_back) {
            call();
        }
        return how == given_back || how == done;
    }

protected:
    branch() = default;
    ~branch() = default;

    virtual void call() noexcept = 0;

private:
    // The states. Each other value is the address of the `blocked_thread` that waits; or, with the bit
    // `visible`, of the `joined_state` for which a worker waits.
    static constexpr std::uintptr_t pending = 0;     // queued, or taken by a thread that will settle it
    static constexpr std::uintptr_t done = 1;        // another thread has made the call
    static constexpr std::uintptr_t given_back = 2;  // the caller has to make the call
    static constexpr std::uintptr_t visible = 4;

    [[gnu::cold]] void give_back() noexcept;

    void settle(std::uintptr_t how) noexcept;

    // Acquire: pairs with the release of `settle`.
    [[nodiscard]] std::uintptr_t state() const noexcept { return state_.load(std::memory_order_acquire); }

    // Waits until the branch is settled, and helps meanwhile with what descends from it, as
    // `queued_state::help` does. `self` is the calling thread's worker, or null.
    [[nodiscard]] std::uintptr_t await(worker* self) noexcept;

    // Sleeps until the branch is settled. Not inlined, see `block_until_done`.
    void block() noexcept;

    // The same for a worker, which helps meanwhile with what the branch depends on.
    void block_visibly(worker* self) noexcept;

    // Has `settle` tell `waiting`. Returns false if the branch is settled already.
    [[nodiscard]] bool wait_by(std::uintptr_t waiting) noexcept {
        std::uintptr_t before = pending;
        // Release: pairs with the acquire of `settle`, which then sees the wait. Acquire: as in `state`, for
        // the case that the branch is settled already.
        return state_.compare_exchange_strong(before, waiting, std::memory_order_acq_rel);
    }

    pool_base* pool_ = nullptr;
    sync::atomic<std::uintptr_t> state_{given_back};  // until it is pushed
};

// A branch that calls `Fn`.
template <class Fn>
class branch_of final : public branch, public call_result<Fn> {
public:
    explicit branch_of(std::remove_reference_t<Fn>& fn) noexcept : call_result<Fn>(fn) {}

private:
    void call() noexcept override { call_result<Fn>::call(); }
};

// How branches are run by a pool.
template <class Pool>
class pool_branching {
public:
    template <class Fn>
    using branch_for = branch_of<Fn>;

    // Whether a branch may start others.
    static constexpr bool branches_start_others = true;

    explicit pool_branching(Pool& pool) noexcept : pool_(pool), place_(pool.place_for_branches()) {}

    // Returns the same for the calling thread.
    [[nodiscard]] pool_branching here() const noexcept { return pool_branching(pool_); }

    void throw_if_refusing() const { pool_.throw_if_refusing(); }

    // Throws what a submit would throw; then the branch is not queued.
    void start(branch& started) const { started.start(pool_, place_); }

    // Returns once the call of `joined` was made, here if it was not started or nobody else has begun it.
    // Throws only in the child of a fork, where nobody else can be running it.
    void join(branch& joined) const {
        pool_.throw_if_inherited();
        if (!joined.join(place_.self)) {
            pool_.throw_if_inherited();
        }
    }

    [[nodiscard]] std::size_t max_workers() const noexcept { return pool_.max_workers(); }

    // Returns how many threads may run branches while this one does something else.
    [[nodiscard]] std::size_t max_others() const noexcept { return max_workers() - (place_.self ? 1 : 0); }

private:
    Pool& pool_;
    typename Pool::branch_place place_;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::help_result joined_state::help(shared_state_base::weak_handle* given_up) noexcept {
    // Other threads can't be sure that the branch still exists.
    const bool ran = self_ && worker::current() == joiner_ &&
                     self_->run_descendant(
                         joined_, [this] { return !done(); },
                         [given_up] {
                             if (given_up) {
                                 given_up->reset();
                             }
                         });
    return ran ? shared_state_base::help_result::helped : shared_state_base::help_result::none;
}

shared_state_base::weak_handle joined_state::obstacle(dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    if (local_queue* const runner = local_queue::queue_of_runner(joined_, true)) {
        runner->for_wait_of_owner(search);
    }
    return search.take();
}

bool branch::execute(worker& self) noexcept {
    self.note_busy();
    {
        const worker::running mark(self, *this);
        call();
    }
    self.note_nearly_idle();
    // In the child of a fork, nobody waits, and the waiting thread's mutex may be locked for ever.
    if (!self.pool().is_inherited()) {
        settle(done);
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION void branch::give_back() noexcept {
    pool_->note_stale_item();  // the thread that empties the queues lowers that number again
    settle(given_back);
}

CONCURRENT_FUTURES_FUNCTION void branch::settle(std::uintptr_t how) noexcept {
    // Release: publishes the result to the acquire of `state` and of `wait_by`. Acquire: pairs with the
    // release of `wait_by`, by which the waiting thread publishes its wait.
    const std::uintptr_t before = state_.exchange(how, std::memory_order_acq_rel);
    // One word for all, so that it changes at once.
    if (before & visible) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        reinterpret_cast<joined_state*>(before & ~visible)->complete();
    } else if (before != pending) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        reinterpret_cast<blocked_thread*>(before)->on_done(outcome::value);
    }
}

CONCURRENT_FUTURES_FUNCTION std::uintptr_t branch::await(worker* self) noexcept {
    trampoline::run_postponed();
    const auto settled = [this] { return state() == done || state() == given_back; };
    while (!settled() && !pool_->is_inherited()) {
        if (self && self->run_descendant(
                        *this, [&] { return !settled(); }, [] {})) {
            continue;
        }
        if (!spin_until_done_or_may_help(settled,
                                         [&] { return self && worker::seems_to_have_descendants(*this); })) {
            if (worker::current()) {
                block_visibly(self);
            } else {
                block();
            }
        }
    }
    return state();
}

CONCURRENT_FUTURES_FUNCTION void branch::block() noexcept {
    blocked_thread me;
    if (wait_by(reinterpret_cast<std::uintptr_t>(&me))) {
        me.wait_until_told();
    }
}

CONCURRENT_FUTURES_FUNCTION void branch::block_visibly(worker* self) noexcept {
    joined_state::place place;
    {
        auto& made = *new (place) joined_state(*this, self);
        const auto kept = shared_state_base::handle::adopt(made);
        if (wait_by(reinterpret_cast<std::uintptr_t>(&made) | visible)) {
            await_if_it_ends(made);
        } else {
            made.complete();
        }
    }
    if (!pool_->is_inherited()) {  // else nobody completes it
        place.wait_until_free();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/invoke.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A branch that an executor of any kind runs as a task.
template <class Fn>
class submitted_branch : public call_result<Fn> {
public:
    explicit submitted_branch(std::remove_reference_t<Fn>& fn) noexcept : call_result<Fn>(fn) {}

    template <class Executor>
    void start(Executor& executor) {
        task_ = executor.submit([this]() noexcept {
            this->call();
            called_ = true;
        });
    }

    // If nobody has begun the task, this thread makes the call. The executor may also have thrown the task
    // away.
    void join() {
        if (task_.valid() && !task_.cancel()) {
            static_cast<void>(task_.exception());  // waits; an exception says that it was thrown away
        }
        if (!called_) {
            this->call();
        }
    }

private:
    Future<void> task_;
    bool called_ = false;  // read when the task is done
};

// Starts the branches, makes the last call on this thread, and joins the branches. `Branching` is how they
// are run: a `pool_branching`, or a `submit_branching`.
template <class Branching, class Calls, std::size_t... index>
auto invoke_branches(const Branching& branching, Calls calls, std::index_sequence<index...>) {
    constexpr std::size_t count = sizeof...(index);
    [[maybe_unused]] std::tuple<
        typename Branching::template branch_for<std::tuple_element_t<index, Calls>>...>
    branches(std::get<index>(calls)...);
    call_result<std::tuple_element_t<count, Calls>> last(std::get<count>(calls));
    if constexpr (count == 0) {
        branching.throw_if_refusing();
    }
    // If the first is refused, nothing has run. If another is refused, as the pool was closed meanwhile, it
    // is called when it is joined.
    [[maybe_unused]] const auto start = [&branching](auto& each, bool first) {
        try {
            branching.start(each);
        } catch (...) {
            if (first) {
                throw;
            }
        }
    };
    (start(std::get<index>(branches), index == 0), ...);
    last.call();
    // The newest first: it has most likely not been taken.
    (branching.join(std::get<count - 1 - index>(branches)), ...);
    (std::get<index>(branches).rethrow_failure(), ...);
    last.rethrow_failure();
    return std::tuple<typename call_result<std::tuple_element_t<index, Calls>>::type...,
                      typename call_result<std::tuple_element_t<count, Calls>>::type>(
        std::get<index>(branches).take()..., last.take());
}

template <class Branching, class... Fns>
auto invoke_all(const Branching& branching, Fns&&... fns) {
    static_assert(sizeof...(Fns) != 0, "invoke(f, g, ...): it needs at least one callable");
    static_assert((std::is_invocable_v<Fns> && ...),
                  "invoke(f, g, ...): each argument must be callable without arguments");
    if constexpr (sizeof...(Fns) != 0 && (std::is_invocable_v<Fns> && ...)) {
        return detail::invoke_branches(branching, std::tuple<Fns&&...>(std::forward<Fns>(fns)...),
                                       std::make_index_sequence<sizeof...(Fns) - 1>());
    }
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/reduce.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Combines what `transform` makes of the elements, in their order. Each thread combines the chunks that it
// takes, as long as one follows the other. What it has is then a part of the result.
template <class T, class Range, class Combine, class Transform>
class reduction {
public:
    reduction(Range& range, const chunk_sizes& sizes, T&& init, Combine& combine, Transform& transform)
        : source_(range, sizes), init_(std::move(init)), combine_(combine), transform_(transform) {}

    template <class Branching>
    T run(const Branching& branching) {
        auto work = [this]() noexcept { take_part(); };
        run_together(branching, source_, failure_, work);
        failure_.rethrow();
        if (parts_.empty()) {
            return std::move(init_);
        }
        auto each = parts_.begin();
        T result = std::move(each->value);
        while (++each != parts_.end()) {
            result = static_cast<T>(std::invoke(combine_, std::move(result), std::move(each->value)));
        }
        return result;
    }

private:
    // What one thread has combined, from the chunk with the number `first`.
    struct stored_part {
        std::size_t first;
        T value;
    };

    // The chunks that one thread is combining.
    struct part {
        std::optional<T> value;
        std::size_t first = 0;
        std::size_t last = 0;
    };

    void take_part() noexcept {
        part mine;
        take_chunks(source_, failure_, deadline(), [&](auto& chunk) {
            if (mine.value && chunk.number != mine.last + 1) {
                store(mine);
            }
            if (!mine.value) {
                mine.first = chunk.number;
            }
            mine.last = chunk.number;
            // What is combined stays in a local variable, in registers if it fits.
            T result = begin(mine, chunk);
            chunk.visit_rest([&](auto&& element) {
                result = static_cast<T>(
                    std::invoke(combine_, std::move(result),
                                std::invoke(transform_, std::forward<decltype(element)>(element))));
            });
            mine.value.emplace(std::move(result));
        });
        if (mine.value && !failure_.has_any()) {
            try {
                store(mine);
            } catch (...) {
                failure_.note(mine.first, std::current_exception());
            }
        }
    }

    // Returns what there is after the first element of `chunk`.
    template <class Chunk>
    T begin(part& mine, Chunk& chunk) {
        std::optional<T> result;
        T* const before = mine.value ? &*mine.value : chunk.number == 0 ? &init_ : nullptr;
        chunk.visit_first([&](auto&& element) {
            if (before) {
                result.emplace(static_cast<T>(
                    std::invoke(combine_, std::move(*before),
                                std::invoke(transform_, std::forward<decltype(element)>(element)))));
            } else {
                result.emplace(
                    static_cast<T>(std::invoke(transform_, std::forward<decltype(element)>(element))));
            }
        });
        return std::move(*result);
    }

    void store(part& mine) {
        {
            const std::lock_guard lock(mutex_);
            // Threads take the chunks in order, so few parts come before one that was stored earlier.
            auto place = parts_.end();
            while (place != parts_.begin() && (place - 1)->first > mine.first) {
                --place;
            }
            parts_.insert(place, stored_part{mine.first, std::move(*mine.value)});
        }
        mine.value.reset();
    }

    chunk_source<Range> source_;
    T init_;  // only for the thread that takes the first chunk
    Combine& combine_;
    Transform& transform_;
    loop_failure failure_;
    sync::mutex mutex_;
    std::vector<stored_part> parts_;  // guarded by `mutex_`; in the order of their first chunks
};

template <class T, class Combine, class Transformed>
concept reducible = std::movable<T> && std::constructible_from<T, Transformed> &&
                    std::is_invocable_v<Combine&, T, Transformed> && std::is_invocable_v<Combine&, T, T>;

template <class Branching, class Range, class T, class Combine, class Transform>
T reduce_in(const Branching& branching, Range& range, T init, Combine& combine, Transform& transform) {
    static_assert(std::ranges::input_range<Range>, "reduce(range, init, combine): it needs an input range");
    if constexpr (std::ranges::input_range<Range>) {
        constexpr bool can_transform = std::is_invocable_v<Transform&, map_argument<Range>>;
        static_assert(can_transform,
                      "reduce(range, init, combine, transform): transform can't be called with an element");
        if constexpr (can_transform) {
            constexpr bool can_combine =
                reducible<T, Combine, std::invoke_result_t<Transform&, map_argument<Range>>>;
            static_assert(can_combine,
                          "reduce(range, init, combine): an element, as far as it is transformed, must "
                          "convert to the type of init, and combine must take two values of that type, or "
                          "one and an element");
            if constexpr (can_combine) {
                return reduction<T, Range, Combine, Transform>(range, {0, branching.max_workers()},
                                                               std::move(init), combine, transform)
                    .run(branching);
            }
        }
    }
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/future_awaiter.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A coroutine of a type that is not ours, while it waits. It lives in the coroutine's frame.
class foreign_coroutine final : private callback {
public:
    foreign_coroutine() = default;
    foreign_coroutine(const foreign_coroutine&) = delete;
    foreign_coroutine& operator=(const foreign_coroutine&) = delete;
    // Requires: no thread completes the future while another destroys the coroutine that waits for it.
    ~foreign_coroutine() {
        if (awaited_) {
            static_cast<void>(take_back_from(*awaited_));
        }
    }

    // Returns false if `awaited` is done.
    [[nodiscard]] bool wait_for(shared_state_base& awaited, std::coroutine_handle<> frame) noexcept {
        awaited_ = std::addressof(awaited);
        frame_ = frame;
        if (call_when_done_later(awaited)) {
            return true;  // by now the coroutine may run elsewhere
        }
        awaited_ = nullptr;
        return false;
    }

private:
    void call_back(outcome) override {
        awaited_ = nullptr;
        frame_.resume();
    }

    shared_state_base* awaited_ = nullptr;
    std::coroutine_handle<> frame_;
};

// The promise of a coroutine that waits in a way of its own.
template <class Promise>
concept waits_by_itself =
    requires(Promise& promise, shared_state_base& awaited) { promise.wait_for_state(awaited); };

// The awaiters of this library. They tell a coroutine that waits by itself when it is suspended.
class own_awaiter {
protected:
    own_awaiter() = default;
    ~own_awaiter() = default;
};

// How a coroutine waits for a future. `Handle` is the future, or a reference to it.
template <class T, class Handle>
class [[nodiscard]] future_awaiter : public own_awaiter {
public:
    explicit future_awaiter(Handle&& future) noexcept : future_(std::forward<Handle>(future)) {}

    [[nodiscard]] bool await_ready() const {
        const shared_state_base& awaited = future_access::state(future_);
        if (awaited.done()) {
            return true;
        }
        throw_if_inherited(awaited);
        return false;
    }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        shared_state_base& awaited = future_access::state(future_);
        if constexpr (waits_by_itself<Promise>) {
            return frame.promise().wait_for_state(awaited);
        } else {
            return foreign_.wait_for(awaited, frame);
        }
    }

    decltype(auto) await_resume() { return std::forward<Handle>(future_).result(); }

private:
    Handle future_;
    foreign_coroutine foreign_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/package.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class packaging;

}  // namespace detail

/// A `packaged_task` runs a task and completes its future; `package` makes it. It is movable, not copyable,
/// and of one type, so a queue can hold tasks of all kinds.
///
/// If a task is destroyed before it is called, its future fails with `broken_promise_error`. If the future
/// was cancelled, a call does nothing.
///
/// Thread-safety: only one thread at a time may use a task; any thread may use its future.
///
/// \code
/// std::vector<futures::packaged_task> queue;
/// auto [task, future] = futures::package([](int x) { return 2 * x; }, 21);
/// queue.push_back(std::move(task));
/// queue.back()();
/// assert(future.result() == 42);
/// \endcode
class packaged_task {
public:
    /// Makes an object without a task.
    packaged_task() noexcept = default;
    /// Takes over the task of `other`.
    packaged_task(packaged_task&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    /// Takes over the task of `other`. If this object had a task, its future fails with
    /// `broken_promise_error`.
    packaged_task& operator=(packaged_task&& other) noexcept {
        if (this != &other) {
            abandon();
            task_ = std::exchange(other.task_, nullptr);
        }
        return *this;
    }
    /// If the task was not called, its future fails with `broken_promise_error`.
    ~packaged_task() { abandon(); }

    /// Returns whether there is a task to call.
    [[nodiscard]] bool valid() const noexcept { return task_ != nullptr; }

    /// Runs the task on this thread, and completes its future with what the callable returns or throws. The
    /// callable may destroy this object.
    ///
    /// \throws invalid_state_error if there is no task: it was called before, or moved from
    void operator()() {
        if (!valid()) {
            detail::throw_error<invalid_state_error>(
                "there is no task to be called: it was called before, or moved from");
        }
        std::exchange(task_, nullptr)->run_packaged();
    }

private:
    friend class detail::packaging;

    explicit packaged_task(detail::queued_state& task) noexcept : task_(&task) {}

    void abandon() noexcept {
        if (detail::queued_state* const abandoned = std::exchange(task_, nullptr)) {
            abandoned->fail_dropped(detail::make_error<broken_promise_error>(
                "the packaged task was destroyed before it was called"));
        }
    }

    detail::queued_state* task_ = nullptr;
};

/// `package` returns a task together with its future.
template <class T>
struct packaged {
    packaged_task task;  ///< call it once, on any thread
    Future<T> future;    ///< receives what the task returns or throws
};

namespace detail {

class packaging {
public:
    template <class Fn, class... Args>
    [[nodiscard]] static auto package(Fn&& fn, Args&&... args) {
        using task_type = task<std::decay_t<Fn>, std::decay_t<Args>...>;
        using result_type = typename task_result<std::decay_t<Fn>, std::decay_t<Args>...>::type;
        // The task destroys itself when the last handle goes.
        task_state<result_type>& made =
            *new task_type(nullptr, std::forward<Fn>(fn), std::forward<Args>(args)...);
        return packaged<result_type>{packaged_task(made), future_access::adopt<result_type>(made)};
    }
};

}  // namespace detail

/// Makes a task of `fn(args...)` and the future of its result, for executors of your own: whoever calls the
/// task completes the future. One allocation holds both. The task keeps and calls `fn` and `args` as
/// `thread_pool_executor::submit` does.
///
/// \throws std::bad_alloc, and what copying or moving `fn` and `args` throws
///
/// \code
/// auto [task, future] = futures::package([](std::string name) { return name + "!"; }, "hello");
/// std::thread runs(std::move(task));
/// assert(future.result() == "hello!");
/// runs.join();
/// \endcode
template <class Fn, class... Args>
[[nodiscard]] auto package(Fn&& fn, Args&&... args) {
    static_assert(
        detail::can_be_kept<Fn, Args...>,
        "package(fn, args...): fn or an argument can't be copied: pass it by std::move or std::ref");
    if constexpr (detail::can_be_kept<Fn, Args...>) {
        static_assert(detail::submittable<Fn, Args...>,
                      "package(fn, args...): fn can't be called with these arguments as rvalues (a reference "
                      "needs std::ref, a member function its object first)");
        if constexpr (detail::submittable<Fn, Args...>) {
            return detail::packaging::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        }
    }
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/task_group.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `group_state` is a `task_group` without its executor. It lives until the group was destroyed, all its tasks
// are done, and no `awaited_end` is left.
//
// It holds the future of the first task that failed. So the log handler gets the exception, as it gets that
// of any future, unless `wait` has rethrown it or somebody has looked at the future.
class group_state {
    class member;
    class awaited_end;

public:
    // Lets one task into the group, or nobody if it is destroyed before `follow` was called.
    class admission {
    public:
        explicit admission(group_state& group) : member_(new_member(group)), cancelled_(group.admit()) {}
        admission(const admission&) = delete;
        admission& operator=(const admission&) = delete;
        ~admission() {
            if (member_) {
                group_state& group = member_->group;
                delete member_;
                group.note_finished();
            }
        }

        // Whether the group is being cancelled, so that the task must not run.
        [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }

        // The task was submitted. Requires: the caller keeps a handle.
        void follow(shared_state_base& state) noexcept;

    private:
        static member* new_member(group_state& group) {
            group.futures_.throw_if_inherited();
            return new member(group);
        }

        member* member_;  // null once it owns itself
        bool cancelled_;
    };

    group_state() = default;
    group_state(const group_state&) = delete;
    group_state& operator=(const group_state&) = delete;

    // Cancels what has not started and requests stop of the rest.
    // Returns false if the group was being cancelled already.
    bool cancel() noexcept;

    // Waits until all tasks are done, and rethrows the first failure.
    void wait(const deadline& until);

    // Returns a future that ends as `wait` would, when all tasks are done. `request_stop` cancels the group.
    [[nodiscard]] Future<void> when_done();

    // The group is destroyed. Waits until all tasks are done. Returns at once where `wait` would throw.
    void end() noexcept;

private:
    // A task of the group, from its submit until it is done. It owns itself.
    class member final : public callback, public outstanding_futures::entry, public cached_memory {
    public:
        explicit member(group_state& its_group) noexcept : group(its_group) {}

        group_state& group;
        shared_state_base::handle future;  // empty before the task was submitted

    private:
        void call_back(outcome) override { group.note_done(*this, std::move(future)); }
    };

    ~group_state() = default;

    void remove_reference() noexcept {
        if (references_.fetch_sub(1) == 1) {
            delete this;
        }
    }

    // Counts one more task. Returns whether the group is being cancelled; if it has just begun to be,
    // `follow` sees that.
    [[nodiscard]] bool admit() noexcept {
        unfinished_.fetch_add(1);
        return cancelled_.load();
    }

    outstanding_futures::wait_end wait(outstanding_futures::lock_type& lock, const deadline& until) {
        return futures_.wait(lock, until, until.is_never(), [this] { return unfinished_.load() == 0; });
    }

    // Returns false where `wait` would throw as it would never end.
    bool wait_to_end(outstanding_futures::lock_type& lock) noexcept;

    void note_done(member& ended, shared_state_base::handle future) noexcept;

    // Requires: locked.
    [[gnu::cold]] void note_failure(outstanding_futures::lock_type& lock, shared_state_base& state) noexcept;

    // Requires: locked. Releases the lock meanwhile. Returns false if this has begun before.
    bool begin_to_cancel(outstanding_futures::lock_type& lock) noexcept;

    // All tasks are done. Returns what is to be rethrown, if any, and the group may be used again. Requires:
    // locked.
    [[nodiscard]] shared_state_base::handle take_failure() noexcept {
        cancelled_.store(false);
        return std::move(failed_);
    }

    // Has workers that wait for an `awaited_end` look at a new task. Requires: a task is unfinished,
    // so none of these ends; not locked, as they may need the lock to be told.
    static void tell_change(awaited_end* first) noexcept;

    void note_finished() noexcept;

    // Completes them, the first with the failure, if there is one.
    static void end_all(awaited_end* first, shared_state_base::handle failed) noexcept;

    outstanding_futures futures_;

    // Tasks of the group, also those that are being submitted, and those that end.
    sync::atomic<std::size_t> unfinished_{0};
    // Until the next `wait`. Written under the lock of `futures_`.
    sync::atomic<bool> cancelled_{false};
    // Of the group, and of each `awaited_end`.
    sync::atomic<std::size_t> references_{1};

    // Guarded by the lock of `futures_`.
    bool abandoned_ = false;  // the group is gone
    shared_state_base::handle failed_;
    awaited_end* awaited_ = nullptr;  // those that are not done
};

#if defined(CONCURRENT_FUTURES_DEFINES)

// What a coroutine awaits: that all tasks of a group are done. Like a coroutine, it is never pending, and so
// can't be cancelled.
class group_state::awaited_end final : public composed_state<void>, public cached_memory {
public:
    explicit awaited_end(group_state& group) noexcept : group_(group) {
        group_.references_.fetch_add(1);
        note_started();
        suspend([] {});
    }

    [[nodiscard]] weak_handle dependency(dependency_place& place) noexcept override {
        if (!is_unqueued() || group_.futures_.is_inherited()) {
            return {};
        }
        const outstanding_futures::lock_type lock = group_.futures_.lock();
        std::uint64_t number = first_number_ + place.index;
        const outstanding_futures::entry* const found = group_.futures_.find(number);
        place.index = static_cast<std::size_t>(number - first_number_);
        return found ? weak_handle(found->state()) : weak_handle();
    }
    [[nodiscard]] bool numbers_dependencies() const noexcept override { return true; }

    bool signal_stop() noexcept override { return is_unqueued() && group_.cancel(); }

private:
    friend class group_state;

    ~awaited_end() override { group_.remove_reference(); }

    // Begins to wait for the tasks of the group. Requires: that is locked.
    void begin() noexcept {
        first_number_ = group_.futures_.first_number();
        next_ = std::exchange(group_.awaited_, this);
    }

    // This may be gone when it returns.
    void end(handle failed) noexcept {
        go_on([] {});
        if (failed) {
            set_exception(failed.state().exception());
            failed.state().mark_exception_as_looked_at();
        }
        complete_without_handle();
    }

    group_state& group_;
    std::uint64_t first_number_ = 0;
    awaited_end* next_ = nullptr;
};

CONCURRENT_FUTURES_FUNCTION Future<void> group_state::when_done() {
    futures_.throw_if_inherited();
    auto& made = *new awaited_end(*this);
    Future<void> future = future_access::adopt<void>(made);
    outstanding_futures::lock_type lock = futures_.lock();
    if (unfinished_.load() != 0) {
        made.begin();
    } else {
        shared_state_base::handle failed = take_failure();
        lock.unlock();
        made.end(std::move(failed));
    }
    return future;
}

CONCURRENT_FUTURES_FUNCTION void group_state::tell_change(awaited_end* first) noexcept {
    for (; first; first = first->next_) {
        static_cast<void>(first->change([] {}));
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::end_all(awaited_end* first,
                                                      shared_state_base::handle failed) noexcept {
    while (awaited_end* const each = first) {
        first = each->next_;
        each->end(std::exchange(failed, shared_state_base::handle()));
    }
}

[[gnu::cold, gnu::noinline]] inline bool is_cancelled_error(const std::exception_ptr& exception) noexcept {
    try {
        std::rethrow_exception(exception);
    } catch (const cancelled_error&) {
        return true;
    } catch (...) {
        return false;
    }
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_unfinished_group(std::size_t unfinished) {
    char message[80];
    std::snprintf(message, sizeof message, "%zu tasks of the group were not done within the timeout",
                  unfinished);
    throw timeout_error(message);
}

CONCURRENT_FUTURES_FUNCTION void group_state::admission::follow(shared_state_base& state) noexcept {
    if (member_->group.futures_.is_inherited()) {
        return;  // the submit has run something that has forked
    }
    member_->future = shared_state_base::handle(state);
    awaited_end* awaited = nullptr;
    {
        group_state& group = member_->group;
        const outstanding_futures::lock_type lock = group.futures_.lock();
        group.futures_.add(*member_, state);
        cancelled_ = group.cancelled_.load();
        awaited = group.awaited_;
    }
    tell_change(awaited);
    // The group may be gone as soon as the task is done.
    std::exchange(member_, nullptr)->call_when_done(state);
    if (cancelled_) {
        state.request_stop();
    }
}

CONCURRENT_FUTURES_FUNCTION bool group_state::cancel() noexcept {
    if (futures_.is_inherited()) {
        return false;
    }
    outstanding_futures::lock_type lock = futures_.lock();
    return begin_to_cancel(lock);
}

CONCURRENT_FUTURES_FUNCTION void group_state::wait(const deadline& until) {
    futures_.throw_if_inherited();
    shared_state_base::handle failed;
    {
        outstanding_futures::lock_type lock = futures_.lock();
        const outstanding_futures::wait_end end = wait(lock, until);
        if (end == outstanding_futures::wait_end::timed_out) {
            throw_unfinished_group(unfinished_.load());
        }
        if (end == outstanding_futures::wait_end::waits_for_self) {
            throw_as_it_waits_for_itself();
        }
        failed = take_failure();
    }
    if (failed) {
        throw_failure(failed.state());
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::end() noexcept {
    if (futures_.is_inherited()) {
        return;  // nobody will complete the tasks, and the lock may be taken for ever
    }
    {
        outstanding_futures::lock_type lock = futures_.lock();
        if (!wait_to_end(lock)) {
            abandoned_ = true;  // the last task gives up the group's reference
            return;
        }
    }
    remove_reference();
}

CONCURRENT_FUTURES_FUNCTION bool group_state::wait_to_end(outstanding_futures::lock_type& lock) noexcept {
    for (;;) {
        try {
            return wait(lock, deadline()) == outstanding_futures::wait_end::ready;
        } catch (...) {
            if (futures_.is_inherited()) {
                return false;  // something that this has run has forked
            }
            // There is no memory to find out how this worker can help. Others may free some.
            lock.unlock();
            sync::this_thread::yield();
            lock.lock();
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_done(member& ended,
                                                        shared_state_base::handle future) noexcept {
    {
        const shared_state_base::handle dropped = std::move(future);
        outstanding_futures::lock_type lock = futures_.lock();
        futures_.remove(ended);
        if (dropped.state().how_done() == outcome::exception) {
            note_failure(lock, dropped.state());
        }
        if (futures_.is_inherited()) {
            return;  // what `note_failure` has cancelled has forked
        }
        lock.unlock();
        delete &ended;
    }
    // Only now: after a `wait`, the memory of the tasks is free, and unwanted results are destroyed.
    note_finished();
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_failure(outstanding_futures::lock_type& lock,
                                                           shared_state_base& state) noexcept {
    if (cancelled_.load() && is_cancelled_error(state.exception())) {
        // It has waited for a task that was cancelled with the group.
        state.mark_exception_as_looked_at();
        return;
    }
    if (!failed_) {
        failed_ = shared_state_base::handle(state);
        begin_to_cancel(lock);
    }
}

CONCURRENT_FUTURES_FUNCTION bool group_state::begin_to_cancel(outstanding_futures::lock_type& lock) noexcept {
    if (cancelled_.exchange(true)) {
        return false;
    }
    futures_.for_each(lock, [](shared_state_base& state) noexcept { state.request_stop(); });
    return true;
}

CONCURRENT_FUTURES_FUNCTION void group_state::note_finished() noexcept {
    if (futures_.is_inherited()) {
        return;
    }
    // As long as others are unfinished, nobody need be woken, and they keep the group.
    std::size_t unfinished = unfinished_.load();
    while (unfinished > 1) {
        if (unfinished_.compare_exchange_weak(unfinished, unfinished - 1)) {
            return;
        }
    }
    bool last = false;
    awaited_end* awaited = nullptr;
    shared_state_base::handle failed;
    {
        // Under the lock: without it, a thread that waits could destroy the group before it is notified.
        const outstanding_futures::lock_type lock = futures_.lock();
        last = unfinished_.fetch_sub(1) == 1;
        if (last) {
            futures_.notify();
        }
        if (last && awaited_) {
            awaited = std::exchange(awaited_, nullptr);
            failed = take_failure();
        }
        last = last && abandoned_;
    }
    if (awaited) {
        end_all(awaited, std::move(failed));
    }
    if (last) {
        remove_reference();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// A `task_group` runs tasks that belong together on an executor, and waits for all of them. If one fails,
/// the others are cancelled, and `wait` rethrows the failure. No task outlives its group.
///
/// A failure, and `cancel`, cancel the tasks that have not started, and request a stop of those that run.
/// From then on the group is cancelled: a task that is still submitted comes back cancelled, and does not
/// run. The next `wait` that returns or rethrows ends this, and the group may be used again.
///
/// A task that was cancelled has not failed, and neither has one that throws `cancelled_error` after the
/// group was cancelled, as it does where it waits for another task of the group. `wait` rethrows only the
/// first failure. The log handler gets that if nobody waits, and what further tasks throw, unless somebody
/// looks at their futures.
///
/// The executor is one of any kind, and must outlive the group. A task that is done takes no room in the
/// group. But as long as its done callbacks are called, the group has a handle on it: `result()` of an rvalue
/// may have to copy until `wait` has returned.
///
/// Thread-safety: any threads may call all members at once, even tasks of the group.
///
/// \code
/// std::atomic<int> sum = 0;
/// futures::task_group group(executor);
/// for (int number : {1, 2, 3})
///     group.submit([&sum, number] { sum += number; });
/// group.wait();
/// assert(sum == 6);
/// \endcode
template <class Executor>
class task_group {
public:
    /// Makes a group without tasks, which submits to `executor`.
    ///
    /// \throws std::bad_alloc if there is no memory
    explicit task_group(Executor& executor)
        : executor_(executor), state_(new detail::group_state()), exceptions_(std::uncaught_exceptions()) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Waits until all tasks are done. If the scope of the group is left by an exception, cancels the group
    /// first. In a task of the group, this can't wait for the task, and returns at once.
    ///
    /// \code
    /// futures::Future<int> future;
    /// {
    ///     futures::task_group group(executor);
    ///     future = group.submit([] { return 42; });
    /// }
    /// assert(future.done());
    /// \endcode
    ~task_group() {
        if (std::uncaught_exceptions() > exceptions_) {
            state_->cancel();
        }
        state_->end();
    }

    /// Submits a task to the executor, and returns its future. If the group is cancelled, the future is
    /// cancelled too, and nothing is submitted.
    ///
    /// \throws what the executor's `submit` throws; then there is no new task
    ///
    /// \code
    /// futures::task_group group(executor);
    /// futures::Future<std::size_t> length = group.submit(&std::string::size, std::string("hello"));
    /// assert(length.result() == 5);
    /// \endcode
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args)
        -> decltype(std::declval<Executor&>().submit(std::forward<Fn>(fn), std::forward<Args>(args)...)) {
        detail::group_state::admission admitted(*state_);
        if (admitted.is_cancelled()) {
            auto never_called = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
            never_called.future.cancel();
            return std::move(never_called.future);
        }
        auto future = executor_.submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
        admitted.follow(detail::future_access::state(future));
        return future;
    }

    /// Waits until all tasks are done, at most for `limit`, and rethrows the first failure in time.
    ///
    /// On a worker of a pool, it runs on the spot what is queued in that pool: tasks of the group, what they
    /// have submitted, and what they wait for, but nothing else. With a `limit`, it does so only if no other
    /// worker is idle and none can be started.
    ///
    /// \throws what the first task that failed has thrown
    /// \throws timeout_error if `limit` passed first; the tasks go on
    /// \throws invalid_state_error if a pool's task waits, without a limit, for the group that it belongs to
    /// \throws broken_executor in the child of a fork, if the group is the parent's
    /// \throws std::bad_alloc if a worker has no memory to find out what the tasks wait for
    ///
    /// \code
    /// futures::task_group group(executor);
    /// group.submit([] { throw std::runtime_error("bad luck"); });
    /// try {
    ///     group.wait();
    ///     assert(false);
    /// } catch (const std::runtime_error& failure) {
    ///     assert(failure.what() == std::string("bad luck"));
    /// }
    /// \endcode
    void wait(const timeout& limit = {}) { state_->wait(limit.start()); }

    /// Lets a coroutine of any type wait as `wait()` does, without a thread: `co_await group` goes on when
    /// all tasks are done, and rethrows the first failure in time. A coroutine that itself returns a `Future`
    /// goes on as a task of its executor. Any other goes on where the last task has ended, as a done callback
    /// does. The group may be used again after that.
    ///
    /// A worker that waits for such a coroutine runs the tasks of the group, as `wait()` does.
    /// `request_stop()` of the coroutine cancels the group, and the coroutine goes on when all tasks are
    /// done.
    ///
    /// \throws what the first task that failed has thrown
    /// \throws broken_executor in the child of a fork, if the group is the parent's
    /// \throws std::bad_alloc if there is no memory
    ///
    /// \code
    /// auto sum = [](futures::thread_pool_executor<>& pool) -> futures::Future<int> {
    ///     futures::task_group group(pool);
    ///     auto six = group.submit([] { return 6; });
    ///     auto seven = group.submit([] { return 7; });
    ///     co_await group;
    ///     co_return six.result() + seven.result();
    /// };
    /// assert(sum(executor).result() == 13);
    /// \endcode
    auto operator co_await() { return detail::future_awaiter<void, Future<void>>(state_->when_done()); }

    /// Cancels the tasks that have not started, and requests a stop of those that run. Doesn't wait.
    ///
    /// \code
    /// futures::task_group group(executor);
    /// group.cancel();
    /// assert(group.submit([] { return 42; }).cancelled());
    /// group.wait();
    /// assert(group.submit([] { return 42; }).result() == 42);
    /// \endcode
    void cancel() noexcept { state_->cancel(); }

private:
    Executor& executor_;
    detail::group_state* const state_;  // destroys itself
    const int exceptions_;              // that were on their way when the group was made
};

/// `task_group group(executor);` is a group of whatever executor it is given.
template <class Executor>
task_group(Executor&) -> task_group<Executor>;

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/flatten.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Stores the value of `source`, which is done and has one, as the result of `target`: moved if `source` is
// the last handle, or if `T` can't be copied.
template <class T>
void take_value(shared_state<T>& target, shared_state<T>& source) {
    if constexpr (std::is_void_v<T>) {
        target.result().emplace();
    } else if constexpr (std::is_reference_v<T>) {
        target.result().emplace(source.result().get());
    } else if constexpr (is_copyable<T>) {
        if (source.has_one_handle()) {
            target.result().emplace(std::move(source.result().get()));
        } else {
            target.result().emplace(static_cast<const T&>(source.result().get()));
        }
    } else {
        target.result().emplace(std::move(source.result().get()));
    }
}

// The state of a future that waits for another, `outer`, and then for that one's value, `inner`.
template <class T>
class flattened_state final : public composed_state<T>, private callback, public cached_memory {
public:
    explicit flattened_state(Future<Future<T>> outer)
        : outer_(std::move(outer)), executor_task_(future_access::state(outer_).as_task()) {}

    // The state may have become done when this returns.
    void start() noexcept { call_when_done(future_access::state(outer_)); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        shared_state_base::weak_handle found;
        if (place.index == 0) {
            this->if_unqueued([&] {
                if (!awaited().done()) {
                    found = shared_state_base::weak_handle(awaited());
                }
            });
        }
        return found;
    }
    [[nodiscard]] queued_state* as_task() noexcept override { return executor_task_; }

private:
    // How far this has got. Guarded by the lock.
    enum class phase { waits_for_outer, joins_inner, waits_for_inner, left };

    ~flattened_state() override = default;

    // Requires: this waits, and the lock is held.
    [[nodiscard]] shared_state_base& awaited() const {
        if (inner_.valid()) {
            return future_access::state(inner_);
        }
        return future_access::state(outer_);
    }

    void call_back(outcome how) override {
        if (std::exchange(outer_is_done_, true)) {
            end(inner_, how);
        } else if (how == outcome::value) {
            join_inner();
        } else {
            end(outer_, how);
        }
    }

    void join_inner() {
        // Only this has a handle on `outer_`.
        Future<T> inner = std::move(future_access::state(outer_).result().get());
        if (!inner.valid() || std::addressof(future_access::state(inner)) == this) {
            fail_with(make_error<invalid_state_error>(
                inner.valid() ? "a function that `then` has called returned the future that `then` returned, "
                                "which so waits for itself"
                              : "a function that `then` has called returned a future without a state"));
            return;
        }
        shared_state<T>& state = future_access::state(inner);
        const shared_state_base::handle kept(*this);
        const bool waits = this->change([&] {
            inner_ = std::move(inner);
            phase_ = phase::joins_inner;
        });
        if (!waits) {
            this->release_from_queue();
            return;
        }
        const bool added = call_when_done_later(state);
        bool left = false;
        this->with_lock([&] {
            left = phase_ == phase::left;
            phase_ = phase::waits_for_inner;
        });
        if (left) {
            // The thread that cancelled this has left the rest to this thread.
            const Future<T> last = std::move(inner_);
            if (!added || take_back_from(state)) {
                this->release_from_queue();
            }
            this->cancel_if_last(state, stops_);
        } else if (!added) {
            end(inner_, state.how_done());
        }
    }

    // Becomes done as `source` is.
    template <class Source>
    void end(const Future<Source>& source, outcome how) noexcept {
        if (how == outcome::cancelled) {
            this->cancel();
            this->release_from_queue();
            return;
        }
        if (!this->claim_unqueued()) {
            this->release_from_queue();
            return;
        }
        shared_state<Source>& state = future_access::state(source);
        if (how == outcome::exception) {
            state.mark_exception_as_looked_at();
            this->set_exception(state.exception());
        } else if constexpr (std::is_same_v<Source, T>) {
            try {
                take_value(*this, state);
            } catch (...) {
                this->set_exception(std::current_exception());
            }
        }
        if (!holds_references<T> || this->exception()) {
            inner_ = {};
        }
        complete();
    }

    void fail_with(std::exception_ptr reason) noexcept {
        if (!this->claim_unqueued()) {
            this->release_from_queue();
            return;
        }
        this->set_exception(std::move(reason));
        complete();
    }

    void complete() noexcept {
        if (this->complete_taken([] {})) {
            this->destroy_without_handle();
        }
    }

    void stop_waiting(bool stop) noexcept override {
        phase found = phase::left;
        this->with_lock([&] {
            found = phase_;
            phase_ = phase::left;
            stops_ = stop;
        });
        if (found == phase::joins_inner || this->is_inherited()) {
            return;
        }
        shared_state_base& state = awaited();
        if (take_back_from(state)) {
            this->release_from_queue();
        }
        this->cancel_if_last(state, stop);
        inner_ = {};
    }

    void drop_sources() noexcept override { inner_ = {}; }

    const Future<Future<T>> outer_;  // to the end, as it has the task below
    // Once `outer_` is done, until this is; or as long as the result, if that may refer to something of it.
    Future<T> inner_;
    queued_state* const executor_task_;
    bool outer_is_done_ = false;
    bool stops_ = false;
    phase phase_ = phase::waits_for_outer;
};

// Returns a future of the value of the future that is the value of `outer`.
template <class T>
[[nodiscard]] Future<T> flatten(Future<Future<T>> outer) {
    auto& made = *new flattened_state<T>(std::move(outer));
    Future<T> future = future_access::adopt<T>(made);
    made.start();
    return future;
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/continuation.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A task that is queued, or run, when another future is done, its parent. Until then it is a callback of the
// parent: one allocation holds everything. The captures have a handle on the parent.
class continuation : public callback {
protected:
    // `sees_failures` says whether the task runs even if the parent has no value.
    continuation(shared_state_base& parent, bool sees_failures) noexcept
        : parent_(parent), sees_failures_(sees_failures) {}
    ~continuation() = default;

    // Whether the task runs if the parent is done as `how` says.
    [[nodiscard]] bool goes_on(outcome how) const noexcept { return how == outcome::value || sees_failures_; }

    // Goes on after the parent is done, as `how` says. Returns whether `task`, whose state is `future`, is to
    // be run now. Only if so, this object is sure to exist still. If an executor of one's own runs the task,
    // which `submits` says, the future goes on waiting for others until the task begins.
    [[nodiscard]] bool begin(shared_state_base& future, queued_state& task, outcome how,
                             bool submits) const noexcept;

    // Returns a weak handle on what the task waits for: the parent, or what was submitted.
    [[nodiscard]] shared_state_base::weak_handle dependency_of(shared_state_base& future) const noexcept {
        shared_state_base::weak_handle found;
        future.if_unqueued([&] {
            shared_state_base& awaited = submitted_ ? submitted_.state() : parent_;
            if (!awaited.done()) {
                found = shared_state_base::weak_handle(awaited);
            }
        });
        return found;
    }

    // An executor of one's own has the task, and `submitted` will run it, unless it has done so by now.
    void wait_for_submitted(shared_state_base& future, shared_state_base::weak_handle submitted) noexcept {
        static_cast<void>(future.change([&] { submitted_ = std::move(submitted); }));
    }

    // The task leaves its executor of one's own, and may be run from now on. Returns false if it was
    // cancelled, or has left before.
    [[nodiscard]] bool leave_executor(shared_state_base& future) noexcept {
        if (!future.begin_to_queue()) {
            return false;
        }
        forget_submitted();
        return true;
    }

    // Requires: the future doesn't wait for others any more.
    void forget_submitted() noexcept { submitted_.reset(); }

    // Returns whether nothing will come from the parent any more.
    [[nodiscard]] bool stop_waiting_for_parent(shared_state_base& future) noexcept;

    [[nodiscard]] shared_state_base& parent() const noexcept { return parent_; }

    // Runs the task, for the executor of one's own to which it was submitted, unless it was cancelled.
    virtual void run_submitted() noexcept = 0;
    // The thread that submits it and the `submitted_continuation` both hold the memory. The second to go
    // makes the task fail if it has not run.
    virtual void release_submitted() noexcept = 0;

private:
    friend class submitted_continuation;

    void pass_on_failure(shared_state_base& future, queued_state& task) const noexcept;

    shared_state_base& parent_;
    // What an executor of one's own runs to run the task. Guarded by the lock of the state as long as the
    // task waits for others. Weak, as nobody asks for its result.
    shared_state_base::weak_handle submitted_;
    const bool sees_failures_;
};

// What an executor of one's own runs for a continuation, or drops.
class submitted_continuation {
public:
    using passes_failures_on = void;  // see `detail::passes_failures_on`

    explicit submitted_continuation(continuation& task) noexcept : task_(&task) {}
    submitted_continuation(submitted_continuation&& other) noexcept
        : task_(std::exchange(other.task_, nullptr)) {}
    submitted_continuation& operator=(submitted_continuation&&) = delete;
    ~submitted_continuation() {
        if (task_) {
            task_->release_submitted();
        }
    }
    void operator()() noexcept {
        if (continuation* const task = std::exchange(task_, nullptr)) {
            task->run_submitted();
            task->release_submitted();
        }
    }

private:
    continuation* task_;
};

// What a continuation is made of.
struct continuation_origin {
    shared_state_base& parent;
    bool sees_failures;
    // Which will run it. If there is none of both, it runs as a done callback does.
    pool_identity owner;
    executor_reference own_executor;
    // Keeps the owner, unless that runs the parent, too, and `find_owner` will find it.
    shared_pool<pool_base> kept_owner;
};

// The state of a continuation.
template <class T>
class continuation_state : public task_state<T>, private continuation {
public:
    explicit continuation_state(continuation_origin&& origin) noexcept
        : task_state<T>(origin.owner),
          continuation(origin.parent, origin.sees_failures),
          keeps_owner_(origin.kept_owner),
          kept_owner_(std::move(origin.kept_owner)),
          own_executor_(origin.own_executor) {
        this->set_known_early();
        this->note_unqueued();
    }

    // Requires: the captures have a handle on the parent. The task may have ended when this returns.
    void start() noexcept { call_when_done(parent()); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept final {
        if (!this->is_unqueued()) {
            return task_state<T>::dependency(place);
        }
        return place.index == 0 ? dependency_of(*this) : shared_state_base::weak_handle();
    }

    // It is queued when its parent is done, and so need not descend from the task that its worker runs.
    [[nodiscard]] bool submitter_may_wait() noexcept override { return false; }

    [[nodiscard]] executor_reference own_executor() const noexcept final { return own_executor_; }

protected:
    ~continuation_state() override = default;

private:
    void call_back(outcome how) final {
        if (own_executor_) {
            if (this->begin(*this, *this, how, true)) {
                submit();
            }
            return;
        }
        // Once the task may be run, its pool must exist until it was pushed. By then the task may be gone.
        shared_pool<pool_base> kept = std::move(kept_owner_);
        const bool runs_inline = !this->has_owner();
        pool_base* const pool = kept || runs_inline ? kept.get() : this->find_owner(kept);
        if (!pool && !runs_inline && this->goes_on(how)) {
            this->fail_unqueued(
                make_error<executor_shutdown>("the executor that ran the future was destroyed"));
            return;
        }
        if (!this->begin(*this, *this, how, false)) {
            return;
        }
        if (runs_inline) {
            this->run_packaged();
            return;
        }
        this->push_or_fail(*pool, [&] { pool->push(*this); });
    }

    // The task may run, be dropped or be cancelled on another thread before the executor returns.
    void submit() noexcept {
        try {
            if (auto submitted =
                    own_executor_.submit(own_executor_.executor, submitted_continuation(*this))) {
                this->wait_for_submitted(*this, std::move(submitted));
            }
        } catch (...) {
            failure_ = std::current_exception();
        }
        release_submitted();
    }

    void run_submitted() noexcept final {
        if (this->leave_executor(*this) && this->claim_to_help(false, nullptr)) {
            worker::note_running_elsewhere(*this);
            this->call();
            this->complete_without_handle();
        }
    }

    // It fails with what the executor has thrown, or because the executor has dropped it.
    void release_submitted() noexcept final {
        // Acquire and release: pairs with itself. It publishes `failure_`, and the uses of the memory.
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
            return;
        }
        if (this->is_unqueued() && this->leave_executor(*this)) {
            this->fail_dropped(
                failure_ ? std::move(failure_)
                         : make_error<broken_promise_error>("the executor dropped the continuation"));
        } else {
            this->release_from_queue();
        }
    }

    void stop_waiting(bool stop) noexcept final {
        if (this->stop_waiting_for_parent(*this)) {
            kept_owner_.reset();
        }
        this->cancel_if_last(this->parent(), stop);
        this->forget_submitted();
    }

    [[nodiscard]] bool keeps_owner() const noexcept final { return keeps_owner_; }

    const bool keeps_owner_;
    sync::atomic<int> holders_{2};       // once it is submitted to `own_executor_`
    shared_pool<pool_base> kept_owner_;  // until the task is pushed
    const executor_reference own_executor_;
    std::exception_ptr failure_;  // what `own_executor_` has thrown
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool continuation::begin(shared_state_base& future, queued_state& task,
                                                     outcome how, bool submits) const noexcept {
    if (goes_on(how)) {
        if (submits ? future.is_unqueued() : future.begin_to_queue()) {
            return true;
        }
        future.release_from_queue();
    } else if (how == outcome::cancelled) {
        task.cancel_waiting();
    } else {
        pass_on_failure(future, task);
    }
    return false;
}

CONCURRENT_FUTURES_FUNCTION bool continuation::stop_waiting_for_parent(shared_state_base& future) noexcept {
    // In the child of a fork, the parent's list of callbacks is not the one that has this.
    if (future.is_inherited() || !take_back_from(parent_)) {
        return false;
    }
    future.release_from_queue();
    return true;
}

CONCURRENT_FUTURES_FUNCTION void continuation::pass_on_failure(shared_state_base& future,
                                                               queued_state& task) const noexcept {
    std::exception_ptr failure;
    // As long as the task waits, nobody destroys its captures, which have a handle on the parent.
    future.if_unqueued([&] {
        failure = parent_.exception();
        parent_.mark_exception_as_looked_at();
    });
    task.fail_unqueued(std::move(failure));
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/reference_to.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns a reference to an executor of any kind, through which continuations are submitted.
template <class Executor>
[[nodiscard]] executor_reference reference_to(Executor& executor) noexcept {
    executor_reference reference;
    // The function below knows whether the executor is const.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    reference.executor = const_cast<void*>(static_cast<const void*>(std::addressof(executor)));
    reference.submit = [](void* submits, submitted_continuation&& continuation) {
        Executor& target = *static_cast<Executor*>(submits);
        shared_state_base::weak_handle submitted;
        if constexpr (future_type<decltype(target.submit(std::move(continuation)))>) {
            const auto future = future_access::disregard(target.submit(std::move(continuation)));
            if (future.valid()) {
                submitted = shared_state_base::weak_handle(future_access::state(future));
            }
        } else {
            static_cast<void>(target.submit(std::move(continuation)));
        }
        return submitted;
    };
    return reference;
}

// What stands for the executor of a coroutine that has not taken it by an lvalue reference. Before something
// can be submitted to it, the coroutine ends, and the executor is gone.
[[noreturn]] inline shared_state_base::weak_handle refuse_continuation(void*, submitted_continuation&&) {
    throw_error<executor_shutdown>(
        "the executor that ran the future was destroyed with the coroutine, which has not taken it by an "
        "lvalue reference: pass it by reference, or name an executor, as in then(executor, fn)");
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/then.hpp

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

template <class... Each>
struct argument_list {};

// What a continuation gets of a future's value. `moves` says that the future was an rvalue.
template <class T, bool moves>
struct value_arguments {
    using type = argument_list<std::conditional_t<moves, T&&, const T&>>;
};
template <class T, bool moves>
    requires std::is_reference_v<T>
struct value_arguments<T, moves> {
    using type = argument_list<T>;
};
template <class T, bool moves>
    requires std::is_void_v<T>
struct value_arguments<T, moves> {
    using type = argument_list<>;
};

// How `Fn` is called with `Arguments`.
template <class Fn, class Arguments>
struct continuation_call;
template <class Fn, class... Args>
struct continuation_call<Fn, argument_list<Args...>> {
    static constexpr bool takes_token = takes_stop_token<Fn, Args...>;
    static constexpr bool is_possible = takes_token || std::is_invocable_v<Fn, Args...>;
};

template <class Fn, class T, bool moves>
using call_with_value = continuation_call<Fn, typename value_arguments<T, moves>::type>;

// How `Fn` continues a `Future<T>`: with the value if that is possible, else with the future. Only then the
// latter is tried, as that may compile the body of a generic callable.
template <class Fn, class T, bool moves>
struct continuation_of : call_with_value<Fn, T, moves> {
    static constexpr bool sees_failures = false;
};
template <class Fn, class T, bool moves>
    requires(!call_with_value<Fn, T, moves>::is_possible)
struct continuation_of<Fn, T, moves> : continuation_call<Fn, argument_list<Future<T>>> {
    static constexpr bool sees_failures = true;
};

template <class Fn, class T, bool moves>
inline constexpr bool can_continue = continuation_of<Fn, T, moves>::is_possible;

// A callable and the future that it continues.
template <class Fn, class T, bool moves>
class continued {
public:
    static constexpr bool sees_failures = continuation_of<Fn, T, moves>::sees_failures;

    template <class OtherFn>
    continued(OtherFn&& fn, Future<T> parent) : fn_(std::forward<OtherFn>(fn)), parent_(std::move(parent)) {}

protected:
    // Requires: the parent is done.
    template <class... Token>
    decltype(auto) call(Token... token) {
        if constexpr (sees_failures) {
            return std::invoke(std::move(fn_), std::move(token)..., std::move(parent_));
        } else if constexpr (std::is_void_v<T>) {
            return std::invoke(std::move(fn_), std::move(token)...);
        } else if constexpr (std::is_reference_v<T>) {
            return std::invoke(std::move(fn_), std::move(token)..., state().result().get());
        } else if constexpr (moves) {
            return call_with_rvalue(std::move(token)...);
        } else {
            const T& value = state().result().get();
            return std::invoke(std::move(fn_), std::move(token)..., value);
        }
    }

private:
    template <class... Token>
    auto call_with_rvalue(Token... token) -> kept_result_t<std::invoke_result_t<Fn, Token..., T>> {
        using result = std::invoke_result_t<Fn, Token..., T>;
        T& value = state().result().get();
        if constexpr (is_copyable<T>) {
            if (!state().has_one_handle()) {
                const T& shared = value;
                if constexpr (std::is_invocable_v<Fn, Token..., const T&>) {
                    if constexpr (std::is_same_v<std::invoke_result_t<Fn, Token..., const T&>, result>) {
                        return std::invoke(std::move(fn_), std::move(token)..., shared);
                    }
                }
                return std::invoke(std::move(fn_), std::move(token)..., T(shared));
            }
        }
        return std::invoke(std::move(fn_), std::move(token)..., std::move(value));
    }

    [[nodiscard]] shared_state<T>& state() const { return future_access::state(parent_); }

    Fn fn_;
    Future<T> parent_;
};

// The same as a callable, for a task.
template <class Fn, class T, bool moves>
struct continued_call : continued<Fn, T, moves> {
    using continued<Fn, T, moves>::continued;
    decltype(auto) operator()() { return this->call(); }
};
#if defined(__cpp_lib_jthread)
template <class Fn, class T, bool moves>
struct stoppable_continued_call : continued<Fn, T, moves> {
    using continued<Fn, T, moves>::continued;
    decltype(auto) operator()(std::stop_token token) { return this->call(std::move(token)); }
};
#endif

template <class Fn, class T, bool moves, bool takes_token>
struct continued_call_for {
    using type = continued_call<Fn, T, moves>;
};
#if defined(__cpp_lib_jthread)
template <class Fn, class T, bool moves>
struct continued_call_for<Fn, T, moves, true> {
    using type = stoppable_continued_call<Fn, T, moves>;
};
#endif

// Makes continuations.
class continuing {
public:
    // As a task of the executor that ran `parent`.
    template <bool moves, class T, class Fn>
    [[nodiscard]] static auto then(Future<T> parent, Fn&& fn) {
        shared_state<T>& state = future_access::state(parent);
        continuation_origin origin{state, false, {}, {}, {}};
        if (queued_state* const task = state.as_task()) {
            if (task->has_owner()) {
                origin.owner = task->owner_identity();
                origin.kept_owner = task->keep_owner_of_another_library();
            } else {
                origin.own_executor = task->own_executor();
            }
        }
        return start<moves>(std::move(origin), std::move(parent), std::forward<Fn>(fn));
    }

    // As a task of `executor`.
    template <bool moves, class T, class Executor, class Fn>
    [[nodiscard]] static auto then_in(Future<T> parent, Executor& executor, Fn&& fn) {
        continuation_origin origin{future_access::state(parent), false, {}, {}, {}};
        if constexpr (requires { shared_pool<pool_base>(*executor.pool_); }) {
            origin.kept_owner = shared_pool<pool_base>(*executor.pool_);
            origin.owner = pool_identity(origin.kept_owner.get());
        } else {
            origin.own_executor = reference_to(executor);
        }
        return start<moves>(std::move(origin), std::move(parent), std::forward<Fn>(fn));
    }

private:
    template <class Fn, class T, bool moves>
    using call_of =
        typename continued_call_for<Fn, T, moves, continuation_of<Fn, T, moves>::takes_token>::type;

    // Does what `flatten` does. If that throws, destroys the task `unstarted`, whose future is `outer`.
    template <class T>
    [[nodiscard]] static Future<T> flatten_unstarted(Future<Future<T>> outer, shared_state_base& unstarted) {
        const shared_state_base::handle kept(unstarted);
        try {
            return flatten(std::move(outer));
        } catch (...) {
            unstarted.note_not_queued();
            throw;
        }
    }

    template <bool moves, class T, class Fn>
    [[nodiscard]] static auto start(continuation_origin&& origin, Future<T> parent, Fn&& fn) {
        using call = call_of<std::decay_t<Fn>, T, moves>;
        using result = typename task_result<call>::type;
        throw_if_inherited(origin.parent);
        origin.sees_failures = call::sees_failures;
        // The task destroys itself when the last handle goes.
        continuation_state<result>& made = *new task_of<continuation_state<result>, call>(
            std::move(origin), call(std::forward<Fn>(fn), std::move(parent)));
        Future<result> future = future_access::adopt<result>(made);
        if constexpr (is_future<result>) {
            // Before the start: if there is no memory, the task doesn't run.
            auto flattened = flatten_unstarted(std::move(future), made);
            made.start();
            return flattened;
        } else {
            made.start();
            return future;
        }
    }
};

}  // namespace detail

template <class T>
template <class Fn>
auto Future<T>::then(Fn&& fn) const& {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, false>,
                  "then(fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, false>) {
        static_cast<void>(this->checked());
        return detail::continuing::then<false>(Future(*this), std::forward<Fn>(fn));
    }
}

template <class T>
template <class Fn>
auto Future<T>::then(Fn&& fn) && {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, true>,
                  "then(fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, true>) {
        static_cast<void>(checked());
        return detail::continuing::then<true>(std::move(*this), std::forward<Fn>(fn));
    }
}

template <class T>
template <class Executor, class Fn>
auto Future<T>::then(Executor& executor, Fn&& fn) const& {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, false>,
                  "then(executor, fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, false>) {
        static_cast<void>(this->checked());
        return detail::continuing::then_in<false>(Future(*this), executor, std::forward<Fn>(fn));
    }
}

template <class T>
template <class Executor, class Fn>
auto Future<T>::then(Executor& executor, Fn&& fn) && {
    static_assert(detail::can_continue<std::decay_t<Fn>, T, true>,
                  "then(executor, fn): fn can't be called with the value of the future, nor with the future");
    if constexpr (detail::can_continue<std::decay_t<Fn>, T, true>) {
        static_cast<void>(checked());
        return detail::continuing::then_in<true>(std::move(*this), executor, std::forward<Fn>(fn));
    }
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/wait.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// `return_when` says when `wait` returns. A future that was cancelled is done, but has not failed.
///
/// \code
/// auto good = executor.submit([] {});
/// auto bad = executor.submit([] { throw std::runtime_error("bad luck"); });
/// auto result = futures::wait({good, bad}, {.return_when = futures::return_when::first_exception});
/// assert(bad.exception() && !result.done.empty());
/// \endcode
enum class return_when {
    all_completed,    ///< all are done
    first_completed,  ///< any is done
    first_exception   ///< any has failed, or all are done
};

/// `wait_options` say for what, and for how long, `wait` waits.
///
/// \code
/// futures::Promise<int> promise;
/// auto result = futures::wait({promise.get_future()}, {.timeout = std::chrono::milliseconds(1)});
/// assert(result.not_done.size() == 1);
/// \endcode
struct wait_options {
    /// `wait` waits for this long at most.
    futures::timeout timeout = {};
    /// `wait` returns earlier if this is so.
    futures::return_when return_when = futures::return_when::all_completed;
};

/// `wait` returns its futures, each once and in their order, separated by whether they were done: as
/// `Future<T>`, or as `any_future` if `T` is `any_future`.
///
/// \code
/// auto future = executor.submit([] { return 42; });
/// auto [done, not_done] = futures::wait({future});
/// assert(done == std::vector{future} && not_done.empty());
/// \endcode
template <class T>
struct wait_result {
    /// These futures had finished or were cancelled.
    std::vector<detail::handle_on<T>> done;
    /// These had not.
    std::vector<detail::handle_on<T>> not_done;
};

namespace detail {

// See `wait`, below.
template <class Range>
auto wait_for_each(Range& futures, const wait_options& options) {
    using value = typename future_in<Range&>::value_type;
    completion_watch watch(unique_futures(futures));
    const std::size_t wanted =
        options.return_when == return_when::first_completed ? std::size_t(watch.size() != 0) : watch.size();
    const deadline until = options.timeout.start();
    const bool to_the_end = options.return_when == return_when::all_completed && until.is_never();
    watch.wait_for(wanted, options.return_when == return_when::first_exception, to_the_end, until);
    watch.stop_watching();
    wait_result<value> result;
    for (auto& each : watch.entries()) {
        auto& group = each.future.state().done() ? result.done : result.not_done;
        group.push_back(future_access::adopt_as<handle_on<value>>(std::move(each.future)));
    }
    return result;
}

}  // namespace detail

/// Waits for the futures of a range, or for the keys of a map, as `options` say, and returns which are done.
/// It doesn't throw `timeout_error`, or anything that the tasks throw. It costs O(n) for n futures.
///
/// On a worker, it runs tasks that are queued in the worker's pool on the spot, until enough are done. If it
/// may return before all are done (by a timeout, or by `return_when`), it does so only while no other worker
/// is idle and none can be started.
///
/// \throws invalid_state_error if a future is not `valid()`, or if a task waits for itself without a limit
/// \throws broken_executor in the child of a fork, if it would wait for a future of the parent's
///
/// \code
/// std::vector tasks{executor.submit([] { return 1; }), executor.submit([] { return 2; })};
/// auto [done, not_done] = futures::wait(tasks, {.timeout = std::chrono::hours(1)});
/// assert(done == tasks && not_done.empty());
/// \endcode
template <class Range>
    requires detail::no_list_of_any_future<Range>
auto wait(Range&& futures, const wait_options& options = {}) {
    static_assert(future_range<Range>,
                  "wait(futures): it needs a range of Future, or a map with Future for its keys");
    if constexpr (future_range<Range>) {
        return detail::wait_for_each(futures, options);
    }
}

/// Does the same for a list of futures.
///
/// \code
/// auto first = executor.submit([] { return 1; });
/// auto second = executor.submit([] { return 2; });
/// assert(futures::wait({first, second}).done.size() == 2);
/// \endcode
template <class T>
wait_result<T> wait(std::initializer_list<Future<T>> futures, const wait_options& options = {}) {
    return detail::wait_for_each(futures, options);
}

/// Does the same for a list of futures of several types.
///
/// \code
/// auto number = executor.submit([] { return 42; });
/// auto text = executor.submit([] { return std::string("hello"); });
/// auto [done, not_done] = futures::wait({number, text});
/// assert(done.size() == 2 && done[0] == number && done[1].get<std::string>().result() == "hello");
/// \endcode
template <class Any = any_future>
wait_result<Any> wait(std::initializer_list<std::type_identity_t<Any>> futures,
                      const wait_options& options = {}) {
    return detail::wait_for_each(futures, options);
}

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/submitted_call.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A call that an executor of any kind makes, or drops: then `when_dropped()` is called instead.
template <class Fn, class WhenDropped>
class submitted_call {
    // How far the submit has got. As long as it goes on, it may drop the call and throw why. It may also have
    // queued the call and throw nevertheless: then the call is not made any more.
    enum class phase { submitting, submitted, dropped, called, refused };

public:
    using passes_failures_on = void;  // see `detail::passes_failures_on`

    submitted_call(submitted_call&&) noexcept = default;
    submitted_call& operator=(submitted_call&&) = delete;
    // Acquire and release, here and below: one of `submit` and the others sees what the other did.
    ~submitted_call() {
        if (phase_ && phase_->exchange(phase::dropped, std::memory_order_acq_rel) == phase::submitted) {
            when_dropped_();
        }
    }

    void operator()() {
        const std::shared_ptr<sync::atomic<phase>> shared = std::move(phase_);
        if (shared->exchange(phase::called, std::memory_order_acq_rel) != phase::refused) {
            fn_();
        }
    }

    // Submits the call, and returns a handle on the future of it. If this throws, neither is called. If the
    // executor throws although it has called, that is logged, and the handle is empty.
    template <class Executor>
    [[nodiscard]] static shared_state_base::handle submit(Executor& executor, Fn fn,
                                                          WhenDropped when_dropped) {
        auto shared = std::make_shared<sync::atomic<phase>>(phase::submitting);
        shared_state_base::handle submitted;
        try {
            auto future = future_access::disregard(executor.submit(submitted_call(shared, fn, when_dropped)));
            if (future.valid()) {
                submitted = future_access::release(std::move(future));
            }
        } catch (...) {
            if (shared->exchange(phase::refused, std::memory_order_acq_rel) != phase::called) {
                throw;
            }
            log("an executor has run a task, and has thrown nevertheless", std::current_exception());
            return submitted;
        }
        if (shared->exchange(phase::submitted, std::memory_order_acq_rel) == phase::dropped) {
            when_dropped();
        }
        return submitted;
    }

private:
    submitted_call(std::shared_ptr<sync::atomic<phase>> shared, Fn fn, WhenDropped when_dropped) noexcept
        : phase_(std::move(shared)), fn_(std::move(fn)), when_dropped_(std::move(when_dropped)) {}

    std::shared_ptr<sync::atomic<phase>> phase_;  // null once it was called
    Fn fn_;
    WhenDropped when_dropped_;
};

// Submits a call of `fn()` to `executor`. See `submitted_call`.
template <class Executor, class Fn, class WhenDropped>
[[nodiscard]] shared_state_base::handle submit_call(Executor& executor, Fn fn, WhenDropped when_dropped) {
    return submitted_call<Fn, WhenDropped>::submit(executor, std::move(fn), std::move(when_dropped));
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/options.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A `whole_number` is of an integral type, or converts to one, as an enumeration does.
template <class Number>
concept whole_number = requires(const Number& number) {
    { +number } -> std::integral;
};

// `worker_limit` is the greatest number of threads that a pool starts. It converts from every integral type
// and narrows none, so the compiler has nothing to warn of, and no number becomes another one.
class worker_limit {
public:
    template <whole_number Number>
    constexpr worker_limit(Number number) : number_(saturated(+number)) {}

    // Returns the nearest int.
    constexpr operator int() const noexcept {
        constexpr long long least = (std::numeric_limits<int>::min)();
        return static_cast<int>(number_ < least ? least : number_ < greatest ? number_ : greatest);
    }

    // Throws `std::invalid_argument` if a pool can't have so many threads.
    [[nodiscard, gnu::noinline]] std::size_t checked() const {
        if (number_ < 1) {
            throw_error<std::invalid_argument>("max_workers must be greater than 0");
        }
        if (number_ > greatest) {
            char message[80];
            std::snprintf(message, sizeof message, "max_workers is too great: it can be %lld at most",
                          greatest);
            throw_error<std::invalid_argument>(message);
        }
        return static_cast<std::size_t>(number_);
    }

private:
    static constexpr long long greatest = (std::numeric_limits<int>::max)();

    template <std::integral Integer>
    static constexpr long long saturated(Integer number) noexcept {
        static_assert(sizeof(Integer) <= sizeof(long long));
        constexpr long long most = (std::numeric_limits<long long>::max)();
        if constexpr (std::unsigned_integral<Integer>) {
            return number > static_cast<unsigned long long>(most) ? most : static_cast<long long>(number);
        } else {
            return number;
        }
    }

    long long number_;
};

}  // namespace detail

/// `thread_pool_options` say how a `thread_pool_executor` is made.
///
/// \code
/// futures::thread_pool_executor crawlers({.max_workers = 8, .thread_name_prefix = "crawler"});
/// assert(crawlers.max_workers() == 8);
/// \endcode
struct thread_pool_options {
    /// The executor starts at most this many threads, from 1 to the greatest int. The default is
    /// `min(32, usable_cpus() + 4)`. The option takes every integral type and reads as an int.
    ///
    /// \code
    /// futures::thread_pool_options options = {.max_workers = std::vector<int>(3).size()};
    /// assert(options.max_workers == 3 && *options.max_workers + 1 == 4);
    /// options.max_workers = std::nullopt;
    /// assert(options.max_workers.value_or(8) == 8);
    /// \endcode
    std::optional<detail::worker_limit> max_workers = {};
    /// The names of the threads begin with this, before `_<n>`. The default is `thread_pool_executor-<k>`.
    /// The operating system may show a name without its middle: Linux shows 15 bytes, such as
    /// `thread_poo-3_12`.
    ///
    /// \code
    /// futures::thread_pool_executor crawlers({.thread_name_prefix = "crawler"});
    /// assert(crawlers.submit([] { return futures::this_thread_name(); }).result() == "crawler_0");
    /// \endcode
    std::string thread_name_prefix = {};
    /// Each thread calls this first. If it throws, the pool is broken: see `broken_thread_pool`.
    ///
    /// \code
    /// thread_local static int connection = 0;
    /// futures::thread_pool_executor connected({.initializer = [] { connection = 42; }});
    /// assert(connected.submit([] { return connection; }).result() == 42);
    /// \endcode
    std::function<void()> initializer = {};
};

/// `submit_options` say how a task is submitted.
///
/// \code
/// futures::thread_pool_executor<futures::priority> urgent_first(2);
/// assert(urgent_first.submit({.priority = 10}, [] { return 42; }).result() == 42);
/// \endcode
struct submit_options {
    /// A `priority` pool starts tasks with a greater one first. Other pools ignore it.
    int priority = 0;
};

/// `shutdown_options` say how an executor is shut down.
///
/// \code
/// executor.shutdown({.wait = false, .cancel_futures = true});
/// \endcode
struct shutdown_options {
    /// If true, `shutdown` returns only when every thread has ended.
    bool wait = true;
    /// If true, `shutdown` cancels tasks that have not started, instead of running them.
    bool cancel_futures = false;
    /// If true, `shutdown` requests a stop of running tasks that took a `std::stop_token`, as
    /// `Future::request_stop` does. It asks queued tasks that are not cancelled as soon as they start.
    ///
    /// \code
    /// #if defined(__cpp_lib_jthread)
    /// executor.submit([](std::stop_token stop) {
    ///     while (!stop.stop_requested()) {
    ///     }
    /// });
    /// executor.shutdown({.request_stop = true});  // returns
    /// #endif
    /// \endcode
    bool request_stop = false;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/executor.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// An `executor` runs tasks and gives futures for them: a `thread_pool_executor` of any queue, or one of your
/// own. Use it in signatures: `void crawl(futures::executor auto& executor)`.
///
/// \code
/// auto answer_by = [](futures::executor auto& any) { return any.submit([] { return 42; }); };
/// assert(answer_by(executor).result() == 42);
/// \endcode
template <class E>
concept executor = requires(E& each, int (*task)(), shutdown_options options) {
    { each.submit(task) } -> std::same_as<Future<int>>;
    each.shutdown();
    each.shutdown(options);
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/coroutine_task.hpp

#if defined(__cpp_lib_jthread)
#include <optional>    // std::optional
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `coroutine_task` is a task that runs in turns: the body of a coroutine. Between two turns it waits for
// another future, as a callback of that. It is queued for its first turn, and for each later one; see
// `shared_state_base` for its states. If no executor runs it, it starts at once, and goes on where what it
// awaits is completed.
//
// By `schedule()`, a turn may go on as a task of another executor. Then the coroutine is away: whatever it
// awaits next, it takes its next turn for that, even if that is done. If what it awaits were asked alone,
// then where the coroutine goes on would be a race.
class coroutine_task : public queued_state, private callback {
public:
    // Requires: the coroutine is suspended before its body begins.
    void set_frame(std::coroutine_handle<> frame) noexcept { frame_ = frame; }

    [[nodiscard]] bool has_executor() const noexcept { return has_executor_; }

    // Queues the first turn. If that fails, the future does. The coroutine may have ended when this returns.
    virtual void start() noexcept {
        push_or_fail(*owner(), [this] { owner()->push(*this); });
    }

    // Whether the coroutine runs as a task of another executor than its own. The thread that runs the
    // coroutine calls this. In the child of a fork, the pool can't run it any more, and nobody is away.
    [[nodiscard]] bool is_away() const noexcept { return is_away_ && !owner_is_inherited(); }

    // The coroutine, which this thread runs, is suspended and waits for `awaited`. Returns false if that is
    // done, and the coroutine is not away: then it goes on at once. Requires: there is a handle on `awaited`
    // until the coroutine goes on.
    [[nodiscard]] bool wait_for(shared_state_base& awaited) noexcept {
        shared_state_base& its_future = future();
        const std::uintptr_t place = local_queue::note_suspended(*this);
        its_future.suspend([&] { awaited_ = &awaited; });
        if (call_when_done_later(awaited)) {
            return true;  // by now the coroutine may run elsewhere
        }
        return !go_on_unless_away(place);
    }

    // How something is submitted that calls `arrive` or `note_dropped` of a coroutine.
    struct departure_order {
        coroutine_task* coroutine = nullptr;
        // These exist as long as the coroutine is suspended.
        void* awaiter = nullptr;
        std::exception_ptr* failure = nullptr;  // where what `submit` throws is stored, for the coroutine
        // Returns a handle on the future of what was submitted, or an empty one if that is not known.
        shared_state_base::handle (*submit)(coroutine_task& coroutine, void* awaiter) = nullptr;
        bool leads_away = false;  // to another executor than that of the coroutine, which has one
    };

    // The coroutine, which this thread runs, is suspended, until what is submitted calls `arrive` or
    // `note_dropped`, on any thread, maybe before `submit` returns. Returns false if nothing was submitted,
    // and the coroutine is not away: then it goes on at once.
    //
    // This thread has no handle meanwhile: others could not tell which handle is the last. Whoever lets the
    // coroutine go on, on another thread, waits until this thread needs it no more.
    [[nodiscard]] bool wait_for_arrival(const departure_order& order);
    void arrive();
    // What was submitted will not call `arrive`. The coroutine goes on nevertheless.
    void note_dropped() noexcept;

    // The coroutine, which is suspended, has nothing to wait for. It goes on, on this thread, which has not
    // left it since it was at `place`. But if it is away, this returns false: it goes on as a task of its
    // executor.
    [[nodiscard]] bool go_on_unless_away(std::uintptr_t place) noexcept {
        if (is_away()) {
            queue_turn();
            return false;
        }
        go_on(place);
        return true;
    }
    // Does so even if the coroutine is away. That is for an awaiter that has thrown: it throws here.
    void go_on(std::uintptr_t place) noexcept {
        forget_awaited();
        local_queue::note_going_on(*this, place);
    }

    // The coroutine, which this thread runs, is suspended, and goes on as a task of its executor.
    void go_home() noexcept {
        static_cast<void>(wait_for_relay());
        queue_turn();
    }

    // What the coroutine waits for is done: it goes on as a task of its executor.
    void queue_turn() noexcept;

    // The coroutine, which this thread runs, is about to be suspended, until somebody calls `queue_turn`.
    // Returns what `go_on` needs if that doesn't happen.
    [[nodiscard]] std::uintptr_t wait_for_relay() noexcept {
        const std::uintptr_t place = local_queue::note_suspended(*this);
        future().suspend([] {});
        return place;
    }

    // The coroutine, which this thread runs, is about to be suspended, and somebody will resume it: from now
    // on no thread runs it.
    void note_suspended() noexcept {
        // Under the lock, so that no other thread is looking at the wait of this worker.
        future().with_lock([this] { static_cast<void>(local_queue::note_suspended(*this)); });
    }
    // It goes on, on this thread.
    void note_resumed() noexcept {
        if (worker* const self = worker_here(future())) {
            self->note_running(*this);
        } else {
            worker::note_running_elsewhere(*this);
        }
    }

    // The coroutine has ended, and its frame is gone.
    void end() noexcept;

#if defined(__cpp_lib_jthread)
    // Returns the token that `request_stop` signals. The coroutine calls this.
    [[nodiscard]] std::stop_token stop_token() {
        if (!stop_source_) {
            stop_source_.emplace();
            if (pool_base* const pool = owner()) {
                pool->stoppables().add(*stop_source_);
            }
            bool was_asked = false;
            future().with_lock([&] {
                has_stop_source_ = true;
                was_asked = was_asked_to_stop_;
            });
            if (was_asked) {
                stop_source_->request_stop();
            }
        }
        return stop_source_->token();
    }
#endif

    // Runs a turn on this thread, which the executor has chosen.
    void run_turn() noexcept {
        do {
            if (claim_turn(true)) {
                worker::note_running_elsewhere(*this);
                frame_.resume();
                return;
            }
        } while (!future().release_unless_live());
    }

    bool execute(worker& self) noexcept final {
        do {
            if (claim_turn(true)) {
                self.note_busy();
                run(self);
                return true;
            }
        } while (!future().release_unless_live());
        return false;
    }

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void cancel_waiting() noexcept final;

    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void fail_waiting(std::exception_ptr reason) noexcept final;

    // A coroutine that has started can't be cancelled: its turn comes later.
    [[gnu::cold]] CONCURRENT_FUTURES_FUNCTION void release() noexcept final;

    [[nodiscard]] bool still_waits() noexcept final {
        const shared_state_base& its_future = future();
        return its_future.is_waiting() && !its_future.is_unqueued();
    }

    [[nodiscard]] bool submitter_may_wait() noexcept final { return false; }

protected:
    // `pool` is null if there is none; then `has_executor` says whether something else runs the coroutine.
    coroutine_task(pool_base* pool, bool has_executor) noexcept
        : queued_state(pool), has_executor_(has_executor) {
        set_known_early();
    }
    ~coroutine_task() = default;

    [[nodiscard]] bool keeps_owner() const noexcept final { return true; }

    // Queues the next turn. If that fails, the future does. The coroutine may have ended when this returns.
    virtual void push_turn() noexcept {
        push_or_fail(*owner(), [this] { owner()->push_coroutine(*this); });
    }

    // See the functions of `shared_state_base` with these names.

    [[nodiscard]] shared_state_base::help_result help_coroutine(
        shared_state_base::weak_handle* given_up) noexcept;

    bool run_turn_here(worker& self, shared_state_base::weak_handle* given_up) noexcept;

    [[nodiscard]] shared_state_base::weak_handle awaited() noexcept;

    // Also requests a stop of what the coroutine waits for, if nobody else has a handle on that.
    bool signal_stop_of_coroutine() noexcept;

    void discard_frame() noexcept { std::exchange(frame_, nullptr).destroy(); }

private:
    // A thread submits what lets a coroutine go on. If that happens on this very thread, meanwhile, the
    // thread can't wait for itself, and is told.
    //
    // Then the coroutine runs on top of the departure, and may depart again. An executor that runs its tasks
    // at once would so need more and more of the stack. So if there are many departures, the thread returns
    // to the coroutine's last one first, and departs from there.
    struct departure {
        explicit departure(coroutine_task& leaving) noexcept : task(leaving), kept(leaving.future()) {
            newest = this;
        }
        departure(const departure&) = delete;
        departure& operator=(const departure&) = delete;
        ~departure() { newest = outer; }

        // Calls `go_on()`, by which the coroutine runs on top of this.
        template <class GoOn>
        void resume(GoOn go_on) {
            is_resuming = true;
            go_on();
            is_resuming = false;
        }

        [[nodiscard]] static departure* to_return_to(const coroutine_task& leaving) noexcept {
            constexpr int many = 32;
            departure* found = newest && newest->depth >= many ? newest : nullptr;
            while (found && (&found->task != &leaving || !found->is_resuming)) {
                found = found->outer;
            }
            return found;
        }

        const coroutine_task& task;
        const shared_state_base::weak_handle kept;  // so that no other coroutine has the same address
        departure* const outer = newest;
        const int depth = outer ? outer->depth + 1 : 1;
        bool has_arrived = false;
        bool is_resuming = false;  // the coroutine, on top of this, and has not returned yet
        departure_order next;      // if it has a coroutine

        static constinit inline thread_local departure* newest = nullptr;
    };

    // Returns false if nothing was submitted; else the coroutine may have ended by then.
    [[nodiscard]] static bool depart(departure& here, const departure_order& order) noexcept;

    // Returns the departure if this thread is in the middle of it.
    departure* wait_for_departure() noexcept;

    void call_back(outcome) final {
        if (has_executor_) {
            queue_turn();
        } else {
            resume_here();
        }
    }

    void resume_here() {
        forget_awaited();
        note_resumed();
        frame_.resume();
    }
    void resume_here_unless_away() {
        if (is_away()) {
            queue_turn();
        } else {
            resume_here();
        }
    }

    void forget_awaited() noexcept {
        shared_state_base::handle submitted;
        future().go_on([&] {
            awaited_ = nullptr;
            submitted = std::move(submitted_);
        });
    }

    // Returns true to one caller for each turn, the first included.
    [[nodiscard]] bool claim_turn(bool taken) noexcept {
        shared_state_base& its_future = future();
        if (its_future.claim_to_help(taken, nullptr)) {
            if (owner()) {
                owner()->note_coroutine_started();
            }
            return true;
        }
        if (!its_future.claim_turn(taken)) {
            return false;
        }
        is_away_ = false;
        return true;
    }

    [[nodiscard]] bool owner_is_inherited() const noexcept { return owner() && owner()->is_inherited(); }

    void run(worker& self) noexcept {
        const worker::running mark(self, *this);
        frame_.resume();
    }

    void stop_listening() noexcept {
#if defined(__cpp_lib_jthread)
        pool_base* const pool = owner();
        if (stop_source_ && pool && !pool->is_inherited()) {
            pool->stoppables().remove(*stop_source_);
        }
#endif
    }

    const bool has_executor_;
    bool is_away_ = false;  // for the thread that runs the coroutine
    std::coroutine_handle<> frame_;

    // Guarded by the lock of the state.
    bool was_asked_to_stop_ = false;
    bool has_stop_source_ = false;
    shared_state_base* awaited_ = nullptr;    // while the coroutine waits for it
    shared_state_base::handle submitted_;     // what will call `arrive`
    sync::atomic<bool> has_departed_{false};  // see `wait_for_arrival`

#if defined(__cpp_lib_jthread)
    std::optional<stoppable> stop_source_;  // once the coroutine has asked for a token
#endif
};

// The next turn of a coroutine that an executor of one's own runs. Until it begins, the coroutine waits for
// what was submitted, as it waits for any other future: a worker that waits for the coroutine can so run
// that.
class submitted_turn {
public:
    // Calls `submit()`, which submits the turn, and returns a handle on the future of that, or an empty one
    // if it is not known. Requires: the coroutine waits for others, as its state says.
    template <class Submit>
    void submit(shared_state_base& coroutine, Submit submit) {
        // The turn may begin on another thread, and the coroutine end, before `submit()` returns.
        const shared_state_base::weak_handle kept(coroutine);
        const std::uint32_t number = number_;
        shared_state_base::weak_handle submitted;
        if (const shared_state_base::handle made = submit()) {
            submitted = shared_state_base::weak_handle(made.state());
        }
        if (submitted) {
            static_cast<void>(coroutine.change([&] {
                // By now the coroutine may wait for something else.
                if (number_ == number) {
                    submitted_ = std::move(submitted);
                }
            }));
        }
    }

    // The turn begins, or fails. From now on it may be claimed, unless the coroutine was cancelled.
    void begin(shared_state_base& coroutine) noexcept;

    // The coroutine was cancelled.
    void forget() noexcept { submitted_.reset(); }

    // Returns a weak handle on what was submitted, if the coroutine waits for that.
    [[nodiscard]] shared_state_base::weak_handle awaited(shared_state_base& coroutine) const noexcept;

private:
    // Guarded by the lock of the state as long as the coroutine waits for others.
    std::uint32_t number_ = 0;
    // Weak, as nobody asks for its result.
    shared_state_base::weak_handle submitted_;
};

// `coroutine_state` adds the state of the coroutine's future. It lies before the frame in one allocation,
// which lives on when the frame is gone.
template <class T>
class coroutine_state : public coroutine_task, public shared_state<T> {
public:
    coroutine_state(pool_base* pool, bool has_executor) noexcept
        : coroutine_task(pool, has_executor), shared_state<T>(process_of(pool)) {
        if (!has_executor) {
            this->note_started();
        }
    }

    [[nodiscard]] shared_state_base::help_result help(
        shared_state_base::weak_handle* given_up) noexcept final {
        return this->help_coroutine(given_up);
    }
    [[nodiscard]] bool may_help() noexcept final { return queued_state::may_help(*this); }
    [[nodiscard]] helper* helper_here() noexcept final { return queued_state::helper_here(*this); }
    bool help(helper& self, shared_state_base::weak_handle* given_up) noexcept final {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every helper is a worker
        return this->run_turn_here(static_cast<worker&>(self), given_up);
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return this->any_worker_here(); }
    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        if (!this->is_unqueued()) {
            return this->obstacle(*this, place);
        }
        return place.index == 0 ? this->awaited() : shared_state_base::weak_handle();
    }
    void have_sleepers_look_again() noexcept final { queued_state::have_sleepers_look_again(*this); }
    [[nodiscard]] queued_state* as_task() noexcept final { return this; }
    [[nodiscard]] bool runs_in_turns() const noexcept final { return true; }
    [[nodiscard]] bool runs_here() noexcept final { return queued_state::runs_here(*this); }
    bool signal_stop() noexcept final { return this->signal_stop_of_coroutine(); }

protected:
    ~coroutine_state() override = default;

private:
    [[nodiscard]] shared_state_base& future() noexcept final { return *this; }
    void call() noexcept final {}
    void discard() noexcept final { this->discard_frame(); }
    void discard_captures() noexcept final { this->discard_frame(); }
    void note_stale_in_queue() noexcept final { this->note_stale(); }
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::wait_for_arrival(const departure_order& order) {
    const std::uintptr_t place = local_queue::note_suspended(*this);
    has_departed_.store(false, std::memory_order_relaxed);  // relaxed: `submit` publishes it
    future().suspend([] {});
    if (departure* const outer = departure::to_return_to(*this)) {
        outer->next = order;
        return true;
    }
    departure here(*this);
    if (!depart(here, order)) {
        here.has_arrived = true;
        return !go_on_unless_away(place);
    }
    while (here.next.coroutine) {
        const departure_order next = std::exchange(here.next, {});
        if (!depart(here, next)) {
            here.has_arrived = true;
            here.resume([&next] { next.coroutine->resume_here_unless_away(); });
        }
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::arrive() {
    if (departure* const here = wait_for_departure()) {
        here->resume([this] { resume_here(); });
    } else {
        resume_here();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::note_dropped() noexcept {
    wait_for_departure();
    if (has_executor_) {
        queue_turn();
    } else {
        resume_here();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::queue_turn() noexcept {
    shared_state_base& its_future = future();
    pool_base* const pool = owner();
    // It exists as long as the coroutine is suspended.
    const shared_pool<pool_base> kept = keep_owner();
    shared_state_base::handle submitted;
    const auto forget = [&] {
        awaited_ = nullptr;
        submitted = std::move(submitted_);
    };
    if (!pool) {
        its_future.with_lock(forget);
        push_turn();  // until the turn begins, the coroutine goes on waiting: see `submitted_turn`
    } else if (its_future.begin_to_queue_again(forget)) {
        push_turn();
    } else {
        pool->replace_stale_item();
    }
}

CONCURRENT_FUTURES_FUNCTION void coroutine_task::end() noexcept {
    shared_state_base& its_future = future();
    pool_base* const pool = owner();
    // It exists until `note_coroutine_ended`, unless this thread is its worker.
    const shared_pool<pool_base> kept = keep_owner();
    stop_listening();
    its_future.complete_without_handle();
    if (pool) {
        pool->note_coroutine_ended();
    }
}

void coroutine_task::cancel_waiting() noexcept {
    shared_state_base& its_future = future();
    if (its_future.cancel()) {
        its_future.release_from_queue();
    } else {
        release();
    }
}

void coroutine_task::fail_waiting(std::exception_ptr reason) noexcept {
    shared_state_base& its_future = future();
    do {
        if (claim_turn(true)) {
            note_stale();
            discard();
            its_future.set_exception(std::move(reason));
            end();
            return;
        }
    } while (!its_future.release_unless_live());
}

void coroutine_task::release() noexcept {
    if (!future().release_unless_live()) {
        note_stale();
        push_turn();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::help_result coroutine_task::help_coroutine(
    shared_state_base::weak_handle* given_up) noexcept {
    shared_state_base& its_future = future();
    if (its_future.is_unqueued()) {
        return shared_state_base::help_result::waits_for_others;
    }
    worker* const self = worker_here(its_future);
    if (!self) {
        return help_elsewhere();
    }
    return run_turn_here(*self, given_up) ? shared_state_base::help_result::helped
                                          : help_runner(its_future, *self, given_up);
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::run_turn_here(
    worker& self, shared_state_base::weak_handle* given_up) noexcept {
    shared_state_base& its_future = future();
    const bool taken = self.take_back(*this);
    while (!claim_turn(taken)) {
        if (!taken) {
            return false;
        }
        if (its_future.release_unless_live()) {
            owner()->replace_stale_item();
            return false;
        }
    }
    if (!taken) {
        note_stale();
    }
    if (given_up) {
        given_up->reset();
    }
    run(self);
    return true;
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle coroutine_task::awaited() noexcept {
    shared_state_base::weak_handle found;
    future().if_unqueued([&] {
        if (awaited_ && !awaited_->done()) {
            found = shared_state_base::weak_handle(*awaited_);
        }
    });
    return found;
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::signal_stop_of_coroutine() noexcept {
    shared_state_base& its_future = future();
    if (its_future.state() != future_state::running) {
        return false;
    }
    shared_state_base::handle passed_on;
    bool had_effect = false;
    bool has_stop_source = false;
    its_future.with_lock([&] {
        had_effect = !std::exchange(was_asked_to_stop_, true);
        has_stop_source = has_stop_source_;
        if (its_future.is_unqueued() && awaited_ && awaited_->has_last_handle()) {
            passed_on = shared_state_base::handle(*awaited_);
        }
    });
#if defined(__cpp_lib_jthread)
    if (has_stop_source) {
        had_effect = stop_source_->request_stop();
    }
#endif
    if (passed_on) {
        trampoline::call([kept = std::move(passed_on)]() noexcept { kept.state().request_stop(); });
    }
    return had_effect;
}

CONCURRENT_FUTURES_FUNCTION bool coroutine_task::depart(departure& here,
                                                        const departure_order& order) noexcept {
    coroutine_task& leaving = *order.coroutine;
    here.has_arrived = false;
    // Before `submit`, in which the coroutine may go on.
    const bool was_away = std::exchange(leaving.is_away_, order.leads_away);
    shared_state_base::handle submitted;
    try {
        submitted = order.submit(leaving, order.awaiter);
    } catch (...) {
        leaving.is_away_ = was_away;
        *order.failure = std::current_exception();
        return false;
    }
    if (!here.has_arrived) {
        if (submitted) {
            static_cast<void>(leaving.future().change([&] {
                leaving.awaited_ = std::addressof(submitted.state());
                leaving.submitted_ = std::move(submitted);
            }));
        }
        // Release: pairs with the acquire in `wait_for_departure`.
        leaving.has_departed_.store(true, std::memory_order_release);
    }
    return true;
}

CONCURRENT_FUTURES_FUNCTION coroutine_task::departure* coroutine_task::wait_for_departure() noexcept {
    for (departure* each = departure::newest; each; each = each->outer) {
        if (&each->task == this && !each->has_arrived) {
            each->has_arrived = true;
            return each;
        }
    }
    // Acquire: pairs with the release in `depart`.
    for (back_off delay; !has_departed_.load(std::memory_order_acquire);) {
        delay.pause();
    }
    return nullptr;
}

CONCURRENT_FUTURES_FUNCTION void submitted_turn::begin(shared_state_base& coroutine) noexcept {
    if (coroutine.begin_to_queue()) {
        ++number_;
        submitted_.reset();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle submitted_turn::awaited(
    shared_state_base& coroutine) const noexcept {
    shared_state_base::weak_handle found;
    coroutine.if_unqueued([&] {
        if (submitted_ && !submitted_.state().done()) {
            found = shared_state_base::weak_handle(submitted_.state());
        }
    });
    return found;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/foreign_awaiter.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns what `co_await` uses to wait for `awaitable`.
template <class Awaitable>
[[nodiscard]] decltype(auto) awaiter_of(Awaitable&& awaitable) {
    if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
        return std::forward<Awaitable>(awaitable).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
        return operator co_await(std::forward<Awaitable>(awaitable));
    } else {
        return std::forward<Awaitable>(awaitable);
    }
}

template <class Awaitable>
using awaiter_for = decltype(awaiter_of(std::declval<Awaitable>()));

template <class Awaitable>
concept awaitable = requires(awaiter_for<Awaitable> awaiter) {
    static_cast<bool>(awaiter.await_ready());
    awaiter.await_resume();
};

template <class Awaitable>
concept own_awaitable = std::derived_from<std::remove_cvref_t<awaiter_for<Awaitable>>, own_awaiter>;

// What an awaiter of which the library doesn't know gets to resume, in the place of a coroutine that an
// executor runs: it queues the coroutine's next turn, and is gone. So the coroutine always goes on as a task.
class relay {
public:
    class promise_type {
    public:
        // If the relay is destroyed, but was never resumed, then `was_dropped` becomes true, and the
        // coroutine goes on nevertheless.
        promise_type(coroutine_task& coroutine, bool& was_dropped) noexcept
            : coroutine_(&coroutine), was_dropped_(was_dropped) {}
        promise_type(const promise_type&) = delete;
        promise_type& operator=(const promise_type&) = delete;
        ~promise_type() {
            if (coroutine_) {
                was_dropped_ = true;
                coroutine_->queue_turn();
            }
        }

        [[nodiscard]] relay get_return_object() noexcept {
            return relay(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
        void unhandled_exception() const noexcept {}
        void return_void() noexcept { std::exchange(coroutine_, nullptr)->queue_turn(); }

    private:
        friend class relay;

        coroutine_task* coroutine_;
        bool& was_dropped_;
    };

    // The promise takes the arguments.
    [[nodiscard]] static relay make(coroutine_task&, bool&) { co_return; }

    [[nodiscard]] std::coroutine_handle<promise_type> frame() const noexcept { return frame_; }

    // Requires: it was not resumed.
    void destroy() const noexcept {
        frame_.promise().coroutine_ = nullptr;
        frame_.destroy();
    }

private:
    explicit relay(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

// Has a coroutine wait by an awaiter of which the library doesn't know, and which doesn't know the library.
// While it has suspended the coroutine, no thread runs that. Without this, the coroutine would seem to be run
// by its last worker all that time. A coroutine that is away goes on as a task of its executor even if the
// awaiter doesn't suspend it.
template <class Awaitable>
class [[nodiscard]] foreign_awaiter {
public:
    foreign_awaiter(Awaitable&& awaited, coroutine_task& coroutine)
        : awaiter_(awaiter_of(std::forward<Awaitable>(awaited))), coroutine_(coroutine) {}
    foreign_awaiter(const foreign_awaiter&) = delete;
    foreign_awaiter& operator=(const foreign_awaiter&) = delete;

    [[nodiscard]] bool await_ready() {
        is_ready_ = static_cast<bool>(awaiter_.await_ready());
        return is_ready_ && !coroutine_.is_away();
    }

    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> frame) {
        if constexpr (Promise::runs_as_tasks) {
            return suspend_task(frame);
        } else {
            return suspend(frame);
        }
    }

    decltype(auto) await_resume() {
        if (std::exchange(is_suspended_, false)) {
            coroutine_.note_resumed();
        }
        if (was_dropped_) {
            throw_error<cancelled_error>("what a coroutine waited for was destroyed, and never resumed it");
        }
        return awaiter_.await_resume();
    }

private:
    // In these functions, the coroutine may go on elsewhere and destroy this object before the awaiter
    // returns, unless that doesn't suspend it.

    // The coroutine goes on, on the thread that resumes it.
    template <class Frame>
    auto suspend(Frame frame) {
        coroutine_task& coroutine = coroutine_;
        is_suspended_ = true;
        coroutine.note_suspended();
        try {
            return awaiter_.await_suspend(frame);
        } catch (...) {
            coroutine.note_resumed();
            throw;
        }
    }

    // It goes on as a task.
    [[nodiscard]] auto suspend_task(std::coroutine_handle<> frame) {
        using suspended = decltype(awaiter_.await_suspend(std::declval<relay&>().frame()));
        constexpr bool transfers = std::is_convertible_v<suspended, std::coroutine_handle<>>;
        coroutine_task& coroutine = coroutine_;
        if (is_ready_) {
            coroutine.go_home();
            if constexpr (transfers) {
                return std::coroutine_handle<>(std::noop_coroutine());
            } else {
                return true;
            }
        }
        const relay resumes = relay::make(coroutine, was_dropped_);
        const std::uintptr_t place = coroutine.wait_for_relay();
        const auto goes_on = [&] {
            resumes.destroy();
            return coroutine.go_on_unless_away(place);
        };
        try {
            if constexpr (std::is_void_v<suspended>) {
                awaiter_.await_suspend(resumes.frame());
            } else if constexpr (transfers) {
                const std::coroutine_handle<> next = awaiter_.await_suspend(resumes.frame());
                if (next == resumes.frame()) {
                    return goes_on() ? frame : std::coroutine_handle<>(std::noop_coroutine());
                }
                return next;
            } else if (!awaiter_.await_suspend(resumes.frame())) {
                return !goes_on();
            }
        } catch (...) {
            resumes.destroy();
            coroutine.go_on(place);
            throw;
        }
        if constexpr (!transfers) {
            return true;
        }
    }

    awaiter_for<Awaitable> awaiter_;  // or a reference to it
    coroutine_task& coroutine_;
    bool is_ready_ = false;
    bool is_suspended_ = false;  // and will be resumed itself
    bool was_dropped_ = false;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/coroutine.hpp

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 {
namespace detail {

// The state of a coroutine that an executor runs which is no `thread_pool_executor`. `outlives` says whether
// the executor still exists when the coroutine has ended.
template <class Executor, bool outlives, class T>
class submitted_coroutine_state : public coroutine_state<T> {
public:
    explicit submitted_coroutine_state(Executor& executor) noexcept
        : coroutine_state<T>(nullptr, true), executor_(executor) {
        this->note_unqueued();
    }

    void start() noexcept override { push_turn(); }

    [[nodiscard]] shared_state_base::weak_handle dependency(dependency_place& place) noexcept override {
        const bool is_first = place.index == 0;
        shared_state_base::weak_handle found = coroutine_state<T>::dependency(place);
        return found || !is_first ? std::move(found) : turn_.awaited(*this);
    }

    [[nodiscard]] executor_reference own_executor() const noexcept override {
        if constexpr (outlives) {
            return reference_to(executor_);
        } else {
            return {nullptr, refuse_continuation};
        }
    }

    // `other` may be a part of the executor, from which that has its `schedule()`.
    template <class Other>
    [[nodiscard]] bool is_run_by(const Other& other) const noexcept {
        if constexpr (std::derived_from<Executor, Other>) {
            return std::addressof(static_cast<const Other&>(executor_)) == std::addressof(other);
        } else {
            return false;
        }
    }

protected:
    ~submitted_coroutine_state() override = default;

private:
    void push_turn() noexcept override {
        std::exception_ptr failure;
        try {
            turn_.submit(*this, [this] {
                return submit_call(
                    executor_,
                    [this] {
                        turn_.begin(*this);
                        this->run_turn();
                    },
                    [this] {
                        fail_turn(
                            make_error<broken_promise_error>("the executor dropped a turn of the coroutine"));
                    });
            });
            return;
        } catch (...) {
            failure = std::current_exception();
        }
        fail_turn(std::move(failure));
    }

    void fail_turn(std::exception_ptr reason) noexcept {
        turn_.begin(*this);
        this->fail_waiting(std::move(reason));
    }

    void stop_waiting(bool) noexcept override { turn_.forget(); }

    Executor& executor_;
    submitted_turn turn_;
};

// Finds the executor among the parameters of a coroutine: the first, or the first after the object of a
// member function.
template <class... Parameters>
struct executor_parameter {
    static constexpr bool exists = false;
};
template <class First, class... Rest>
    requires executor<std::remove_reference_t<First>>
struct executor_parameter<First, Rest...> {
    static constexpr bool exists = true;
    static constexpr bool outlives = std::is_lvalue_reference_v<First>;
    static constexpr std::size_t index = 0;
    using type = std::remove_reference_t<First>;
};
template <class Object, class First, class... Rest>
    requires(!executor<std::remove_reference_t<Object>> && std::is_reference_v<Object> &&
             std::is_class_v<std::remove_reference_t<Object>> && executor<std::remove_reference_t<First>>)
struct executor_parameter<Object, First, Rest...> {
    static constexpr bool exists = true;
    static constexpr bool outlives = std::is_lvalue_reference_v<First>;
    static constexpr std::size_t index = 1;
    using type = std::remove_reference_t<First>;
};

// Makes the state of a coroutine.
class coroutine_start {
public:
    template <class Executor>
    static constexpr bool has_pool = requires(Executor& each) { shared_pool<pool_base>(*each.pool_); };

    template <class T, class Executor, bool outlives>
    struct state_for {
        using type = submitted_coroutine_state<Executor, outlives, T>;
    };
    template <class T, class Executor, bool outlives>
        requires has_pool<Executor>
    struct state_for<T, Executor, outlives> {
        using type = coroutine_state<T>;
    };

    template <class State, class Executor>
    static State* construct(void* memory, Executor& executor) {
        if constexpr (has_pool<Executor>) {
            executor.pool_->throw_if_refusing();
            return ::new (memory) State(executor.pool_.get(), true);
        } else {
            return ::new (memory) State(executor);
        }
    }

    // Whether `executor` is the one that runs the coroutine.
    template <class Executor, class T>
    [[nodiscard]] static bool runs(const Executor& executor, const coroutine_state<T>& coroutine) noexcept {
        if constexpr (has_pool<Executor>) {
            return coroutine.owner_identity().address == executor.pool_.get();
        } else {
            return false;
        }
    }
    template <class Executor, class Own, bool outlives, class T>
    [[nodiscard]] static bool runs(const Executor& executor,
                                   const submitted_coroutine_state<Own, outlives, T>& coroutine) noexcept {
        return coroutine.is_run_by(executor);
    }
};

template <class T, class... Parameters>
struct coroutine_state_for {
    using type = coroutine_state<T>;
};
template <class T, class... Parameters>
    requires executor_parameter<Parameters...>::exists
struct coroutine_state_for<T, Parameters...> {
    using parameter = executor_parameter<Parameters...>;
    using type = typename coroutine_start::state_for<T, typename parameter::type, parameter::outlives>::type;
};

// Lies before the frame of a coroutine.
struct coroutine_header {
    coroutine_header* outer = nullptr;  // while no state is made
    bool has_state = false;

    // The coroutine that this thread is making; its parameters' copies may make others meanwhile. The promise
    // can't compute the address from its own: to Clang, it is not in the frame yet when it is constructed.
    static constinit inline thread_local coroutine_header* newest = nullptr;
};

// The memory of a coroutine: its state, and then its frame. The state is made by the promise, which the frame
// contains, and outlives it.
template <class State>
class coroutine_memory {
public:
    [[nodiscard]] static void* allocate(std::size_t frame_size) {
        auto* const memory = static_cast<std::byte*>(allocate_block(frame_offset + frame_size));
        auto* const header = ::new (memory + header_offset) coroutine_header;
        header->outer = std::exchange(coroutine_header::newest, header);
        return memory + frame_offset;
    }

    // Makes the state of the coroutine for which this thread has allocated memory last. If that throws, the
    // frame is deallocated.
    template <class Make>
    [[nodiscard]] static State* construct(Make make) {
        coroutine_header& header = *coroutine_header::newest;
        State* const made = make(reinterpret_cast<std::byte*>(std::addressof(header)) - header_offset);
        coroutine_header::newest = header.outer;
        header.has_state = true;
        return made;
    }

    // The frame is gone. Frees the memory if no state was made there.
    static void deallocate(void* frame) noexcept {
        std::byte* const memory = static_cast<std::byte*>(frame) - frame_offset;
        const auto& header = *std::launder(reinterpret_cast<coroutine_header*>(memory + header_offset));
        if (!header.has_state) {
            coroutine_header::newest = header.outer;
            free(memory);
        }
    }

    static void free(void* memory) noexcept {
        if constexpr (is_over_aligned) {
            ::operator delete(memory, std::align_val_t(alignof(State)));
        } else {
            ::operator delete(memory);
        }
    }

private:
    static constexpr std::size_t default_alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    static constexpr bool is_over_aligned = alignof(State) > default_alignment;

    [[nodiscard]] static constexpr std::size_t aligned(std::size_t size) noexcept {
        return (size + default_alignment - 1) / default_alignment * default_alignment;
    }
    static constexpr std::size_t header_offset = aligned(sizeof(State));
    static constexpr std::size_t frame_offset = header_offset + aligned(sizeof(coroutine_header));

    [[nodiscard]] static void* allocate_block(std::size_t size) {
        if constexpr (is_over_aligned) {
            return ::operator new(size, std::align_val_t(alignof(State)));
        } else {
            return ::operator new(size);
        }
    }
};

// A state that lies in `coroutine_memory`.
template <class State>
class placed final : public State {
public:
    using State::State;
    static void operator delete(void* memory) noexcept { coroutine_memory<placed>::free(memory); }
};

// What starts a coroutine: it waits for its first turn, unless no executor runs it.
template <class Promise>
struct first_turn {
    [[nodiscard]] bool await_ready() const noexcept { return !promise.state().has_executor(); }
    void await_suspend(std::coroutine_handle<>) const noexcept { promise.state().start(); }
    void await_resume() const noexcept {}

    Promise& promise;
};

// What ends a coroutine: its frame goes, with the parameters, and then its future is done.
struct last_turn {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
        coroutine_task& ended = frame.promise().state();
        frame.destroy();
        ended.end();
    }
    void await_resume() const noexcept {}
};

// Has a coroutine that an executor runs wait by an awaiter of this library. If the coroutine is away, it is
// suspended even if what it awaits is done.
template <class Awaitable>
class [[nodiscard]] task_awaiter {
public:
    task_awaiter(Awaitable&& awaited, const coroutine_task& coroutine)
        : awaiter_(awaiter_of(std::forward<Awaitable>(awaited))), coroutine_(coroutine) {}
    task_awaiter(const task_awaiter&) = delete;
    task_awaiter& operator=(const task_awaiter&) = delete;

    [[nodiscard]] bool await_ready() const { return awaiter_.await_ready() && !coroutine_.is_away(); }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        return awaiter_.await_suspend(frame);
    }
    decltype(auto) await_resume() { return awaiter_.await_resume(); }

private:
    awaiter_for<Awaitable> awaiter_;  // or a reference to it
    const coroutine_task& coroutine_;
};

// The part of a coroutine's promise that doesn't depend on how it returns.
template <class T, class... Parameters>
class coroutine_promise_base {
    using state_type = placed<typename coroutine_state_for<T, Parameters...>::type>;
    using memory = coroutine_memory<state_type>;
    using executor_of_coroutine = executor_parameter<Parameters...>;

public:
    static constexpr bool runs_as_tasks = executor_of_coroutine::exists;

    coroutine_promise_base(const coroutine_promise_base&) = delete;
    coroutine_promise_base& operator=(const coroutine_promise_base&) = delete;

    [[nodiscard]] static void* operator new(std::size_t size) { return memory::allocate(size); }
    static void operator delete(void* frame) noexcept { memory::deallocate(frame); }

    [[nodiscard]] Future<T> get_return_object() noexcept {
        return future_access::adopt<T>(static_cast<shared_state<T>&>(*state_));
    }
    [[nodiscard]] auto initial_suspend() noexcept { return first_turn<coroutine_promise_base>{*this}; }
    [[nodiscard]] last_turn final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept {
        if (std::exchange(has_result_, false)) {
            state_->result().destroy();  // then a local variable's destructor has thrown
        }
        state_->set_exception(std::current_exception());
    }

    // The compiler calls this for each `co_await`.
    template <awaitable Awaitable>
    [[nodiscard]] decltype(auto) await_transform(Awaitable&& awaited) const {
        if constexpr (!own_awaitable<Awaitable>) {
            return foreign_awaiter<Awaitable>(std::forward<Awaitable>(awaited), *state_);
        } else if constexpr (runs_as_tasks) {
            // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it is set by the constructor
            return task_awaiter<Awaitable>(std::forward<Awaitable>(awaited), *state_);
        } else {
            return std::forward<Awaitable>(awaited);
        }
    }

    [[nodiscard]] bool wait_for_state(shared_state_base& awaited) {
        if (std::addressof(awaited) == state_) {
            throw_error<invalid_state_error>("a coroutine awaited its own future, so it would wait for ever");
        }
        return state_->wait_for(awaited);
    }

    // Whether the coroutine has an executor, and `executor` is another.
    template <class Executor>
    [[nodiscard]] bool is_abroad(const Executor& executor) const noexcept {
        return runs_as_tasks && !coroutine_start::runs(executor, *state_);
    }

    [[nodiscard]] coroutine_task& state() const noexcept { return *state_; }

protected:
    // Requires: `frame` is this promise's.
    template <class... Arguments>
    coroutine_promise_base(std::coroutine_handle<> frame, Arguments&... arguments)
        : state_(memory::construct([&](void* place) {
              if constexpr (executor_of_coroutine::exists) {
                  // Clang 16 leaves out the object of a lambda here.
                  constexpr std::size_t left_out = sizeof...(Parameters) - sizeof...(Arguments);
                  auto& executor = std::get<executor_of_coroutine::index - left_out>(std::tie(arguments...));
                  return coroutine_start::construct<state_type>(place, executor);
              } else {
                  return ::new (place) state_type(nullptr, false);
              }
          })) {
        state_->set_frame(frame);
    }
    ~coroutine_promise_base() = default;

    template <class... Value>
    void store(Value&&... value) {
        state_->result().emplace(std::forward<Value>(value)...);
        has_result_ = true;
    }

private:
    state_type* const state_;
    bool has_result_ = false;
};

template <class T, class... Parameters>
class coroutine_promise final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    template <class Value = T>
        requires std::is_constructible_v<T, Value>
    void return_value(Value&& value) {
        this->store(std::forward<Value>(value));
    }
};

template <class T, class... Parameters>
    requires std::is_reference_v<T>
class coroutine_promise<T, Parameters...> final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    void return_value(T value) { this->store(static_cast<T>(value)); }
};

template <class T, class... Parameters>
    requires std::is_void_v<T>
class coroutine_promise<T, Parameters...> final : public coroutine_promise_base<T, Parameters...> {
    using base = coroutine_promise_base<T, Parameters...>;

public:
    template <class... Arguments>
    explicit coroutine_promise(Arguments&... arguments)
        : base(std::coroutine_handle<coroutine_promise>::from_promise(*this), arguments...) {}

    void return_void() noexcept {}
};

#if defined(__cpp_lib_jthread)
// How a coroutine gets the token of its own future.
class [[nodiscard]] stop_token_awaiter : public own_awaiter {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        static_assert(waits_by_itself<Promise>,
                      "co_await this_stop_token(): only a coroutine that returns a Future has such a token");
        token_ = frame.promise().state().stop_token();
        return false;
    }
    [[nodiscard]] std::stop_token await_resume() noexcept { return std::move(token_); }

private:
    std::stop_token token_;
};
#endif

}  // namespace detail

#if defined(__cpp_lib_jthread)
/// In a coroutine that returns a `Future`, `co_await this_stop_token()` gives the token that `request_stop()`
/// of the future signals. It doesn't suspend the coroutine.
///
/// \code
/// auto spins = [](futures::thread_pool_executor<>&) -> futures::Future<void> {
///     const std::stop_token stop = co_await futures::this_stop_token();
///     while (!stop.stop_requested()) {
///     }
/// };
/// auto future = spins(executor);
/// while (!future.running()) {
/// }
/// future.request_stop();
/// future.result();
/// \endcode
[[nodiscard]] inline auto this_stop_token() noexcept {
    return detail::stop_token_awaiter();
}
#endif

}}  // namespace concurrent::futures

/// A coroutine may return a `Future<T>`.
///
/// If an executor of your own runs it, `then(fn)` of its future needs the executor after the coroutine has
/// ended. So take the executor as an lvalue reference: after a coroutine that has taken it by value,
/// `then(fn)` fails with `executor_shutdown`, and `then(executor, fn)` names another.
template <class T, class... Parameters>
struct std::coroutine_traits<concurrent::futures::Future<T>, Parameters...> {
    /// What the compiler uses.
    using promise_type = concurrent::futures::detail::coroutine_promise<T, Parameters...>;
};

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/algorithm/schedule.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How a coroutine goes on as a task of `Executor`. It lives in the coroutine's frame.
template <class Executor>
class [[nodiscard]] schedule_awaiter : public own_awaiter {
public:
    explicit schedule_awaiter(Executor& executor) noexcept : executor_(executor) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> frame) {
        if constexpr (waits_by_itself<Promise>) {
            coroutine_task& coroutine = frame.promise().state();
            return coroutine.wait_for_arrival(
                {&coroutine, this, &failure_,
                 [](coroutine_task& goes_on, void* awaiter) {
                     return static_cast<schedule_awaiter*>(awaiter)->submit_arrival(goes_on);
                 },
                 frame.promise().is_abroad(executor_)});
        } else {
            static_cast<void>(submit([frame] { frame.resume(); }, [frame] { frame.resume(); }));
            return true;
        }
    }

    void await_resume() {
        if (failure_) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
        if (was_dropped_) {
            throw_error<cancelled_error>("the executor dropped the task as which a coroutine was to go on");
        }
    }

private:
    [[nodiscard]] shared_state_base::handle submit_arrival(coroutine_task& coroutine) {
        return submit([&coroutine] { coroutine.arrive(); },
                      [&coroutine]() noexcept { coroutine.note_dropped(); });
    }

    // If the executor drops the task, the coroutine goes on by an exception.
    template <class GoOn, class WhenDropped>
    [[nodiscard]] shared_state_base::handle submit(GoOn go_on, WhenDropped when_dropped) {
        return submit_call(executor_, go_on, [this, when_dropped] {
            was_dropped_ = true;
            when_dropped();
        });
    }

    Executor& executor_;
    bool was_dropped_ = false;
    std::exception_ptr failure_;  // what the executor has thrown
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/executor_base.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// `executor_launcher` submits the tasks of a map to an executor of any kind. Requires: the executor exists as
// long as the map submits.
template <class Executor>
class executor_launcher {
public:
    explicit executor_launcher(Executor& executor) noexcept : executor_(&executor) {}

    void throw_if_refusing() const noexcept {}  // its `submit` throws, if there is anything to submit
    template <class Fn>
    auto launch(Fn&& fn) const {
        return executor_->submit(std::forward<Fn>(fn));
    }
    [[nodiscard]] std::size_t max_workers() const {
        if constexpr (requires { static_cast<std::size_t>(executor_->max_workers()); }) {
            return static_cast<std::size_t>(executor_->max_workers());
        } else {
            return static_cast<std::size_t>(usable_cpus());
        }
    }

private:
    Executor* executor_;
};

// How branches are run by an executor of any kind: as tasks.
template <class Executor>
class submit_branching {
public:
    template <class Fn>
    using branch_for = submitted_branch<Fn>;

    // An executor may run a task at once, on top of the one that submits it.
    static constexpr bool branches_start_others = false;

    explicit submit_branching(Executor& executor) noexcept : executor_(executor) {}

    void throw_if_refusing() const noexcept {}  // its `submit` throws, if there is anything to submit
    template <class Branch>
    void start(Branch& started) const {
        started.start(executor_);
    }
    template <class Branch>
    void join(Branch& joined) const {
        joined.join();
    }
    [[nodiscard]] std::size_t max_workers() const {
        return executor_launcher<Executor>(executor_).max_workers();
    }
    // Bounded, as so many tasks are submitted at once.
    [[nodiscard]] std::size_t max_others() const {
        constexpr std::size_t most = 1'000;
        const std::size_t workers = max_workers();
        return workers < most ? workers : most;
    }

private:
    Executor& executor_;
};

// Returns the launcher of an executor, and how it runs branches: its own, if it has one.
class launcher_access {
public:
    template <class Executor>
    [[nodiscard]] static auto branching_of(Executor& executor) {
        if constexpr (requires { executor.branching(); }) {
            return executor.branching();
        } else {
            return submit_branching<Executor>(executor);
        }
    }

    template <class Executor>
    [[nodiscard]] static auto launcher_of(Executor& executor) {
        if constexpr (requires { executor.launcher(); }) {
            return executor.launcher();
        } else {
            return executor_launcher<Executor>(executor);
        }
    }
};

}  // namespace detail

/// Does what `executor_base::map` does, for any executor, even one without a member `map`. With a
/// `buffersize`, the executor must exist as long as the results are iterated.
///
/// \throws what the executor's `submit` throws
///
/// \code
/// int sum = 0;
/// for (int square : futures::map(executor, [](int x) { return x * x; }, std::vector{1, 2, 3}))
///     sum += square;
/// assert(sum == 14);
/// \endcode
template <executor Executor, class Fn, class... Ranges>
auto map(Executor& executor, Fn&& fn, Ranges&&... ranges) {
    return detail::start_map(detail::launcher_access::launcher_of(executor), map_options(),
                             std::forward<Fn>(fn), std::forward<Ranges>(ranges)...);
}
/// Does the same, with options.
///
/// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
template <executor Executor, class Fn, class... Ranges>
auto map(Executor& executor, map_options options, Fn&& fn, Ranges&&... ranges) {
    return detail::start_map(detail::launcher_access::launcher_of(executor), options, std::forward<Fn>(fn),
                             std::forward<Ranges>(ranges)...);
}

/// An executor of your own inherits this to have `map`, `for_each`, `reduce` and `invoke`, by means of its
/// `submit`: `class mine : public executor_base<mine>`. With `package`, such an executor is a dozen lines;
/// the cookbook has one.
///
/// \code
/// using pool = futures::thread_pool_executor<>;
/// static_assert(std::derived_from<pool, futures::executor_base<pool>>);
/// \endcode
template <class Derived>
class executor_base {
public:
    /// Calls `fn` with an element of each range, side by side, up to the end of the shortest, and returns an
    /// input range of the results in the order of the input. This call submits everything. Ranges are
    /// decay-copied: a container is copied or moved in, a view or a `std::ref` refers. All tasks call the
    /// same `fn` object at once; it gets references to the elements.
    ///
    /// The increment (or `begin()`) that reaches the first exception, in the order of the input, rethrows it.
    /// After that, and after an iteration that you leave midway, tasks that have not started are cancelled.
    /// You may throw away results that were never iterated: everything runs, and the log handler gets the
    /// exceptions.
    ///
    /// \throws what `submit` throws
    ///
    /// \code
    /// int sum = 0;
    /// auto multiply = [](int x, int y) { return x * y; };
    /// for (int product : executor.map(multiply, std::vector{1, 2}, std::vector{3, 4}))
    ///     sum += product;
    /// assert(sum == 11);
    /// \endcode
    template <class Fn, class... Ranges>
    auto map(Fn&& fn, Ranges&&... ranges) {
        return detail::start_map(detail::launcher_access::launcher_of(self()), map_options(),
                                 std::forward<Fn>(fn), std::forward<Ranges>(ranges)...);
    }

    /// Does the same, with options.
    ///
    /// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
    ///
    /// \code
    /// int sum = 0;
    /// for (int square : executor.map({.buffersize = 8}, [](int x) { return x * x; }, std::views::iota(0))) {
    ///     sum += square;
    ///     if (square == 100)
    ///         break;
    /// }
    /// assert(sum == 385);
    /// \endcode
    template <class Fn, class... Ranges>
    auto map(map_options options, Fn&& fn, Ranges&&... ranges) {
        return detail::start_map(detail::launcher_access::launcher_of(self()), options, std::forward<Fn>(fn),
                                 std::forward<Ranges>(ranges)...);
    }

    /// Calls all callables, the last one on this thread, and returns the tuple of their results in their
    /// order, with `std::monostate` for void. The others are called by workers, or by this thread if no
    /// worker has come by the time that it would have to wait. On a `thread_pool_executor`, this allocates
    /// nothing. Other executors get the callables by `submit`.
    ///
    /// The callables are not copied. They may refer to local variables, as this returns only when all calls
    /// have ended. If several throw, the exception of the first, in their order, is rethrown.
    ///
    /// Use it for divide and conquer: tasks may call it, to any depth that the stack allows.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, this thread makes that call.
    ///
    /// \code
    /// std::vector numbers{3, 1, 4, 1};
    /// auto [least, sum] = executor.invoke([&] { return std::ranges::min(numbers); },
    ///                                     [&] { return std::accumulate(numbers.begin(), numbers.end(), 0);
    ///                                     });
    /// assert(least == 1 && sum == 9);
    /// \endcode
    template <class... Fns>
    auto invoke(Fns&&... fns) {
        return detail::invoke_all(detail::launcher_access::branching_of(self()), std::forward<Fns>(fns)...);
    }

    /// Calls `fn` with each element of the range, on workers and on this thread, and returns when all calls
    /// have ended. The range is not copied, and `fn` gets references to its elements; only an input range
    /// that is no forward range gives its elements away. All threads call the same `fn` object at once. They
    /// take chunks of the range in its order. Without options, the loop chooses the chunks, for about four to
    /// a worker.
    ///
    /// If calls throw, the first exception in the order of the input is rethrown. Chunks that have begun are
    /// finished, and no further chunk begins.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, fewer threads do the work.
    ///
    /// \code
    /// std::vector numbers{1, 2, 3};
    /// executor.for_each([](int& number) { number *= 2; }, numbers);
    /// assert((numbers == std::vector{2, 4, 6}));
    /// \endcode
    template <class Fn, class Range>
    void for_each(Fn&& fn, Range&& range) {
        detail::for_each_in(detail::launcher_access::branching_of(self()), timeout_duration(), 0, fn, range);
    }

    /// Does the same, with options. A chunk has `options.chunksize` elements, unless
    /// `options.auto_chunksize`. When `options.timeout` has passed, no further chunk begins; if one was left,
    /// this throws as soon as those that have begun are finished. `options.buffersize` has no effect.
    ///
    /// \throws timeout_error if the time passed before the last chunk began
    /// \throws std::invalid_argument if `options.chunksize` or `options.buffersize` is less than 1
    ///
    /// \code
    /// std::atomic<int> sum = 0;
    /// executor.for_each({.chunksize = 10}, [&sum](int number) { sum += number; }, std::views::iota(0, 100));
    /// assert(sum == 4950);
    /// \endcode
    template <class Fn, class Range>
    void for_each(map_options options, Fn&& fn, Range&& range) {
        detail::for_each_in(detail::launcher_access::branching_of(self()), options, fn, range);
    }

    /// Combines `init` and the elements of the range to one value of the type of `init`, on workers and on
    /// this thread. The combination is in the order of the input, so `combine` need not be commutative. But
    /// it must be associative, as neighbours may be combined first. Each element must convert to the type of
    /// `init`. For an empty range, this returns `init`.
    ///
    /// All threads call the same `combine` object at once. Exceptions are treated as in `for_each`.
    ///
    /// \throws what the first `submit` throws; then nothing was called. If a later one throws, as the
    /// executor was shut down meanwhile, fewer threads do the work.
    ///
    /// \code
    /// std::vector<std::string> words{"in ", "this ", "order"};
    /// assert(executor.reduce(words, std::string("all "), std::plus<>()) == "all in this order");
    /// \endcode
    template <class Range, class T, class Combine>
    T reduce(Range&& range, T init, Combine&& combine) {
        std::identity transform;
        return detail::reduce_in(detail::launcher_access::branching_of(self()), range, std::move(init),
                                 combine, transform);
    }

    /// Does the same with what `transform` returns for each element.
    ///
    /// \code
    /// std::vector<std::string> words{"a", "bc", "def"};
    /// assert(executor.reduce(words, std::size_t(0), std::plus<>(), &std::string::size) == 6);
    /// \endcode
    template <class Range, class T, class Combine, class Transform>
    T reduce(Range&& range, T init, Combine&& combine, Transform&& transform) {
        return detail::reduce_in(detail::launcher_access::branching_of(self()), range, std::move(init),
                                 combine, transform);
    }

    /// In a coroutine of any type, `co_await executor.schedule()` goes on as a task of this executor. A
    /// coroutine that has an executor goes on as a task of that again after its next await, even of what is
    /// done, unless that await throws before it begins to wait.
    ///
    /// \throws what `submit` throws
    /// \throws cancelled_error if the executor drops the task uncalled
    ///
    /// \code
    /// auto name_of_worker = [](auto& pool, bool) -> futures::Future<std::string> {
    ///     co_await pool.schedule();
    ///     co_return futures::this_thread_name();
    /// };
    /// assert(name_of_worker(executor, true).result() != futures::this_thread_name());
    /// \endcode
    [[nodiscard]] auto schedule() noexcept { return detail::schedule_awaiter<Derived>(self()); }

protected:
    executor_base() = default;
    ~executor_base() = default;

private:
    [[nodiscard]] Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/orphaned_threads.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A thread of a pool.
struct started_thread {
    shared_pool<pool_base> pool;  // until the thread has worked
    worker* self;
    sync::thread thread = {};
    bool has_worked = false;         // guarded by the mutex of `orphaned_threads`
    started_thread* next = nullptr;  // in a `thread_list`

    // Of a spare.
    std::unique_ptr<errand> left = {};
    parking_spot has_errand = {};  // or has to end
    started_thread* next_idle = nullptr;
};

// Threads that somebody has to join. Every unit that makes a pool compiles this, and a `std::list` takes
// more.
class thread_list {
public:
    thread_list() = default;
    thread_list(thread_list&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
    thread_list& operator=(thread_list&&) = delete;
    // Requires: nothing is left to join.
    ~thread_list() = default;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    // Takes over `added`, which was made by `new`.
    void add(started_thread& added) noexcept { added.next = std::exchange(first_, &added); }

    void add_all(thread_list& added) noexcept;

    // Returns the threads that have worked, if `self` is in the list, and removes them.
    [[nodiscard]] thread_list take_worked(const started_thread& self) noexcept;

    void detach_all() noexcept {
        for (started_thread* each = first_; each; each = each->next) {
            each->thread.detach();
        }
    }

    void join_all() noexcept;

private:
    started_thread* take_first() noexcept {
        started_thread* const first = first_;
        if (first) {
            first_ = first->next;
        }
        return first;
    }

    started_thread* first_ = nullptr;
};

// The threads of pools whose executor was destroyed by one of its own tasks. That task's thread cannot join
// itself, so another must: the next orphaned thread that has no more work, or the end of the process, which
// therefore waits until everything submitted has run.
//
// A join may take long, as a thread runs the destructors of its thread_local objects before it ends. Only the
// end of the process waits for a joining thread. No two threads wait for each other: each joins only those
// that set `has_worked` before it did.
class orphaned_threads {
public:
    // One for all shared libraries.
    [[gnu::visibility("default"), gnu::noinline]] static orphaned_threads& instance() noexcept {
        // Never destroyed: code that still runs at the end of the process may leave threads here.
        static no_destructor<orphaned_threads> orphans;
        static const at_end_of_process end(orphans.get());
        static_cast<void>(end);
        return orphans.get();
    }

    // Takes over the threads of a pool. A destructor calls this, so it neither allocates nor waits.
    [[gnu::cold]] void adopt(thread_list& threads) noexcept;

    // The last step of each thread of a pool, whether orphaned or not.
    [[gnu::cold]] void end(started_thread& self) noexcept;

    // Keeps a pool for ever whose threads are in another process: they can be neither joined nor destroyed.
    // Ends the process if there is no memory left.
    [[gnu::cold]] void keep(shared_pool<pool_base> inherited) noexcept;

    // Joins all threads at the end of the process, including those that others leave here meanwhile. A task
    // that calls `exit` ends the process while it runs. Other threads may wait for this task, so they are not
    // joined.
    [[gnu::cold]] void join_all() noexcept;

private:
    struct at_end_of_process {
        explicit at_end_of_process(orphaned_threads& its_orphans) noexcept : orphans(its_orphans) {}
        at_end_of_process(const at_end_of_process&) = delete;
        at_end_of_process& operator=(const at_end_of_process&) = delete;
        ~at_end_of_process() { orphans.join_all(); }

        orphaned_threads& orphans;
    };

    friend class no_destructor<orphaned_threads>;

    orphaned_threads() noexcept {
        // The child of a fork has only the forking thread, so no other thread may hold the mutex at a fork.
        at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                [] {
                    instance().abandon_all();
                    instance().mutex_.unlock();
                });
    }

    // Requires: `mutex_` held. Nobody will join these threads.
    void abandon_all() noexcept { abandoned_.add_all(threads_); }

    struct kept_pool {
        shared_pool<pool_base> pool;
        kept_pool* next;
    };

    sync::mutex mutex_;
    thread_list threads_;
    thread_list abandoned_;
    kept_pool* kept_pools_ = nullptr;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void thread_list::add_all(thread_list& added) noexcept {
    while (started_thread* const each = added.take_first()) {
        add(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION thread_list thread_list::take_worked(const started_thread& self) noexcept {
    thread_list taken;
    started_thread* each = first_;
    while (each && each != &self) {
        each = each->next;
    }
    if (each) {
        thread_list all(std::move(*this));
        while (started_thread* const next = all.take_first()) {
            (next->has_worked ? taken : *this).add(*next);
        }
    }
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void thread_list::join_all() noexcept {
    while (started_thread* const each = take_first()) {
        each->thread.join();
        delete each;
    }
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::adopt(thread_list& threads) noexcept {
    const std::lock_guard lock(mutex_);
    threads_.add_all(threads);
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::end(started_thread& self) noexcept {
    mutex_.lock();
    thread_list ending = threads_.take_worked(self);
    self.has_worked = true;
    mutex_.unlock();
    ending.join_all();
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::keep(shared_pool<pool_base> inherited) noexcept {
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): as said above
    auto* const more = new kept_pool{std::move(inherited), nullptr};
    const std::lock_guard lock(mutex_);
    more->next = std::exchange(kept_pools_, more);
}

CONCURRENT_FUTURES_FUNCTION void orphaned_threads::join_all() noexcept {
    const bool in_task = pool_thread::current().pool != 0;
    for (;;) {
        mutex_.lock();
        if (in_task) {
            threads_.detach_all();
            abandon_all();
        }
        thread_list threads(std::move(threads_));
        mutex_.unlock();
        if (threads.empty()) {
            return;
        }
        threads.join_all();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/threads.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Is told once when no thread of a closed pool runs, see `threads::watch_end`.
class end_watch {
public:
    end_watch(const end_watch&) = delete;
    end_watch& operator=(const end_watch&) = delete;

    // The watch may be gone when this returns.
    virtual void on_end() noexcept = 0;

protected:
    end_watch() = default;
    ~end_watch() = default;

private:
    friend class threads;

    end_watch* next_ = nullptr;
};

// `threads` starts and joins the threads of one pool. `sleep` decides when the next thread is started. No
// push waits until a thread has started, except the first push to a pool: it must know whether there is a
// thread at all.
class threads {
public:
    threads(pool_base& pool, sleep& sleep, std::size_t max_workers, std::string&& thread_name_prefix)
        : pool_(pool),
          sleep_(sleep),
          max_workers_(max_workers),
          thread_name_prefix_(std::move(thread_name_prefix)) {}
    threads(const threads&) = delete;
    threads& operator=(const threads&) = delete;
    ~threads();

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }

    // The number of threads started so far. Sequentially consistent, so that a task finds its own thread
    // counted.
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

    // True until the first thread was started: `count` already includes one that may still fail to start. A
    // push that finds false can rely on a thread.
    [[nodiscard]] bool none() const noexcept { return none_.load(); }

    // Starts the first thread, if there is none. Throws if it cannot be started.
    [[gnu::cold]] void start_first();

    // Requires: `sleep_` has asked for it. A thread that cannot be started loses no items: other workers run
    // them, if later.
    [[gnu::cold]] void start_another() noexcept;

    // See `pool_base::start_spare`.
    [[nodiscard, gnu::cold]] bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept;

    // From now on, a spare that has run its errand ends.
    void end_spares() noexcept;

    // Requires: the pool is closed, and `end_spares` was called. Waits until every thread has ended. Several
    // threads may call this at once.
    void join();

    // Requires: the pool is closed. Tells `watch` when no thread runs. Returns false if none does now.
    [[nodiscard]] bool watch_end(end_watch& watch) noexcept;

    // Requires: the pool is closed. Replaces `join` on a thread for which the pool may wait.
    [[gnu::cold]] void orphan() noexcept;

    // Replaces all of these in the child of a fork.
    [[gnu::cold]] void keep() noexcept;

private:
    // Returns the threads that nobody has joined. If there are none, starts none any more.
    [[nodiscard]] thread_list take_started() noexcept;

    // Requires, for what follows: `mutex_` held.

    void start_no_more() noexcept {
        starts_no_more_ = true;
        sleep_.start_no_more();
    }

    [[nodiscard, gnu::cold]] std::string name_of_worker(std::size_t number) const;

    // Requires: `sleep_` has asked for it.
    [[gnu::cold]] void start();

    // Makes a worker with this number, and starts its thread.
    [[nodiscard, gnu::cold]] started_thread& start_thread(std::size_t number, bool is_spare);

    [[gnu::cold]] void start_spare_locked(worker& blocked, std::unique_ptr<errand> left);

    [[nodiscard]] started_thread& take_idle_spare() noexcept {
        return *std::exchange(idle_spares_, idle_spares_->next_idle);
    }

    [[nodiscard, gnu::cold]] started_thread& start_spare_thread();

    // What the thread of a spare does.
    [[gnu::cold]] void run_spare(started_thread& started) noexcept;

    // Returns false if the spare is to end.
    [[nodiscard, gnu::cold]] bool add_idle_spare(started_thread& idle) noexcept;

    // What a thread does.
    void run(started_thread& started) noexcept {
        pool_.work(*started.self);
        note_end();
        end(started);
    }

    void note_end() noexcept;

    static void end(started_thread& started) noexcept;

    void remove_last_worker() noexcept;

    pool_base& pool_;
    sleep& sleep_;
    const std::size_t max_workers_;
    const std::string thread_name_prefix_;
    sync::atomic<std::size_t> count_{0};
    sync::atomic<bool> none_{true};
    sync::atomic<bool> failure_logged_{false};

    sync::mutex joining_;  // held while joining; taken before `mutex_`
    sync::mutex mutex_;    // held while a thread is started
    // Guarded by `mutex_`.
    bool starts_no_more_ = false;
    worker* last_worker_ = nullptr;  // of all that were ever started, spares included
    std::size_t spares_ = 0;         // that were ever started
    bool spares_end_ = false;        // once they have run their errands
    started_thread* idle_spares_ = nullptr;
    thread_list threads_;  // those that nobody has joined
    std::size_t running_ = 0;
    end_watch* end_watches_ = nullptr;  // the first in a list
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION threads::~threads() {
    while (last_worker_) {
        remove_last_worker();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::start_first() {
    const std::lock_guard lock(mutex_);
    if (!last_worker_ && sleep_.start_first()) {
        try {
            start();
        } catch (...) {
            sleep_.start_has_failed();
            throw;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::start_another() noexcept {
    std::exception_ptr failure;
    {
        const std::lock_guard lock(mutex_);
        if (!starts_no_more_) {  // else nobody would join it
            try {
                start();
                return;
            } catch (...) {
                failure = std::current_exception();
            }
        }
    }
    sleep_.start_has_failed();
    if (failure && !failure_logged_.exchange(true)) {
        log("could not start another worker thread; the others do its work", failure);
    }
}

CONCURRENT_FUTURES_FUNCTION bool threads::start_spare(worker& blocked,
                                                      std::unique_ptr<errand> left) noexcept {
    const std::lock_guard lock(mutex_);
    if (starts_no_more_) {
        return false;
    }
    try {
        start_spare_locked(blocked, std::move(left));
        return true;
    } catch (...) {
        return false;
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::end_spares() noexcept {
    const std::lock_guard lock(mutex_);
    spares_end_ = true;
    while (idle_spares_) {
        take_idle_spare().has_errand.unpark();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::join() {
    const std::lock_guard joining(joining_);
    // Workers that still run may start others.
    for (;;) {
        thread_list started = take_started();
        if (started.empty()) {
            return;
        }
        started.join_all();
    }
}

CONCURRENT_FUTURES_FUNCTION bool threads::watch_end(end_watch& watch) noexcept {
    const std::lock_guard lock(mutex_);
    if (running_ == 0) {
        return false;
    }
    watch.next_ = std::exchange(end_watches_, &watch);
    return true;
}

CONCURRENT_FUTURES_FUNCTION void threads::orphan() noexcept {
    mutex_.lock();
    start_no_more();
    thread_list orphans(std::move(threads_));
    mutex_.unlock();
    orphaned_threads::instance().adopt(orphans);
}

CONCURRENT_FUTURES_FUNCTION void threads::keep() noexcept {
    orphaned_threads::instance().keep(shared_pool(pool_));
}

CONCURRENT_FUTURES_FUNCTION thread_list threads::take_started() noexcept {
    const std::lock_guard lock(mutex_);
    if (threads_.empty()) {
        start_no_more();
    }
    return std::move(threads_);
}

CONCURRENT_FUTURES_FUNCTION std::string threads::name_of_worker(std::size_t number) const {
    char suffix[24];
    std::snprintf(suffix, sizeof suffix, "_%zu", number);
    std::string name = thread_name_prefix_;
    name += suffix;
    return name;
}

CONCURRENT_FUTURES_FUNCTION void threads::start() {
    const std::size_t before = count();
    const bool is_last = before + 1 == max_workers_ || before + 1 == worker_counts::most_workers;
    if (is_last) {
        sleep_.note_full(true);
    }
    count_.store(before + 1);
    runnable_threads::add(1);
    try {
        static_cast<void>(start_thread(before, false));
    } catch (...) {
        runnable_threads::remove(1);
        count_.store(before);
        if (is_last) {
            sleep_.note_full(false);
        }
        throw;
    }
    none_.store(false);
}

CONCURRENT_FUTURES_FUNCTION started_thread& threads::start_thread(std::size_t number, bool is_spare) {
    last_worker_ = new worker(pool_, name_of_worker(number), last_worker_, is_spare);
    std::unique_ptr<started_thread> started;
    try {
        started.reset(new started_thread{.pool = shared_pool(pool_), .self = last_worker_});
        started->thread = sync::thread([this, is_spare, record = started.get()] {
            if (is_spare) {
                run_spare(*record);
            } else {
                run(*record);
            }
        });
    } catch (...) {
        started.reset();
        remove_last_worker();
        throw;
    }
    threads_.add(*started);
    ++running_;
    return *started.release();
}

CONCURRENT_FUTURES_FUNCTION void threads::start_spare_locked(worker& blocked, std::unique_ptr<errand> left) {
    permit& shared = blocked.share_permit();
    if (!shared.add_spare(*left)) {
        return;
    }
    pool_.note_spare_started();
    runnable_threads::add(1);
    errand* const added = left.get();
    try {
        started_thread& spare = idle_spares_ ? take_idle_spare() : start_spare_thread();
        spare.self->set_permit(shared);
        spare.left = std::move(left);
        spare.has_errand.unpark();
    } catch (...) {
        runnable_threads::remove(1);
        pool_.note_spare_ended();
        shared.remove_errand(*added);
        shared.remove_spare();
        throw;
    }
}

CONCURRENT_FUTURES_FUNCTION started_thread& threads::start_spare_thread() {
    started_thread& spare = start_thread(max_workers_ + spares_, true);
    ++spares_;
    return spare;
}

CONCURRENT_FUTURES_FUNCTION void threads::run_spare(started_thread& started) noexcept {
    worker& self = *started.self;
    pool_.begin_thread(self);
    show_thread_name(self.name());
    started.has_errand.park();
    while (started.left) {
        pool_.run_errand(self, *started.left);
        started.left.reset();
        if (pool_.is_inherited() || !add_idle_spare(started)) {
            break;
        }
        started.has_errand.park();
    }
    pool_.end_thread();
    note_end();
    end(started);
}

CONCURRENT_FUTURES_FUNCTION bool threads::add_idle_spare(started_thread& idle) noexcept {
    const std::lock_guard lock(mutex_);
    if (!spares_end_) {
        idle.next_idle = std::exchange(idle_spares_, &idle);
    }
    return !spares_end_;
}

CONCURRENT_FUTURES_FUNCTION void threads::note_end() noexcept {
    if (pool_.is_inherited()) {
        return;
    }
    end_watch* told = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) {
            told = std::exchange(end_watches_, nullptr);
        }
    }
    while (told) {
        std::exchange(told, told->next_)->on_end();
    }
}

CONCURRENT_FUTURES_FUNCTION void threads::end(started_thread& started) noexcept {
    if (started.pool->is_inherited()) {
        orphaned_threads::instance().keep(std::move(started.pool));
    }
    started.pool.reset();
    orphaned_threads::instance().end(started);
}

CONCURRENT_FUTURES_FUNCTION void threads::remove_last_worker() noexcept {
    worker* const removed = last_worker_;
    last_worker_ = removed->previous_worker();
    delete removed;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/pool/worker_pool.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Queues of work items and the threads that run them. The executor and each of the pool's threads own it, so
// it outlives an executor that is destroyed on one of them.
//
// Items submitted from outside go to the shared queue. A worker's own submits go to its local queue, if the
// pool's order allows that. A worker pops the oldest item of its local queue, then from the shared queue,
// then the oldest of another worker's local queue. Now and then it uses another order, so that no queue
// starves while those before it never empty. A single worker starts all items in the order of their
// submission.
//
// All queues have these members. Any thread may call them, except that only the worker itself may call `push`
// and `purge` of its local queue. None allocates, so none fails, except the `push` of a `discipline_queue`.
// - `seems_empty()`: a hint.
// - `size()`: by sequentially consistent loads, and with the items that are just being pushed; see `sleep`.
// - `settled_size()`: the same, and no item counts twice.
// - `push(item, admit)`: counts the item in `size()`, and then calls `admit()` under its lock. If that
// returns
//   false, `push` returns false and does not add the item. Once the lock is released, the item may be run. A
//   thread that closes a pool looks into its queues afterwards: either `admit` sees that the pool is closed,
//   or the closing thread sees the item.
// - `pop()`: null if the queue is empty or seems empty.
// - `take_all()`: in an order in which pushing the items again restores the queue.
// - `purge(stale)`, if `purge_is_due(stale)`: takes out the stale items, if that pays; see `purge_schedule`.
template <class Queue>
class worker_pool final : public pool_base {
public:
    [[gnu::noinline]] worker_pool(std::size_t max_workers, std::string&& thread_name_prefix,
                                  std::function<void()>&& initializer);

    // A task may own the last reference to its executor. It can run, and destroy this pool, while `push` is
    // still executing on the submitting thread. Waits for such threads.
    [[gnu::noinline]] ~worker_pool() override;

    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // Queues `item` with a reference on it, or throws and leaves everything as it was. On a pool that
    // `is_inherited`, no other function may be called except `keep` and those that take no lock.
    void push(work_item& item) override {
        throw_if_inherited();
        worker* const self = uses_local_queues() ? submitting_worker() : nullptr;
        if (self && may_keep_local(*self)) {
            push_to(victims_.queue_of(*self), item);
        } else {
            start_first_if_none();
            push_to(queue_, item);
        }
    }

    void push_coroutine(work_item& item) override;

    // Where the calling thread queues branches, and its worker if it is one of this pool.
    struct branch_place {
        local_queue& queue;
        worker* self;
    };

    // Where workers have no local queues, branches share one with those of other threads: they are neither
    // cancelled nor ordered by anything but the program that waits for them.
    [[nodiscard]] branch_place place_for_branches() noexcept {
        worker* const self = submitting_worker();
        return {self && uses_local_queues() ? victims_.queue_of(*self) : victims_.queue_of_others(), self};
    }

    // Queues a branch, or throws and leaves everything as it was. Requires: `place` is what
    // `place_for_branches` has returned to this thread.
    void push_branch(const branch_place& place, work_item& item) {
        throw_if_inherited();
        if (!place.self) {
            start_first_if_none();
        }
        push_to(place.queue, item);
    }

    // Throws what a `push` would throw now.
    void throw_if_refusing() {
        throw_if_inherited();
        throw_if_closed();
    }

    // Refuses work from now on. Waiting tasks still run, unless `cancel_waiting`. If `request_stop`, running
    // tasks are asked to stop, and so are those that still start.
    [[gnu::noinline]] void shut_down(bool cancel_waiting, bool request_stop);

    // Requires: `shut_down` was called. Waits until every worker has ended. Several threads may call this at
    // once.
    void join() { threads_.join(); }

    [[nodiscard]] bool watch_end(end_watch& watch) noexcept override { return threads_.watch_end(watch); }

    // Requires: `shut_down` was called. Replaces `join` if the pool `may_wait_for_this_thread`.
    void orphan() noexcept { threads_.orphan(); }

    // Replaces all of these for a pool that `is_inherited`. The pool is never destroyed.
    void keep() noexcept { threads_.keep(); }

    [[nodiscard]] std::size_t max_workers() const noexcept { return threads_.max_workers(); }

    [[nodiscard]] std::size_t worker_count() const noexcept { return is_inherited() ? 0 : threads_.count(); }

    [[nodiscard]] std::size_t waiting() const noexcept override { return waiting_beside(queue_.size()); }

    // Does the same for users. `waiting` reads several counts, one after the other, and is too high if an
    // item moves or leaves its queue meanwhile, even while nothing waits. So this reads them again until no
    // stale item has left; but not for ever.
    [[nodiscard]] std::size_t pending_count() const noexcept;

    void order_pushes() noexcept override;

    [[nodiscard]] bool has_items() const noexcept override;

    [[nodiscard]] bool expects_items() const noexcept override { return coroutines_.load() != 0; }

    [[nodiscard]] bool shared_queue_seems_empty() const noexcept override { return queue_.seems_empty(); }

    // The whole life of a worker. If a task forks, a copy of the worker returns to this loop in the child,
    // and does nothing more.
    void work(worker& self) noexcept override;

    [[nodiscard]] bool start_spare(worker& blocked, std::unique_ptr<errand> left) noexcept override {
        return threads_.start_spare(blocked, std::move(left));
    }

    [[gnu::cold, gnu::noinline]] void run_errand(worker& self, errand& left) noexcept override;

    void throw_if_inherited() const {
        if (is_inherited()) {
            throw_error<broken_executor>(
                "the threads of this executor are not in this process, which was forked: make another "
                "executor here");
        }
    }

private:
    // Returns the number of items that wait. `shared` is the size of the shared queue.
    [[nodiscard]] std::size_t waiting_beside(std::size_t shared) const noexcept;

    void start_thread() noexcept override { threads_.start_another(); }

    void start_first_if_none() {
        if (threads_.none()) {
            throw_if_closed();
            threads_.start_first();
        }
    }

    // A single worker starts all tasks in the order of their submission, and pops first from its local queue.
    // So all items there must be older than those in the shared queue, and a spare keeps none. `size()`
    // misses no item that was submitted before, even while another thread purges the queue.
    [[nodiscard]] bool may_keep_local(const worker& self) const noexcept {
        return max_workers() != 1 || (queue_.size() == 0 && !self.is_spare());
    }

    // Returns the next item for this worker; null if all queues seemed empty.
    [[nodiscard]] work_item* next_item(worker& self) noexcept {
        constexpr unsigned now_and_then = 32;
        const unsigned turn = victims::next_turn(self, now_and_then);
        const bool shared_first = turn == 0 && max_workers() != 1;  // see `may_keep_local`
        const bool another_first = turn == now_and_then / 2;
        work_item* item = another_first ? victims_.steal_in_turn(self) : nullptr;
        if (!item && !shared_first) {
            item = victims_.pop_own(self);
        }
        if (!item) {
            item = queue_.pop();
        }
        return item ? item : victims_.steal(self);
    }

    // See `sleep::park`.
    [[nodiscard]] bool park(worker& self) noexcept {
        self.give_up_bias();
        self.give_permit_back();
        if (!sleep_.park(self)) {
            return false;
        }
        self.take_permit_back();
        return true;
    }

    // Looks for an item for a while without sleeping. Returns whether there seems to be one.
    [[nodiscard]] bool spin(worker& self) noexcept {
        constexpr int pauses = 4;  // between looks, which take a cache line from pushing threads
        const spin_target target = sleep_.may_spin(self);
        return target != spin_target::nothing && spin_until(pauses, [&] { return seems_to_have(target); });
    }

    // A hint.
    [[nodiscard]] bool seems_to_have(spin_target target) const noexcept {
        bool seems = !queue_.seems_empty();
        if (target == spin_target::any_item) {
            victims_.for_each([&](const local_queue& each) { seems = seems || !each.seems_empty(); });
        }
        return seems;
    }

    // Returns the calling thread's worker if it belongs to this pool, else null. Mostly this library knows.
    [[nodiscard]] worker* submitting_worker() const noexcept {
        if (library() != this_library()) {
            return worker_here();
        }
        worker* const self = worker::of_this_library();
        return self && &self->pool() == this ? self : nullptr;
    }

    void throw_if_broken() {
        if (initializer_) {
            if (const std::exception_ptr reason = breakage()) {
                std::rethrow_exception(reason);
            }
        }
    }

    // Returns what a submit throws because an initializer has failed, or null.
    [[nodiscard, gnu::noinline]] std::exception_ptr breakage();

    // An item that was pushed while the pool broke may have come too late to be taken out.
    [[gnu::cold, gnu::noinline]] void fail_waiting_if_broken() noexcept;

    [[gnu::noinline]] void throw_if_closed();

    // What a push calls under the lock of its queue. No lambda, as no compiler but one takes attributes
    // there.
    template <class AQueue>
    struct admission {
        // Returns false if the pool is closed. Else says whether to wake a worker, and to purge the queue.
        [[gnu::always_inline]] bool operator()() const noexcept {
            const worker_counts counts = pool.sleep_.counts();
            if (counts.closed() && !(is_expected && pool.expects_items())) {
                return false;
            }
            wake = counts.push_must_wake();
            purge = queue.purge_is_due(pool.stale_items_);
            if (wake || purge) {
                // Relaxed: the queue's lock orders it.
                pool.visitors_.fetch_add(1, std::memory_order_relaxed);
            }
            return true;
        }

        worker_pool& pool;
        AQueue& queue;
        const bool is_expected;
        bool& wake;
        bool& purge;
    };

    // `is_expected` says that a closed pool admits the item, as long as it `expects_items`.
    template <class AQueue>
    void push_to(AQueue& queue, work_item& item, bool is_expected = false) {
        bool wake = false;
        bool purge = false;
        const admission<AQueue> admit{*this, queue, is_expected, wake, purge};
        try {
            if (!queue.push(item, admit)) {
                throw_if_closed();
            }
        } catch (...) {
            if (wake || purge) {  // a user's discipline has thrown
                end_visit();
            }
            throw;
        }
        if (wake || purge) {
            visit(queue, wake, purge);
        }
    }

    // What remains to be done after a push. By now the task may have run and ended the pool. The destructor
    // waits for visitors.
    template <class AQueue>
    [[gnu::noinline]] void visit(AQueue& queue, bool wake, bool purge) noexcept;

    [[gnu::noinline]] static void release_all(work_list stale) noexcept;

    // Release: pairs with the acquire of the destructor.
    void end_visit() noexcept { visitors_.fetch_sub(1, std::memory_order_release); }

    [[gnu::noinline]] bool initialize(worker& self) noexcept;

    [[gnu::cold, gnu::noinline]] void break_because_of_current_exception() noexcept;

    // Takes all items out of the queues of a closed pool. Has them fail with `*reason`, or cancels them if
    // that is null.
    [[gnu::cold, gnu::noinline]] void end_waiting(const std::exception_ptr* reason) noexcept;
    [[gnu::cold, gnu::noinline]] void end_all(work_list items, const std::exception_ptr* reason) noexcept;

    const std::function<void()> initializer_;
    broken_thread_pool* breakage_ = nullptr;  // made early: later there may be no memory

    sync::atomic<std::size_t> visitors_{0};  // threads in `push` that still use this pool
    Queue queue_;
    victims victims_;
    threads threads_;

    // Guarded by `closing_`.
    sync::mutex closing_;
    bool shut_down_ = false;
    std::exception_ptr broken_;  // what a submit throws once an initializer has failed
};

template <class Queue>
worker_pool<Queue>::worker_pool(std::size_t max_workers, std::string&& thread_name_prefix,
                                std::function<void()>&& initializer)
    : pool_base(max_workers, Queue::allows_local_queues),
      initializer_(std::move(initializer)),
      threads_(*this, sleep_, max_workers, std::move(thread_name_prefix)) {
    runnable_threads::note_processors();
    // Made now, so that it outlives an executor with static storage at the end of the process.
    orphaned_threads::instance();
    if (initializer_) {
        breakage_ = new broken_thread_pool(
            "a thread initializer failed, the thread pool is not usable any more; the initializer's "
            "exception is nested in this one");
    }
    live_pools::instance().add(*this);
}

template <class Queue>
worker_pool<Queue>::~worker_pool() {
    live_pools::instance().remove(*this);
    // Acquire: pairs with the release of `end_visit`.
    for (back_off delay; visitors_.load(std::memory_order_acquire) != 0;) {
        delay.pause();
    }
    delete breakage_;
}

template <class Queue>
void worker_pool<Queue>::push_coroutine(work_item& item) {
    throw_if_inherited();
    throw_if_broken();
    worker* const self = uses_local_queues() ? submitting_worker() : nullptr;
    if (self && may_keep_local(*self)) {
        push_to(victims_.queue_of(*self), item, true);
    } else {
        push_to(queue_, item, true);
    }
    if (sleep_.counts().closed()) {
        fail_waiting_if_broken();
    }
}

template <class Queue>
void worker_pool<Queue>::shut_down(bool cancel_waiting, bool request_stop) {
    {
        const std::lock_guard lock(closing_);
        shut_down_ = true;
    }
    sleep_.close();
    threads_.end_spares();
    if (cancel_waiting) {
        end_waiting(nullptr);
    }
    if (request_stop) {
        stoppables().request_stop();
    }
}

template <class Queue>
std::size_t worker_pool<Queue>::pending_count() const noexcept {
    constexpr int most_attempts = 100;
    for (int attempt = 1;; ++attempt) {
        const std::ptrdiff_t stale = stale_items_.load();
        const std::size_t count = waiting_beside(is_inherited() ? queue_.size() : queue_.settled_size());
        if (stale_items_.load() == stale || attempt == most_attempts) {
            return count;
        }
    }
}

template <class Queue>
void worker_pool<Queue>::order_pushes() noexcept {
    victims_.order_pushes_of_others(worker_here());
}

template <class Queue>
bool worker_pool<Queue>::has_items() const noexcept {
    bool found = queue_.size() != 0;
    victims_.for_each([&](const local_queue& each) { found = found || each.size() != 0; });
    return found;
}

template <class Queue>
void worker_pool<Queue>::work(worker& self) noexcept {
    begin_thread(self);
    show_thread_name(self.name());
    if (sleep_.begin(self, initializer_ != nullptr)) {
        start_thread();
    }
    if (initialize(self)) {
        do {
            while (work_item* const item = next_item(self)) {
                if (!item->execute(self)) {
                    note_stale_item_gone();
                }
                if (is_inherited()) {
                    end_thread();
                    return;
                }
                if (self.shares_permit()) {
                    self.let_spares_run();
                }
            }
        } while (spin(self) || park(self));
    }
    end_thread();
}

template <class Queue>
void worker_pool<Queue>::run_errand(worker& self, errand& left) noexcept {
    self.begin_errand(left);
    if (self.is_initialized() || initialize(self)) {
        left.run(self);
    }
    if (!is_inherited()) {
        self.end_errand();
        note_spare_ended();
        runnable_threads::remove(1);
    }
}

template <class Queue>
std::size_t worker_pool<Queue>::waiting_beside(std::size_t shared) const noexcept {
    std::size_t queued = shared;
    victims_.for_each([&](const local_queue& each) { queued += each.size(); });
    const std::ptrdiff_t stale = stale_items_.load();  // after the sizes, see `note_stale_item_gone`
    const auto all = static_cast<std::ptrdiff_t>(queued);
    return static_cast<std::size_t>(stale >= all ? 0 : stale <= 0 ? all : all - stale);
}

template <class Queue>
std::exception_ptr worker_pool<Queue>::breakage() {
    const std::lock_guard lock(closing_);
    return broken_;
}

template <class Queue>
void worker_pool<Queue>::fail_waiting_if_broken() noexcept {
    if (const std::exception_ptr reason = breakage()) {
        end_waiting(&reason);
    }
}

template <class Queue>
void worker_pool<Queue>::throw_if_closed() {
    const std::lock_guard lock(closing_);
    if (broken_) {
        std::rethrow_exception(broken_);
    }
    if (shut_down_) {
        throw_error<executor_shutdown>("cannot schedule new futures after shutdown");
    }
}

template <class Queue>
template <class AQueue>
void worker_pool<Queue>::visit(AQueue& queue, bool wake, bool purge) noexcept {
    if (wake) {
        wake_one();
    }
    if (purge) {
        release_all(queue.purge(stale_items_));
    }
    end_visit();
}

template <class Queue>
void worker_pool<Queue>::release_all(work_list stale) noexcept {
    while (work_item* const each = stale.take_first()) {
        each->release();
    }
}

template <class Queue>
bool worker_pool<Queue>::initialize(worker& self) noexcept {
    if (!initializer_) {
        return true;
    }
    try {
        initializer_();
        if (is_inherited()) {
            return false;
        }
        if (self.is_spare()) {
            self.note_initialized();
        } else {
            sleep_.has_initialized(self);
        }
        return true;
    } catch (...) {
        if (!is_inherited()) {
            break_because_of_current_exception();
            if (!self.is_spare()) {
                sleep_.initializer_has_failed(self);
            }
        }
        return false;
    }
}

template <class Queue>
void worker_pool<Queue>::break_because_of_current_exception() noexcept {
    const std::exception_ptr cause = std::current_exception();
    std::exception_ptr reason;
    try {
        std::throw_with_nested(*breakage_);
    } catch (...) {
        reason = std::current_exception();
    }
    bool first = false;
    {
        const std::lock_guard lock(closing_);
        first = !broken_;
        if (first) {
            broken_ = reason;
        }
    }
    sleep_.close();
    log("a thread initializer failed, and its thread pool is broken", cause);
    if (first) {
        end_waiting(&reason);
    }
}

template <class Queue>
void worker_pool<Queue>::end_waiting(const std::exception_ptr* reason) noexcept {
    end_all(queue_.take_all(), reason);
    victims_.for_each([&](local_queue& each) { end_all(each.take_all(), reason); });
}

template <class Queue>
void worker_pool<Queue>::end_all(work_list items, const std::exception_ptr* reason) noexcept {
    while (work_item* const item = items.take_first()) {
        if (reason) {
            item->fail_waiting(*reason);
        } else {
            item->cancel_waiting();
        }
        note_stale_item_gone();
    }
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/locked_queue.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes an order of items, `push(item)`, `pop()` and `take_all()`, safe for several threads by a lock.
//
// `Order::restores` says whether pushing what `take_all()` returned, in that order, restores the queue. Else
// the queue is never purged: an item that was cancelled stays in it until its turn comes.
template <class Order, class Lock = counting_lock>
class locked_queue {
public:
    // Whether workers may keep their own submits in local queues. The order spans all items, so they may not.
    static constexpr bool allows_local_queues = false;

    [[nodiscard]] std::size_t size() const noexcept { return lock_.count(); }
    [[nodiscard]] std::size_t settled_size() const noexcept { return size(); }

    // Relaxed: a hint.
    [[nodiscard]] bool seems_empty() const noexcept { return lock_.count(std::memory_order_relaxed) == 0; }

    // If the order's `push` throws, the queue is as it was.
    template <class Admit>
    [[nodiscard]] bool push(work_item& item,
                            Admit admit) noexcept(noexcept(std::declval<Order&>().push(item))) {
        counting_guard lock(lock_, adding_one);
        bool pushed = false;
        const uncounted_unless uncounted(lock, pushed);
        if (admit()) {
            order_.push(item);
            pushed = true;
        }
        return pushed;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        counting_guard lock(lock_);
        work_item* const item = order_.pop();
        lock.set_count(lock.count() - (item != nullptr));
        return item;
    }

    [[gnu::cold]] work_list take_all() noexcept {
        counting_guard lock(lock_);
        lock.set_count(0);
        return order_.take_all();
    }

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return Order::restores && schedule_.due(*this, stale);
    }

    // Requires: `purge_is_due`.
    [[gnu::noinline]] work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
        counting_guard lock(lock_);
        work_list taken;
        if (purge_schedule::pays(lock.count(), stale)) {
            work_list items = order_.take_all();
            taken = take_stale(items, stale);
            lock.set_count(items.size());
            while (work_item* const item = items.take_first()) {
                order_.push(*item);
            }
        }
        schedule_.done(lock.count());
        return taken;
    }

private:
    // A push has counted its item. If the item was refused, or the order threw, it does not count any more.
    class uncounted_unless {
    public:
        uncounted_unless(counting_guard<Lock>& lock, const bool& pushed) noexcept
            : lock_(lock), pushed_(pushed) {}
        uncounted_unless(const uncounted_unless&) = delete;
        uncounted_unless& operator=(const uncounted_unless&) = delete;
        ~uncounted_unless() {
            if (!pushed_) {
                lock_.set_count(lock_.count() - 1);
            }
        }

    private:
        counting_guard<Lock>& lock_;
        const bool& pushed_;
    };

    Lock lock_;
    Order order_;
    purge_schedule schedule_;
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/sync/counting_mutex.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Does what a `counting_lock` does, by a mutex: for sections that may take long.
class counting_mutex {
public:
    [[nodiscard]] std::size_t lock() {
        mutex_.lock();
        return count_.load(std::memory_order_relaxed);  // relaxed: the mutex orders
    }

    // The sum is sequentially consistent, as in `counting_lock`.
    [[nodiscard]] std::size_t lock_adding_one() {
        mutex_.lock();
        return count_.fetch_add(1) + 1;
    }

    // Release: see `counting_lock`.
    void unlock(std::size_t count) noexcept {
        count_.store(count, std::memory_order_release);
        mutex_.unlock();
    }

    [[nodiscard]] std::size_t count(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        return count_.load(order);
    }

private:
    sync::mutex mutex_;
    sync::atomic<std::size_t> count_{0};
};

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/discipline_queue.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

template <class Discipline>
concept own_discipline =
    std::default_initializable<Discipline> && requires(Discipline& discipline, queued_task& task) {
        discipline.push(task);
        { discipline.pop() } -> std::same_as<queued_task*>;
    };

// A user's queue discipline as the order of a `locked_queue`. Nobody knows an order in which the discipline
// would have to be given its tasks again.
template <own_discipline Discipline>
class discipline_order {
public:
    static constexpr bool restores = false;

    void push(work_item& item) { discipline_.push(item); }

    work_item* pop() noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every queued_task is a work_item
        return static_cast<work_item*>(discipline_.pop());
    }

    work_list take_all() noexcept {
        work_list items;
        while (work_item* const item = pop()) {
            items.append(*item);
        }
        return items;
    }

private:
    Discipline discipline_;
};

// By a mutex, not by a spin lock: the calls of a discipline may take long, and allocate.
template <own_discipline Discipline>
using discipline_queue = locked_queue<discipline_order<Discipline>, counting_mutex>;

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/fifo.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// First in, first out. Pushing and popping threads have a list and a lock each. A pop takes the lock of the
// pushes only when its own list is empty, to take over all that was pushed. (The idea of two locks is Michael
// and Scott's, "Simple, fast, and practical non-blocking and blocking concurrent queue algorithms", PODC
// 1996.)
class fifo_queue {
public:
    // Whether workers may keep their own submits in local queues. With several workers nobody can tell the
    // order in which tasks start.
    static constexpr bool allows_local_queues = true;

    // A pop that takes the pushed items over counts them in `popping_` before it takes them from the other
    // count. So both are never missed by a thread that reads the counts in this order.
    [[nodiscard, gnu::always_inline]] std::size_t size() const noexcept {
        const std::size_t pushed = push_lock_.count();
        return pushed + popping_.load();
    }

    // Waits until no item is on the way from one count to the other.
    [[nodiscard]] std::size_t settled_size() const noexcept {
        const std::lock_guard lock(pop_lock_);
        return size();
    }

    // Relaxed: a hint. Looks first at what only pops write, so that a pop often leaves the cache line of the
    // pushes alone.
    [[nodiscard]] bool seems_empty() const noexcept {
        return popping_.load(std::memory_order_relaxed) == 0 &&
               push_lock_.count(std::memory_order_relaxed) == 0;
    }

    template <class Admit>
    [[nodiscard, gnu::always_inline]] bool push(work_item& item, Admit admit) noexcept {
        counting_guard lock(push_lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
        pushed_list_.append(item);
        return true;
    }

    work_item* pop() noexcept {
        if (seems_empty()) {
            return nullptr;
        }
        const spin_guard lock(pop_lock_);
        if (popping_list_.empty()) {
            take_over_pushed();
        }
        work_item* const item = popping_list_.take_first();
        note_popping();
        return item;
    }

    [[gnu::cold]] work_list take_all() noexcept;

    [[nodiscard]] bool purge_is_due(const sync::atomic<std::ptrdiff_t>& stale) const noexcept {
        return schedule_.due(*this, stale);
    }

    work_list purge(sync::atomic<std::ptrdiff_t>& stale) noexcept;

private:
    // Requires: `pop_lock_` held.
    void take_over_pushed() noexcept;

    // Requires: `pop_lock_` held. Release: a thread that reads the new number in `size` also sees that a
    // purge has taken its items from the number of stale ones.
    void note_popping() noexcept { popping_.store(popping_list_.size(), std::memory_order_release); }

    // Lock order: `pop_lock_` before `push_lock_`.
    alignas(cache_line) counting_lock push_lock_;
    work_list pushed_list_;
    purge_schedule schedule_;

    alignas(cache_line) mutable spin_lock pop_lock_;
    work_list popping_list_;
    sync::atomic<std::size_t> popping_{0};  // the number of items in `popping_list_`
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION work_list fifo_queue::take_all() noexcept {
    const std::lock_guard lock(pop_lock_);
    take_over_pushed();
    work_list all = std::exchange(popping_list_, work_list());
    note_popping();
    return all;
}

CONCURRENT_FUTURES_FUNCTION work_list fifo_queue::purge(sync::atomic<std::ptrdiff_t>& stale) noexcept {
    const std::lock_guard lock(pop_lock_);
    work_list taken;
    if (purge_schedule::pays(size(), stale)) {
        take_over_pushed();
        taken = take_stale(popping_list_, stale);
        note_popping();
    }
    schedule_.done(size());
    return taken;
}

CONCURRENT_FUTURES_FUNCTION void fifo_queue::take_over_pushed() noexcept {
    counting_guard also(push_lock_);
    popping_list_.append(std::exchange(pushed_list_, work_list()));
    note_popping();
    also.set_count(0);
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Queue of a pool whose waiting tasks start in the order in which they were submitted. (Tasks that the
/// pool's own tasks submit start in the order in which each worker submitted them; idle workers help with
/// them.)
///
/// \code
/// futures::thread_pool_executor<futures::fifo> executor_in_order(1);  // or thread_pool_executor<>
/// assert(executor_in_order.submit([] { return 42; }).result() == 42);
/// \endcode
struct fifo {
    /// How it is done; not for users.
    using queue = detail::fifo_queue;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/lifo.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class lifo_order {
public:
    static constexpr bool restores = true;  // see `locked_queue`

    void push(work_item& item) noexcept { item.next_ = std::exchange(newest_, &item); }

    work_item* pop() noexcept {
        work_item* const item = newest_;
        if (item) {
            newest_ = std::exchange(item->next_, nullptr);
        }
        return item;
    }

    // Takes out every item, in an order in which pushing them again restores the queue.
    work_list take_all() noexcept {
        work_item* oldest = nullptr;
        while (work_item* const item = pop()) {
            item->next_ = std::exchange(oldest, item);
        }
        work_list items;
        while (oldest) {
            work_item* const next = oldest->next_;
            items.append(*oldest);
            oldest = next;
        }
        return items;
    }

private:
    work_item* newest_ = nullptr;
};

}  // namespace detail

/// Queue of a pool that starts the task submitted last first.
///
/// \code
/// futures::thread_pool_executor<futures::lifo> newest_first(1);
/// assert(newest_first.submit([] { return 42; }).result() == 42);
/// \endcode
struct lifo {
    /// How it is done; not for users.
    using queue = detail::locked_queue<detail::lifo_order>;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/queue/priority.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap: a new form of self-adjusting
// heap", Algorithmica 1, 1986): push in constant, pop in amortised logarithmic time, two links an item.
// `child_` is an item's first child, `next_` its next sibling.
class priority_order {
public:
    static constexpr bool restores = true;  // see `locked_queue`

    // An item that `take_all` returned keeps its place among those of its priority.
    void push(work_item& item) noexcept;

    work_item* pop() noexcept;

    // Takes out every item, in any order: pushing them again restores the queue.
    work_list take_all() noexcept;

private:
    static bool runs_before(const work_item& a, const work_item& b) noexcept {
        return a.priority() != b.priority() ? a.priority() > b.priority() : a.sequence() < b.sequence();
    }

    static work_item* merge(work_item* a, work_item* b) noexcept {
        if (runs_before(*b, *a)) {
            std::swap(a, b);
        }
        b->next_ = std::exchange(a->child_, b);
        return a;
    }

    // Pairs from left to right, then merges the pairs from right to left.
    static work_item* merge_siblings(work_item* first) noexcept;

    work_item* root_ = nullptr;
    std::uint64_t pushed_ = 0;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION void priority_order::push(work_item& item) noexcept {
    if (item.sequence() == 0) {
        item.set_sequence(++pushed_);
    }
    item.next_ = nullptr;
    item.child_ = nullptr;
    root_ = root_ ? merge(root_, &item) : &item;
}

CONCURRENT_FUTURES_FUNCTION work_item* priority_order::pop() noexcept {
    work_item* const item = root_;
    if (item) {
        root_ = merge_siblings(std::exchange(item->child_, nullptr));
    }
    return item;
}

CONCURRENT_FUTURES_FUNCTION work_list priority_order::take_all() noexcept {
    work_list items;
    // The items still to visit form a chain of siblings; the children of each go to its front. Each list
    // of children is walked once, so this is linear.
    work_item* chain = std::exchange(root_, nullptr);
    while (chain) {
        work_item* const item = chain;
        chain = item->next_;
        if (work_item* const first = std::exchange(item->child_, nullptr)) {
            work_item* last = first;
            while (last->next_) {
                last = last->next_;
            }
            last->next_ = chain;
            chain = first;
        }
        items.append(*item);
    }
    return items;
}

CONCURRENT_FUTURES_FUNCTION work_item* priority_order::merge_siblings(work_item* first) noexcept {
    work_item* pairs = nullptr;
    while (first) {
        work_item* const a = first;
        work_item* const b = std::exchange(a->next_, nullptr);
        first = b ? std::exchange(b->next_, nullptr) : nullptr;
        work_item* const pair = b ? merge(a, b) : a;
        pair->next_ = std::exchange(pairs, pair);
    }
    work_item* merged = nullptr;
    while (pairs) {
        work_item* const pair = std::exchange(pairs, pairs->next_);
        pair->next_ = nullptr;
        merged = merged ? merge(merged, pair) : pair;
    }
    return merged;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// Queue of a pool whose waiting task with the greatest `submit_options::priority` starts first; those of the
/// same priority start in the order in which they were submitted.
///
/// \code
/// futures::thread_pool_executor<futures::priority> urgent_first(1);
/// assert(urgent_first.submit({.priority = 10}, [] { return 42; }).result() == 42);
/// \endcode
struct priority {
    /// How it is done; not for users.
    using queue = detail::locked_queue<detail::priority_order>;
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/pool_end.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The end of a pool.
class ending_state final : public awaited_event, public end_watch {
public:
    // The pool exists until `complete`.
    explicit ending_state(pool_base& pool) noexcept : pool_(pool) {}

    void on_end() noexcept override { complete(); }

private:
    ~ending_state() override = default;

    [[nodiscard]] CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle obstacle(
        dependency_place& place) noexcept override;

    pool_base& pool_;
};

// Waits until no thread of a closed pool runs. On a worker of another pool, this helps meanwhile with what
// the pool's tasks wait for. Returns at once if there is no memory for that.
void await_end(pool_base& pool) noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

shared_state_base::weak_handle ending_state::obstacle(dependency_place& place) noexcept {
    dependency_walk::obstacle_search search(place);
    pool_.blocked_waits().for_each(search);
    return search.take();
}

CONCURRENT_FUTURES_FUNCTION void await_end(pool_base& pool) noexcept {
    if (!worker::current()) {
        return;
    }
    ending_state* made = nullptr;
    try {
        made = new ending_state(pool);
    } catch (...) {
        return;
    }
    const auto kept = shared_state_base::handle::adopt(*made);
    // The analyzer leaves out the constructor of `worker_pool`, and so takes it for unfinished.
    if (pool.watch_end(*made)) {  // NOLINT(clang-analyzer-cplusplus.PureVirtualCall)
        await_if_it_ends(*made);
    } else {
        made->complete();
    }
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/task/submit_to.hpp

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Makes a task of `fn(args...)` with one allocation, and queues it in `pool`. If this throws, nothing is
// queued.
template <class Pool, class Fn, class... Args>
auto submit_to(Pool& pool, int priority, Fn&& fn, Args&&... args) {
    using task_type = task<std::decay_t<Fn>, std::decay_t<Args>...>;
    using result_type = typename task_result<std::decay_t<Fn>, std::decay_t<Args>...>::type;
    pool.meet();
    // The task destroys itself when the last handle goes.
    task_state<result_type>& made =
        *new task_type(std::addressof(pool), std::forward<Fn>(fn), std::forward<Args>(args)...);
    Future<result_type> future = future_access::adopt<result_type>(made);
    made.set_priority(priority);
    try {
        pool.push(made);
    } catch (...) {
        made.note_not_queued();
        throw;
    }
    return future;
}

}}}  // namespace concurrent::futures::detail

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/executor/thread_pool_executor.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

class coroutine_start;

// `pool_launcher` submits the tasks of a map to a pool. The results may outlive the executor, so the launcher
// owns the pool too.
template <class Pool>
class pool_launcher {
public:
    explicit pool_launcher(shared_pool<Pool> pool) noexcept : pool_(std::move(pool)) {}

    void throw_if_refusing() const { pool_->throw_if_refusing(); }
    template <class Fn>
    auto launch(Fn&& fn) const {
        return submit_to(*pool_, 0, std::forward<Fn>(fn));
    }
    [[nodiscard]] std::size_t max_workers() const noexcept { return pool_->max_workers(); }

private:
    shared_pool<Pool> pool_;
};

template <class Queue>
struct queue_for {
    using type = int;  // no discipline; a message says so
};
template <class Queue>
    requires requires { typename Queue::queue; }
struct queue_for<Queue> {
    using type = typename Queue::queue;
};
template <own_discipline Queue>
struct queue_for<Queue> {
    using type = discipline_queue<Queue>;
};
template <class Queue>
using queue_of = typename queue_for<Queue>::type;

// Numbers the executors of the process, across its shared libraries, for the names of their threads.
[[gnu::visibility("default")]] inline unsigned next_executor_number() noexcept {
    static std::atomic<unsigned> next{0};
    return next.fetch_add(1, std::memory_order_relaxed);  // pairs with nothing: it only counts
}

[[gnu::cold]] std::string default_thread_name_prefix();

worker_limit default_max_workers() noexcept;

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION std::string default_thread_name_prefix() {
    char prefix[48];
    std::snprintf(prefix, sizeof prefix, "thread_pool_executor-%u", next_executor_number());
    return prefix;
}

CONCURRENT_FUTURES_FUNCTION worker_limit default_max_workers() noexcept {
    constexpr int most = 32;
    const int workers = usable_cpus() + 4;
    return workers < most ? workers : most;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}  // namespace detail

/// A `queue_discipline` is the order in which a pool's queued tasks start: `fifo`, `lifo`, `priority`, or a
/// class of your own. Such a class can be default-constructed and has the two members below. The pool calls
/// them one at a time, on any thread that submits or runs a task. They must not use the pool.
///
/// - `push(queued_task&)` adds a task. If it throws, it must not have added the task, and the submit throws.
/// - `pop()` removes the task that starts next and returns its `queued_task*`, or null only if there is none.
///   It must not throw.
///
/// A cancelled task stays in such a queue until its turn comes. See `queued_task` for an example.
///
/// \code
/// static_assert(futures::queue_discipline<futures::lifo> && !futures::queue_discipline<int>);
/// \endcode
template <class Queue>
concept queue_discipline = std::same_as<Queue, fifo> || std::same_as<Queue, lifo> ||
                           std::same_as<Queue, priority> || detail::own_discipline<Queue>;

/// A `thread_pool_executor` runs what is submitted to it on a pool of threads.
///
/// A submit starts a thread only if no worker is idle and the limit is not reached. Each thread is named
/// `<prefix>_<n>` (see `this_thread_name`). If a worker waits for a future of its own pool that has not
/// started, it runs the task on the spot. So tasks may submit tasks and wait for them, to any depth that the
/// stack allows, on a pool of any size.
///
/// Thread-safety: any threads may call all members at once, even tasks of the pool.
///
/// After a `fork()`, the threads belong to the parent. In the child, shutting down and destroying an executor
/// of the parent do nothing. `submit` and `map` throw `broken_executor`, and so does a call that would wait
/// for one of its futures that was not done; such futures may be cancelled and dropped. If the task that
/// forked returns, its thread ends in the child. New executors work as ever.
///
/// \code
/// futures::thread_pool_executor pool(8);  // or thread_pool_executor<futures::priority> pool(8)
/// futures::Future<int> future = pool.submit([](int x, int y) { return x + y; }, 40, 2);
/// assert(future.result() == 42);
/// \endcode
template <class Queue>
class thread_pool_executor : public executor_base<thread_pool_executor<Queue>> {
    static_assert(queue_discipline<Queue>,
                  "thread_pool_executor<Queue>: Queue is fifo, lifo or priority, or a class with "
                  "push(queued_task&) and queued_task* pop()");

public:
    /// Starts at most `min(32, usable_cpus() + 4)` threads.
    thread_pool_executor() : pool_(make_pool(detail::default_max_workers())) {}

    /// Starts at most `max_workers` threads. The number may be of any integral type.
    ///
    /// \throws std::invalid_argument if `max_workers` is less than 1 or greater than an int can be
    ///
    /// \code
    /// futures::thread_pool_executor one_for_each_element{std::vector<int>(3).size()};
    /// assert(one_for_each_element.max_workers() == 3);
    /// \endcode
    template <detail::whole_number Number>
    explicit thread_pool_executor(Number max_workers) : pool_(make_pool(max_workers)) {}

    /// Makes an executor as `options` say. Empty braces mean options with all defaults.
    ///
    /// \throws std::invalid_argument if `options.max_workers` is less than 1 or greater than an int can be
    ///
    /// \code
    /// futures::thread_pool_executor by_default({});
    /// assert(by_default.max_workers() > 1);
    /// \endcode
    explicit thread_pool_executor(thread_pool_options options)
        : pool_(make_pool(options.max_workers ? *options.max_workers : detail::default_max_workers(),
                          std::move(options))) {}

    // The parameter is not const: `{}` could make a const one as well as options, so `executor({})` would be
    // ambiguous.
    thread_pool_executor(thread_pool_executor&) = delete;
    thread_pool_executor& operator=(const thread_pool_executor&) = delete;

    /// Shuts down as `shutdown()` does: everything that was submitted runs, and every thread ends before this
    /// returns. On one of the executor's own threads, it returns at once, and everything still runs; those
    /// threads are joined at the end of the process, if not before. If a task has called `exit()`, which
    /// destroys this executor, it returns at once, too, and the process ends while other tasks run.
    [[gnu::noinline]] ~thread_pool_executor() { end(*pool_); }

    /// Has a worker call `fn(args...)`, and returns the future of the result. The callable and the arguments
    /// are decay-copied, as by `std::thread` (`std::ref` passes a reference), and called as rvalues. They are
    /// destroyed before the result can be seen, or with the result if that is an lvalue reference. If `fn`
    /// returns an rvalue reference, the future keeps the value.
    ///
    /// If the first parameter of the callable is a `std::stop_token`, by name, the callable gets a token
    /// before the arguments, and `Future::request_stop` signals it. A parameter that takes anything gets no
    /// token. A callable with several signatures gets no token if it takes the arguments as they are.
    ///
    /// \throws executor_shutdown after `shutdown`
    /// \throws broken_thread_pool once an initializer has thrown
    /// \throws broken_executor in a child of the process that made the executor
    /// \throws std::system_error if there is no worker and no thread can be started
    /// \throws std::bad_alloc, and what copying or moving `fn` and `args` throws; whatever it throws, nothing
    /// is queued
    ///
    /// \code
    /// std::string name = "a";
    /// auto length = executor.submit([](const std::string& text) { return text.size(); }, name);
    /// auto change = executor.submit([](std::string& text) { text += 'b'; }, std::ref(name));
    /// change.result();
    /// assert(length.result() == 1 && name == "ab");
    /// \endcode
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return submit(submit_options(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// Does the same, with options.
    ///
    /// \code
    /// futures::thread_pool_executor<futures::priority> urgent_first(1);
    /// auto urgent = urgent_first.submit({.priority = 10}, [] { return 42; });
    /// assert(urgent.result() == 42);
    /// \endcode
    template <class Fn, class... Args>
    auto submit(submit_options options, Fn&& fn, Args&&... args) {
        static_assert(
            detail::can_be_kept<Fn, Args...>,
            "submit(fn, args...): fn or an argument can't be copied: pass it by std::move or std::ref");
        if constexpr (detail::can_be_kept<Fn, Args...>) {
            static_assert(detail::submittable<Fn, Args...>,
                          "submit(fn, args...): fn can't be called with these arguments as rvalues (a "
                          "reference needs std::ref, a member function its object first)");
            if constexpr (detail::submittable<Fn, Args...>) {
                return detail::submit_to(*pool_, options.priority, std::forward<Fn>(fn),
                                         std::forward<Args>(args)...);
            }
        }
    }

    /// Refuses further work: `submit` and `map` throw `executor_shutdown` from now on. Queued tasks still
    /// run, unless `options.cancel_futures`. With `options.request_stop`, tasks that took a `std::stop_token`
    /// are asked to stop, queued tasks as soon as they start. If `options.wait`, this returns once every
    /// thread has ended; but on one of the pool's own threads, which can't wait for itself, it returns at
    /// once, and so it does in what a task's `exit()` calls. It may be called again.
    ///
    /// \code
    /// auto future = executor.submit([] { return 42; });
    /// executor.shutdown();
    /// assert(future.done());
    /// \endcode
    [[gnu::noinline]] void shutdown(shutdown_options options = {}) {
        // A task that this cancels may own the last reference to this executor.
        const detail::shared_pool<pool> kept = pool_;
        if (kept->is_inherited()) {
            return;
        }
        kept->shut_down(options.cancel_futures, options.request_stop);
        if (options.wait && !kept->may_wait_for_this_thread()) {
            detail::await_end(*kept);
            kept->join();
        }
    }

    /// Returns how many threads the executor starts at most.
    ///
    /// \code
    /// assert(futures::thread_pool_executor(8).max_workers() == 8);
    /// \endcode
    [[nodiscard]] int max_workers() const noexcept { return static_cast<int>(pool_->max_workers()); }

    /// Returns how many threads the executor has started so far.
    ///
    /// \code
    /// executor.submit([] {}).wait();
    /// assert(executor.worker_count() == 1);
    /// \endcode
    [[nodiscard]] int worker_count() const { return static_cast<int>(pool_->worker_count()); }

    /// Returns how many tasks are queued.
    ///
    /// \code
    /// assert(executor.pending_count() == 0);
    /// \endcode
    [[nodiscard]] std::size_t pending_count() const { return pool_->pending_count(); }

private:
    friend class detail::launcher_access;
    friend class detail::continuing;
    friend class detail::coroutine_start;

    using pool = detail::worker_pool<detail::queue_of<Queue>>;

    [[nodiscard]] auto launcher() const noexcept { return detail::pool_launcher<pool>(pool_); }
    [[nodiscard]] auto branching() const noexcept { return detail::pool_branching<pool>(*pool_); }

    // Not inlined: nothing is gained where an executor is made or destroyed.
    [[gnu::noinline]] static detail::shared_pool<pool> make_pool(detail::worker_limit max_workers) {
        return make_pool(max_workers, thread_pool_options());
    }
    [[gnu::noinline]] static detail::shared_pool<pool> make_pool(detail::worker_limit max_workers,
                                                                 thread_pool_options&& options) {
        const std::size_t checked_max_workers = max_workers.checked();
        std::string& chosen = options.thread_name_prefix;
        std::string by_default = chosen.empty() ? detail::default_thread_name_prefix() : std::string();
        return detail::shared_pool<pool>::adopt(*new pool(checked_max_workers,
                                                          std::move(chosen.empty() ? by_default : chosen),
                                                          std::move(options.initializer)));
    }

    [[gnu::noinline]] static void end(pool& ending) {
        if (ending.is_inherited()) {
            ending.keep();
            return;
        }
        ending.shut_down(false, false);
        if (ending.may_wait_for_this_thread()) {
            ending.orphan();
        } else {
            detail::await_end(ending);
            ending.join();
        }
    }

    const detail::shared_pool<pool> pool_;
};

#if defined(CONCURRENT_FUTURES_COMPILED)
namespace detail {
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<fifo>>;
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<lifo>>;
CONCURRENT_FUTURES_TEMPLATE class worker_pool<queue_of<priority>>;
}  // namespace detail
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<fifo>;
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<lifo>;
CONCURRENT_FUTURES_TEMPLATE class thread_pool_executor<priority>;
#endif

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/print.hpp

#if __has_include(<cxxabi.h>)
#include <cstdlib>  // std::free

#include <cxxabi.h>  // abi::__cxa_current_exception_type, abi::__cxa_demangle
#endif
#if defined(__cpp_lib_format) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 170000)
#include <format>  // std::formatter; <chrono> has brought it already
#endif

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

constexpr std::string_view name_of(future_state state) noexcept {
    return state == future_state::pending     ? "pending"
           : state == future_state::running   ? "running"
           : state == future_state::cancelled ? "cancelled"
                                              : "finished";
}

// Returns what the compiler calls a function that has `T` in its name.
template <class T>
constexpr std::string_view signature_with() noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
    return __FUNCSIG__;
#else
    return __PRETTY_FUNCTION__;
#endif
}

// Returns the name of `T` as C++ spells it.
template <class T>
constexpr std::string_view type_name() noexcept {
    if constexpr (std::is_same_v<T, std::string>) {
        return "std::string";
    } else {
        // All such signatures have the same text before and after the name of the type.
        constexpr std::string_view known = "double";
        constexpr std::string_view example = signature_with<double>();
        constexpr std::size_t before = example.find(known);
        std::string_view name = signature_with<T>();
        name.remove_prefix(before);
        name.remove_suffix(example.size() - before - known.size());
        return name;
    }
}

// Returns the type of what was thrown, as C++ spells it if the compiler's run-time library can tell.
template <class Text>
Text type_of(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (...) {
#if __has_include(<cxxabi.h>)
        if (const std::type_info* const type = abi::__cxa_current_exception_type()) {
            int status = 0;
            const struct demangled {
                char* const name;
                // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): that is how it was allocated
                ~demangled() { std::free(name); }
            } readable{abi::__cxa_demangle(type->name(), nullptr, nullptr, &status)};
            return readable.name ? readable.name : type->name();
        }
#endif
    }
    return "an exception";
}

// Describes a future as Python's `repr()` does. `returned` is the name of its result's type, or empty. It is
// a template, so that a unit which prints no future doesn't compile what it takes.
template <class Text = std::string>
Text describe(const shared_state_base& shared, std::string_view returned) {
    const future_state state = shared.state();
    Text text = "<Future at 0x";
    const auto address = reinterpret_cast<std::uintptr_t>(std::addressof(shared));
    for (int shift = static_cast<int>(sizeof address) * 8 - 4; shift >= 0; shift -= 4) {
        const std::uintptr_t rest = address >> shift;
        if (rest != 0) {
            text += "0123456789abcdef"[rest & 15];
        }
    }
    text += " state=";
    text += name_of(state);
    if (state == future_state::finished) {
        if (const std::exception_ptr& exception = shared.exception()) {
            text += " raised ";
            text += type_of<Text>(exception);
        } else if (!returned.empty()) {
            text += " returned ";
            text += returned;
        }
    }
    return text += '>';
}

template <class State>
std::string describe(const future_base<State>& future, std::string_view returned) {
    return future.valid() ? detail::describe(future_access::state(future), returned)
                          : "<Future without a state>";
}

}  // namespace detail

/// Writes the state's name: `pending`, `running`, `cancelled` or `finished`.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, future_state state) {
    return stream << detail::name_of(state);
}

/// Writes the present state of a future, as Python's `repr` does: `<Future at 0x7f8c state=pending>`,
/// `<Future at 0x7f8c state=finished returned int>` or `<Future at 0x7f8c state=finished raised
/// std::runtime_error>`. Equal futures have the same address. An exception doesn't count as looked at by
/// this. Never blocks.
template <class Traits, class T>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream,
                                             const Future<T>& future) {
    return stream << detail::describe(future, detail::type_name<T>());
}

/// Does the same, without the type of the result: `<Future at 0x7f8c state=finished>`.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream,
                                             const any_future& future) {
    return stream << detail::describe(future, {});
}

}}  // namespace concurrent::futures

#if defined(__cpp_lib_format) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 170000)
/// Formats as `operator<<` writes, and takes the format specifications of strings.
template <>
struct std::formatter<concurrent::futures::future_state> : std::formatter<std::string_view> {
    template <class Context>
    auto format(concurrent::futures::future_state state, Context& context) const {
        return std::formatter<std::string_view>::format(concurrent::futures::detail::name_of(state), context);
    }
};
template <class T>
struct std::formatter<concurrent::futures::Future<T>> : std::formatter<std::string_view> {
    template <class Context>
    auto format(const concurrent::futures::Future<T>& future, Context& context) const {
        namespace detail = concurrent::futures::detail;
        return std::formatter<std::string_view>::format(detail::describe(future, detail::type_name<T>()),
                                                        context);
    }
};
template <>
struct std::formatter<concurrent::futures::any_future> : std::formatter<std::string_view> {
    template <class Context>
    auto format(const concurrent::futures::any_future& future, Context& context) const {
        return std::formatter<std::string_view>::format(concurrent::futures::detail::describe(future, {}),
                                                        context);
    }
};
#endif

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/future/promise.hpp

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

// The state of a promise's future.
template <class T>
class promised_state final : public shared_state<T> {
    ~promised_state() override = default;
    [[nodiscard]] bool has_promise() const noexcept override { return true; }
};

}  // namespace detail

/// A `Promise` is the producer's side of a `Future<T>`, for executors of your own and for tests. It is
/// movable, not copyable.
///
/// Thread-safety: one thread at a time may use a promise, with two exceptions. `get_future` and a setter may
/// run at the same time. If several setters run at the same time, one wins and the others throw.
///
/// \code
/// futures::Promise<int> promise;
/// futures::Future<int> future = promise.get_future();
/// if (promise.set_running_or_notify_cancel())
///     promise.set_result(42);
/// assert(future.result() == 42);
/// \endcode
template <class T>
class Promise {
public:
    /// Makes a promise and its future, which is pending.
    ///
    /// \throws std::bad_alloc if there is no memory for the future
    Promise() : future_(detail::future_access::adopt<T>(*new detail::promised_state<T>())) {}
    /// Takes over what `other` has to fulfil.
    Promise(Promise&& other) noexcept
        : future_(std::move(other.future_)), settled_(other.settled_.load(std::memory_order_relaxed)) {}
    /// Takes over what `other` has to fulfil. If this promise was not set, its future fails with
    /// `broken_promise_error`.
    Promise& operator=(Promise&& other) noexcept {
        if (this != std::addressof(other)) {
            abandon();
            future_ = std::move(other.future_);
            settled_.store(other.settled_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        }
        return *this;
    }

    /// If the promise was not set, its future fails with `broken_promise_error`.
    ~Promise() { abandon(); }

    /// Returns a handle on the future. Each call returns one more handle.
    ///
    /// \throws invalid_state_error if this promise was moved from
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// assert(promise.get_future() == promise.get_future());
    /// \endcode
    [[nodiscard]] Future<T> get_future() const {
        static_cast<void>(state());
        return future_;
    }

    /// Makes the future run: from now on it can't be cancelled. Returns false if the future was cancelled
    /// already; then there is nothing to do.
    ///
    /// \throws invalid_state_error if this was called or the result set before
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// promise.get_future().cancel();
    /// assert(!promise.set_running_or_notify_cancel());
    /// \endcode
    bool set_running_or_notify_cancel() {
        if (state().claim()) {
            return true;
        }
        if (state().will_not_run()) {
            return false;
        }
        detail::throw_error<invalid_state_error>("the future is running or finished already");
    }

    /// Stores the value and completes the future: wakes the threads that wait for the future, and calls its
    /// callbacks on this thread.
    ///
    /// \throws invalid_state_error if a result was set before or the future was cancelled
    /// \throws whatever copying or moving `value` throws; then nothing is set, and the future keeps running
    ///
    /// \code
    /// futures::Promise<std::string> promise;
    /// promise.set_result("answer");
    /// assert(promise.get_future().result() == "answer");
    /// \endcode
    void set_result(const std::conditional_t<std::is_void_v<T>, std::monostate, T>& value)
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::is_copy_constructible_v<T>)
    {
        settle([&](auto& state) { state.result().emplace(value); });
    }
    /// Does the same, and moves the value.
    void set_result(std::conditional_t<std::is_void_v<T>, std::monostate, T>&& value)
        requires(!std::is_void_v<T> && !std::is_reference_v<T>)
    {
        settle([&](auto& state) { state.result().emplace(std::move(value)); });
    }
    /// Does the same for a future whose result is a reference.
    void set_result(std::conditional_t<std::is_reference_v<T>, T, std::monostate&> value)
        requires std::is_reference_v<T>
    {
        settle([&](auto& state) { state.result().emplace(static_cast<T>(value)); });
    }
    /// Does the same for a future that has no value.
    void set_result()
        requires std::is_void_v<T>
    {
        settle([](auto& state) { state.result().emplace(); });
    }

    /// Makes the future fail with `exception`, and completes it as `set_result` does.
    ///
    /// \throws std::invalid_argument if `exception` is null
    ///
    /// \code
    /// futures::Promise<int> promise;
    /// promise.set_exception(std::make_exception_ptr(std::runtime_error("connection lost")));
    /// assert(promise.get_future().exception() != nullptr);
    /// \endcode
    void set_exception(std::exception_ptr exception) {
        if (!exception) {
            detail::throw_error<std::invalid_argument>(
                "set_exception needs an exception, not a null pointer");
        }
        settle([&](auto& state) { state.set_exception(std::move(exception)); });
    }

private:
    [[nodiscard]] detail::shared_state<T>& state() const { return detail::future_access::state(future_); }

    template <class Store>
    void settle(Store store) {
        // The callbacks may destroy this promise.
        const Future<T> kept = get_future();
        detail::shared_state<T>& state = detail::future_access::state(kept);
        if (!state.claim() && state.will_not_run()) {
            detail::throw_error<invalid_state_error>(
                "the future was cancelled; set_running_or_notify_cancel() tells");
        }
        // If several threads set, one goes on. Acquire: pairs with the release below, where the store of
        // another thread threw.
        if (settled_.exchange(true, std::memory_order_acq_rel)) {
            detail::throw_error<invalid_state_error>("the result was set already");
        }
        try {
            store(state);
        } catch (...) {
            settled_.store(false, std::memory_order_release);
            throw;
        }
        state.complete();
    }

    void abandon() noexcept {
        // Without other handles nobody can see the outcome.
        if (future_.valid() && !settled_.load(std::memory_order_relaxed) && !state().has_one_handle()) {
            try {
                set_exception(detail::make_error<broken_promise_error>(
                    "the promise was destroyed before its result was set"));
            } catch (...) {
                // The future was cancelled, which is a result too. (The error that says so may have found no
                // memory.)
            }
        }
    }

    Future<T> future_;
    detail::sync::atomic<bool> settled_{false};
};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures/version.hpp

namespace concurrent::futures { inline namespace v0_1 {

/// A `version_number` is a semantic version and compares as versions do:
/// `static_assert(futures::version >= futures::version_number{0, 1, 0})`.
struct version_number {
    int major = 0;  ///< stays 0 before 1.0
    int minor = 0;  ///< a greater one may break source or binary compatibility
    int patch = 0;  ///< a greater one only fixes bugs

    /// Compares major, then minor, then patch.
    friend constexpr auto operator<=>(const version_number&, const version_number&) = default;
};

/// `version` is the version of this library. CMakeLists.txt decides it; a test compares.
///
/// The library declares everything in an inline namespace `v<major>_<minor>`, which users never write. Two
/// versions that differ in these numbers can be in one program: each has its own types.
inline constexpr version_number version = {0, 1, 0};

}}  // namespace concurrent::futures

// ----------------------------------------------------------------------------------------------------
// concurrent/futures.hpp

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // CONCURRENT_FUTURES_HPP
