#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace benchmarks {

// How long `work` took, in nanoseconds.
template <class Work>
double nanoseconds_of(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// Several ways to do the same work, measured by turns in one process, so that what the machine does meanwhile
// befalls all of them alike.
//
// Options: --rounds N (how often each is measured), --brief (a small part of the work, only to see that it
// runs), --json FILE (where to add the figures, a line each).
class contest {
public:
    contest(std::string name, std::string unit, int argc, char** argv);

    [[nodiscard]] bool brief() const noexcept { return brief_; }
    // `full`, or a small part of it for a brief run.
    [[nodiscard]] int scaled(int full) const noexcept { return brief_ ? full / 100 + 1 : full; }

    // `measure` does the work once and returns its figure in the contest's unit; less is better. The first
    // that is added is ours. With a `goal`, a rival's median is to be at least that many times ours.
    void add(std::string name, std::function<double()> measure, double goal = 0);

    // Measures, prints and writes; returns what main is to return.
    int run();

private:
    struct contestant {
        std::string name;
        std::function<double()> measure;
        double goal;
        std::vector<double> figures;
    };

    void print();
    void write_json() const;

    const std::string name_;
    const std::string unit_;
    int rounds_ = 11;
    bool brief_ = false;
    std::string json_;
    std::vector<contestant> contestants_;
};

}  // namespace benchmarks
