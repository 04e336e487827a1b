// SPDX-License-Identifier: MIT

#include "cache.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "costs.hpp"
#include "memory.hpp"

namespace simulation {
namespace {

constexpr std::uintptr_t line_size = 64;

// Where the linker puts static variables is no property of the library. So each has a line of its own.
std::uintptr_t line_of(const void* address) {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    return memory::contains(address) ? number / line_size * line_size : number;
}

bool same(const place& one, const place& other) {
    return one.line() == other.line() && one.file_name() == other.file_name();
}

std::string text_of(const place& where) {
    std::string_view file = where.file_name();
    constexpr std::string_view root = "concurrent/futures/";
    if (const std::size_t at = file.rfind(root); at != std::string_view::npos) {
        file.remove_prefix(at + root.size());
    }
    return std::string(file) + ':' + std::to_string(where.line());
}

}  // namespace

std::int64_t cache::use(std::size_t core, const void* address, access kind, std::int64_t now, place where) {
    line*& found = by_address_[line_of(address)];
    if (!found) {
        found = &lines_.emplace_back();
    }
    line& at = *found;
    const std::int64_t work = costs::hit + (kind == access::read_modify_write ? costs::read_modify_write : 0);
    const bool has_copy = at.holders.test(core);
    const bool is_only = has_copy && at.holders.count() == 1;
    if (kind == access::read ? has_copy : is_only) {
        return now + work;
    }
    if (at.holders.none()) {
        at.holders.set(core);
        return now + work + costs::first_touch;
    }
    const std::int64_t end = std::max(now, at.free_at) + costs::transfer;
    at.free_at = end;
    ++(has_copy ? at.invalidations : at.moves);
    if (kind != access::read) {
        at.holders.reset();
    }
    at.holders.set(core);
    note(at, address, where, end - now);
    return end + work;
}

void cache::note(line& at, const void* address, place where, std::int64_t lost) {
    for (user& each : at.users) {
        if (!each.address) {
            each = {address, where, lost};
            return;
        }
        if (same(each.where, where)) {
            each.lost += lost;
            return;
        }
    }
    at.users.back().lost += lost;
}

void cache::forget_statistics() {
    for (line& each : lines_) {
        each.moves = 0;
        each.invalidations = 0;
        each.users = {};
    }
}

// By the one or two places that lost the most time.
std::string cache::name_of(const line& named) {
    auto users = named.users;
    std::stable_sort(users.begin(), users.end(),
                     [](const user& one, const user& other) { return one.lost > other.lost; });
    std::string name = memory::name_of(users[0].address) + ": " + text_of(users[0].where);
    if (users[1].address) {
        name += ", " + text_of(users[1].where);
    }
    return name;
}

std::vector<cache::statistics> cache::lines() const {
    std::map<std::string, statistics> by_name;
    for (const line& each : lines_) {
        if (each.moves + each.invalidations == 0) {
            continue;
        }
        statistics& its = by_name[name_of(each)];
        ++its.lines;
        its.moves += each.moves;
        its.most_moves = std::max(its.most_moves, each.moves);
        its.invalidations += each.invalidations;
        for (const user& of_line : each.users) {
            its.lost += of_line.lost;
        }
    }
    std::vector<statistics> all;
    for (auto& [name, its] : by_name) {
        its.name = name;
        all.push_back(its);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const statistics& one, const statistics& other) { return one.lost > other.lost; });
    return all;
}

}  // namespace simulation
