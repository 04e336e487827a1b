// SPDX-License-Identifier: MIT

#include "cache.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "costs.hpp"
#include "memory.hpp"

namespace simulation {
namespace {

constexpr std::uintptr_t line_size = 64;

// Where the compiler puts variables on a stack, and the linker static ones, is no property of the library. So
// each of their atomics has a line of its own.
std::uintptr_t line_of(const void* address) {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    return memory::contains(address) ? number / line_size * line_size : number;
}

// As an `#include` has it.
std::string_view header_of(std::string_view file) {
    for (const std::string_view root : {"concurrent/futures/", "/"}) {
        if (const std::size_t at = file.rfind(root); at != std::string_view::npos) {
            return file.substr(at + root.size());
        }
    }
    return file;
}

}  // namespace

cache::line& cache::find(const void* address) {
    line*& found = by_address_[line_of(address)];
    if (!found) {
        found = &lines_.emplace_back();
    }
    return *found;
}

void cache::take_place(line& at, std::int64_t now) {
    for (; !at.transfers.empty() && at.transfers.front().leaves_at <= now; at.transfers.pop_front()) {
        if (at.transfers.front().for_writing) {
            at.holders.reset();
        }
        at.holders.set(at.transfers.front().to);
    }
}

std::int64_t cache::ask(std::size_t core, const void* address, access kind, std::int64_t now) {
    line& at = find(address);
    take_place(at, now);
    for (const transfer& each : at.transfers) {
        if (each.to == core) {
            return now;  // what this core has just constructed there waits to be written
        }
    }
    const bool is_read = kind == access::read;
    const bool has_copy = at.holders.test(core);
    if (has_copy && (is_read || at.holders.count() == 1)) {
        return now;
    }
    if (at.holders.none()) {
        at.holders.set(core);
        return now + costs::first_touch;
    }
    const std::int64_t begins_at = std::max(now, at.free_at);
    at.free_at = begins_at + costs::transfer;
    at.transfers.push_back({core, !is_read, begins_at + costs::transfer / 2});
    ++(has_copy ? at.invalidations : at.moves);
    return at.free_at;
}

void cache::note_lost(const void* address, place where, std::int64_t lost) {
    auto& users = find(address).users;
    const std::string_view file = where.file_name();
    auto at = std::find_if(users.begin(), users.end(),
                           [file](const user& each) { return !each.file || each.file == file; });
    if (at == users.end()) {
        --at;
    } else if (!at->file) {
        *at = {address, where.file_name(), 0};
    }
    at->lost += lost;
}

void cache::forget_statistics() {
    for (line& each : lines_) {
        each.moves = 0;
        each.invalidations = 0;
        each.users = {};
    }
}

std::string cache::name_of(const line& named) {
    std::set<std::string_view> headers;
    for (const user& each : named.users) {
        if (each.file) {
            headers.insert(header_of(each.file));
        }
    }
    std::string name = memory::name_of(named.users.front().address);
    const char* separator = ": ";
    for (const std::string_view each : headers) {
        name.append(std::exchange(separator, ", ")).append(each);
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
