// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace benchmarks {

// How long `work` took, in nanoseconds.
template <class Work>
double nanoseconds_of(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// How long `work` took to return `expected`, in nanoseconds.
template <class Result, class Work>
double nanoseconds_until(const Result& expected, Work&& work) {
    Result result{};
    const double time = nanoseconds_of([&] { result = work(); });
    if (result != expected) {
        throw std::logic_error("a wrong result");
    }
    return time;
}

// The positive number that follows the option `name`, or `otherwise`. A program calls this for the options of
// its own before it has a contest. The option is removed from the arguments, as a contest refuses what it
// doesn't know.
int take_option(int& argc, char** argv, std::string_view name, int otherwise);

// How many threads compute, for each contestant alike: as the option --threads N says, or 2. As
// `take_option`.
inline int take_threads(int& argc, char** argv) {
    return take_option(argc, argv, "--threads", 2);
}

// A contest's name, with the number of threads if that is not the usual one.
std::string with_threads(std::string name, int threads);

// Several ways to do the same work, measured by turns in one process, so that what the machine does meanwhile
// befalls all of them alike.
//
// Options: --rounds N (how often each is measured), --brief (a small part of the work, only to see that it
// runs), --without-rivals (only what is ours), --json FILE (where to add the figures, a line each).
class contest {
public:
    // What a contestant's median must be for the goal to be reached: in proportion to the first's, how much
    // more than the first's, or as it is.
    struct goal {
        double least_ratio = 0;
        double greatest_ratio = std::numeric_limits<double>::infinity();
        double greatest_excess = std::numeric_limits<double>::infinity();
        double greatest = std::numeric_limits<double>::infinity();
    };

    contest(std::string name, std::string unit, int argc, char** argv);

    [[nodiscard]] bool brief() const noexcept { return brief_; }
    // `full`, or a small part of it for a brief run.
    [[nodiscard]] int scaled(int full) const noexcept { return brief_ ? full / 100 + 1 : full; }
    // For what is over so soon that it needs more rounds than others.
    void multiply_rounds(int factor) noexcept { rounds_ *= scaled(factor); }

    // `measure` does the work once and returns its figure in the contest's unit; less is better. The first
    // that is added is ours.
    void add(std::string name, std::function<double()> measure) {
        add(std::move(name), std::move(measure), goal());
    }
    void add(std::string name, std::function<double()> measure, const goal& its_goal);

    // Measures, prints and writes.
    void run();

private:
    struct contestant {
        std::string name;
        std::function<double()> measure;
        goal its_goal;
        std::vector<double> figures;
    };

    // What the goal is and whether it was reached; empty if there is none.
    [[nodiscard]] std::string verdict(const contestant& about) const;
    void print() const;
    void write_json() const;

    const std::string name_;
    const std::string unit_;
    int rounds_ = 11;
    bool brief_ = false;
    bool without_rivals_ = false;
    std::string json_;
    std::vector<contestant> contestants_;
};

// A rival's that is to take so many times as long as ours.
inline contest::goal at_least(double ratio) {
    return {.least_ratio = ratio};
}

}  // namespace benchmarks
