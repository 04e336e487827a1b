// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>     // std::min
#include <array>         // std::array
#include <charconv>      // std::from_chars
#include <cstddef>       // std::size_t
#include <cstdio>        // std::FILE, std::fopen, std::fread, std::fclose
#include <limits>        // std::numeric_limits
#include <memory>        // std::unique_ptr
#include <new>           // std::bad_alloc
#include <optional>      // std::optional
#include <string>        // std::string
#include <string_view>   // std::string_view
#include <system_error>  // std::errc

#if defined(__linux__)
namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The quota of a cgroup without one.
inline constexpr int unlimited_cpus = (std::numeric_limits<int>::max)();

}}}  // namespace concurrent::futures::detail

namespace concurrent::futures { inline namespace v0_1 { namespace detail::cgroups {

// Returns the first mebibyte of a file; nothing if it can't be read.
inline std::string read_file(const std::string& path) {
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    constexpr std::size_t limit = std::size_t{1} << 20;
    constexpr std::size_t step = 4096;
    std::string text;
    const std::unique_ptr<std::FILE, closer> file(std::fopen(path.c_str(), "re"));
    bool at_end = !file;
    while (!at_end && text.size() < limit) {
        const std::size_t size = text.size();
        text.resize(size + step);
        const std::size_t read = std::fread(text.data() + size, 1, step, file.get());
        text.resize(size + read);
        at_end = read < step;
    }
    return text;
}

// Removes the first field and the separator after it from `text`, and returns the field.
inline std::string_view take_field(std::string_view& text, char separator) noexcept {
    const std::string_view field = text.substr(0, text.find(separator));
    text.remove_prefix((std::min)(text.size(), field.size() + 1));
    return field;
}

inline bool contains_field(std::string_view text, char separator, std::string_view wanted) noexcept {
    while (!text.empty()) {
        if (take_field(text, separator) == wanted) {
            return true;
        }
    }
    return false;
}

// Returns 0 if `text` is not a positive number: "max", "-1", a number that is too great.
inline long long positive_number(std::string_view text) noexcept {
    long long number = 0;
    const char* const end = text.data() + text.size();
    const auto [parsed_to, failure] = std::from_chars(text.data(), end, number);
    return failure == std::errc() && parsed_to == end && number > 0 ? number : 0;
}

// Returns how many CPUs it takes to run for `quota` in each `period`. An argument of 0 stands for what is not
// a number.
inline int cpus_of(long long quota, long long period) noexcept {
    if (quota == 0 || period == 0) {
        return unlimited_cpus;
    }
    const long long cpus = quota / period + (quota % period == 0 ? 0 : 1);
    return static_cast<int>((std::min<long long>)(cpus, unlimited_cpus));
}

inline long long read_number(const std::string& path) {
    const std::string text = read_file(path);
    std::string_view text_lines = text;
    return positive_number(take_field(text_lines, '\n'));
}

// Both return the quota of the cgroup with this directory, and ignore its ancestors.
inline int quota_v1(const std::string& cgroup) {
    const long long quota = read_number(cgroup + "/cpu.cfs_quota_us");
    return quota == 0 ? unlimited_cpus : cpus_of(quota, read_number(cgroup + "/cpu.cfs_period_us"));
}

inline int quota_v2(const std::string& cgroup) {
    const std::string text = read_file(cgroup + "/cpu.max");
    std::string_view text_lines = text;
    std::string_view period = take_field(text_lines, '\n');
    const std::string_view quota = take_field(period, ' ');
    return cpus_of(positive_number(quota), positive_number(period));
}

// mountinfo writes a space in a path as \040, and escapes some other characters likewise.
inline std::string unescape(std::string_view escaped) {
    std::string text;
    while (!escaped.empty()) {
        char next = escaped.front();
        std::size_t size = 1;
        if (next == '\\' && escaped.size() >= 4) {
            unsigned code = 0;
            const char* const digits = escaped.data() + 1;
            if (std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
                next = static_cast<char>(code);
                size = 4;
            }
        }
        text += next;
        escaped.remove_prefix(size);
    }
    return text;
}

// Returns what follows `ancestor` in `path`: "" or a path that begins with '/'. Returns nothing if `path`
// leads neither to `ancestor` nor to a descendant of it. A path out of the namespace of cgroups contains
// "..".
inline std::optional<std::string_view> path_below(std::string_view ancestor, std::string_view path) noexcept {
    if (ancestor == "/") {
        ancestor = {};
    }
    if (!path.starts_with(ancestor)) {
        return std::nullopt;
    }
    path.remove_prefix(ancestor.size());
    if (path == "/") {
        path = {};
    }
    const bool leaves_ancestor = (!path.empty() && path.front() != '/') || contains_field(path, '/', "..");
    return leaves_ancestor ? std::nullopt : std::optional(path);
}

// A tree of cgroups, with the process in one of them.
struct hierarchy {
    int (*quota_of)(const std::string& cgroup) = nullptr;

