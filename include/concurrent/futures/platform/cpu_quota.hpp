// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdio>       // std::FILE, std::fopen, std::fread, std::fclose
#include <limits>       // std::numeric_limits
#include <new>          // std::nothrow
#include <string_view>  // std::string_view

#include <concurrent/futures/platform/definitions.hpp>

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
