// SPDX-License-Identifier: MIT

#include "harness.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace benchmarks {

namespace {

double median(const std::vector<double>& sorted) {
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 != 0 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

}  // namespace

int take_option(int& argc, char** argv, std::string_view name, int otherwise) {
    char** const end = argv + argc;
    char** const option = std::find(argv + 1, end, name);
    if (end - option < 2) {
        return otherwise;
    }
    const int number = std::max(1, std::atoi(option[1]));
    std::copy(option + 2, end, option);
    argc -= 2;
    return number;
}

std::string with_threads(std::string name, int threads) {
    if (threads != 2) {
        name += ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    }
    return name;
}

contest::contest(std::string name, std::string unit, int argc, char** argv)
    : name_(std::move(name)), unit_(std::move(unit)) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--brief") {
            brief_ = true;
            rounds_ = 1;
        } else if (option == "--rounds" && i + 1 < argc) {
            rounds_ = std::max(1, std::atoi(argv[++i]));
        } else if (option == "--json" && i + 1 < argc) {
            json_ = argv[++i];
        } else if (option == "--without-rivals") {
            without_rivals_ = true;
        } else {
            std::cerr << "usage: " << argv[0]
                      << " [--rounds N] [--brief] [--without-rivals] [--json FILE]; the first comment of "
                         "some programs has more\n";
            std::exit(2);
        }
    }
}

void contest::add(std::string name, std::function<double()> measure, const goal& its_goal) {
    contestants_.push_back({std::move(name), std::move(measure), its_goal, {}});
}

void contest::run() {
    const auto is_ours = [](const contestant& each) { return each.name.starts_with("concurrent::futures"); };
    if (without_rivals_ && std::any_of(contestants_.begin(), contestants_.end(), is_ours)) {
        std::erase_if(contestants_, std::not_fn(is_ours));
    }
    for (int round = 0; round < rounds_; ++round) {
        for (contestant& each : contestants_) {
            each.figures.push_back(each.measure());
        }
    }
    for (contestant& each : contestants_) {
        std::sort(each.figures.begin(), each.figures.end());
    }
    print();
    if (!json_.empty()) {
        write_json();
    }
}

std::string contest::verdict(const contestant& about) const {
    const double figure = median(about.figures);
    const double first = median(contestants_.front().figures);
    const double ratio = figure / first;
    const double excess = figure - first;
    const goal& its = about.its_goal;
    std::ostringstream text;
    if (its.least_ratio > 0) {
        text << "goal: ratio at least " << its.least_ratio;
    } else if (std::isfinite(its.greatest_ratio)) {
        text << "goal: ratio at most " << its.greatest_ratio;
    } else if (std::isfinite(its.greatest_excess)) {
        text << "goal: at most " << its.greatest_excess << " more";
    } else if (std::isfinite(its.greatest)) {
        text << "goal: at most " << its.greatest << ' ' << unit_;
    }
    if (text.str().empty() || brief_) {  // a small part of the work says nothing about the whole
        return "";
    }
    const bool reached = ratio >= its.least_ratio && ratio <= its.greatest_ratio &&
                         excess <= its.greatest_excess && figure <= its.greatest;
    text << (reached ? ": reached" : ": MISSED");
    return text.str();
}

void contest::print() const {
    std::printf("%s, %s\n", name_.c_str(), unit_.c_str());
    std::printf("  %-52s %10s %10s %10s %8s\n", "", "min", "median", "max", "ratio");
    const double ours = median(contestants_.front().figures);
    for (const contestant& each : contestants_) {
        std::printf("  %-52s %10.1f %10.1f %10.1f %8.2f  %s\n", each.name.c_str(), each.figures.front(),
                    median(each.figures), each.figures.back(), median(each.figures) / ours,
                    verdict(each).c_str());
    }
}

void contest::write_json() const {
    std::ofstream out(json_, std::ios::app);
    for (const contestant& each : contestants_) {
        out << R"({"benchmark": ")" << name_ << R"(", "unit": ")" << unit_ << R"(", "contestant": ")"
            << each.name << R"(", "min": )" << each.figures.front() << R"(, "median": )"
            << median(each.figures) << R"(, "max": )" << each.figures.back() << R"(, "verdict": ")"
            << verdict(each) << "\"}\n";
    }
    if (!out) {
        throw std::runtime_error("can't write " + json_);
    }
}

}  // namespace benchmarks