    std::optional<std::string_view> path = {};  // of the cgroup of the process
    std::optional<int> found = {};              // the least quota of that cgroup and its visible ancestors
    std::optional<int> supposed = {};           // the quota of a cgroup that may be that one

    // Reads the quotas through a mount that shows the cgroup `mounted` at `mount_point`.
    void read(std::string_view mounted, const std::string& mount_point) {
        if (!path) {
            return;
        }
        int least = quota_of(mount_point);
        const std::optional<std::string_view> below = path_below(mounted, *path);
        if (!below) {
            // In a container, /proc may give the path that the cgroup has outside, while only that cgroup is
            // mounted.
            supposed = supposed.value_or(least);
            return;
        }
        for (std::string_view rest = *below; !rest.empty(); rest = rest.substr(0, rest.rfind('/'))) {
            least = (std::min)(least, quota_of(mount_point + std::string(rest)));
        }
        found = (std::min)(least, found.value_or(unlimited_cpus));
    }

    [[nodiscard]] int quota() const noexcept { return found.value_or(supposed.value_or(unlimited_cpus)); }
};

inline int read_quota(std::string_view root_directory) {
    if (root_directory.ends_with('/')) {
        root_directory.remove_suffix(1);
    }
    const std::string root(root_directory);
    hierarchy v1{.quota_of = quota_v1};
    hierarchy v2{.quota_of = quota_v2};

    // Each line is <number>:<controllers>:<path>; that of v2 is 0::<path>.
    const std::string memberships = read_file(root + "/proc/self/cgroup");
    for (std::string_view text_lines = memberships; !text_lines.empty();) {
        std::string_view line = take_field(text_lines, '\n');
        const std::string_view number = take_field(line, ':');
        const std::string_view controllers = take_field(line, ':');
        if (!line.starts_with('/')) {
            continue;
        }
        if (number == "0" && controllers.empty()) {
            v2.path = line;
        } else if (contains_field(controllers, ',', "cpu")) {
            v1.path = line;
        }
    }

    // Each line is <id> <parent> <device> <root> <mount point> <options and tags> - <type> <source>
    // <options>.
    const std::string mounts = read_file(root + "/proc/self/mountinfo");
    for (std::string_view text_lines = mounts; !text_lines.empty();) {
        std::string_view line = take_field(text_lines, '\n');
        std::array<std::string_view, 5> fields;
        for (std::string_view& field : fields) {
            field = take_field(line, ' ');
        }
        constexpr std::string_view end_of_tags = " - ";
        line.remove_prefix((std::min)(line.size(), line.find(end_of_tags)));
        line.remove_prefix((std::min)(line.size(), end_of_tags.size()));
        const std::string_view type = take_field(line, ' ');
        take_field(line, ' ');
        if (type == "cgroup2") {
            v2.read(unescape(fields[3]), root + unescape(fields[4]));
        } else if (type == "cgroup" && contains_field(line, ',', "cpu")) {
            v1.read(unescape(fields[3]), root + unescape(fields[4]));
        }
    }
    return (std::min)(v1.quota(), v2.quota());
}

}}}  // namespace concurrent::futures::detail::cgroups

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Returns how many CPUs the cgroups of this process, of version 1 and 2, let it use at a time: the least
// quota, rounded up, so at least 1. Returns `unlimited_cpus` if there is no quota, or no memory left to read
// it. Looks for /proc and for the mounts of the cgroups in `root_directory`.
inline int cpu_quota(std::string_view root_directory = "/") noexcept {
    try {
        return cgroups::read_quota(root_directory);
    } catch (const std::bad_alloc&) {
        return unlimited_cpus;
    }
}

}}}  // namespace concurrent::futures::detail
#endif
