// SPDX-License-Identifier: MIT

#include <algorithm>
#include <charconv>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "execution.hpp"
#include "exploration.hpp"
#include "failure.hpp"
#include "model.hpp"

namespace model {
namespace {

std::vector<scenario*>& all_scenarios() {
    static std::vector<scenario*> all;
    return all;
}

struct saved_bytes {
    void* start;
    std::vector<char> bytes;
};

std::vector<saved_bytes>& all_saved() {
    static std::vector<saved_bytes> all;
    return all;
}

const scenario* current_scenario = nullptr;

// From the command line.
struct wishes {
    std::string only;
    std::optional<int> preemptions;
    std::optional<int> stale_reads;
    std::size_t executions = 3'000'000;
    std::size_t at_random = 5000;
    std::uint64_t seed = 1;
    std::string replay;
};

struct result {
    std::size_t executions = 0;
    std::size_t states = 0;
    bool exhausted = false;
    std::string failure;
    std::string how;
    std::string trace;
};

// A schedule holds for the limits with which it was found.
std::string schedule_text(const limits& limits, const exploration& choices) {
    return std::to_string(limits.preemptions) + '/' + std::to_string(limits.stale_reads) + '/' +
           choices.schedule();
}

// Runs executions until one fails, there are no more, or there were too many.
void explore(exploration& choices, const limits& limits, std::size_t most, result& so_far) {
    execution run(choices, limits);
    do {
        ++so_far.executions;
        for (const saved_bytes& each : all_saved()) {
            std::memcpy(each.start, each.bytes.data(), each.bytes.size());
        }
        if (run.run(current_scenario->body) == execution::outcome::failed) {
            so_far.failure = run.failure();
            so_far.how = schedule_text(limits, choices);
            so_far.trace = run.trace();
            return;
        }
        if (so_far.executions == most) {
            return;
        }
    } while (choices.next());
    so_far.exhausted = true;
}

result try_everything(const limits& most, std::size_t executions) {
    result all;
    // The fewer preemptions a failure takes, the easier it is to understand.
    for (int preemptions = 0; preemptions <= most.preemptions; ++preemptions) {
        exploration choices;
        all.exhausted = false;
        explore(choices, {preemptions, most.stale_reads}, executions, all);
        all.states += choices.states();
        if (!all.exhausted) {
            return all;
        }
    }
    return all;
}

result try_one(std::string_view replay) {
    limits limits;
    const char* const end = replay.data() + replay.size();
    const char* at = std::from_chars(replay.data(), end, limits.preemptions).ptr;
    at = std::from_chars(at + 1, end, limits.stale_reads).ptr;
    exploration choices = exploration::again({at + 1, end});
    result one;
    explore(choices, limits, 1, one);
    return one;
}

bool try_scenario(const scenario& tried, const wishes& wanted) {
    current_scenario = &tried;
    const auto start = std::chrono::steady_clock::now();
    result found;
    const limits most{wanted.preemptions.value_or(tried.options.preemptions),
                      wanted.stale_reads.value_or(tried.options.stale_reads)};
    if (!wanted.replay.empty()) {
        found = try_one(wanted.replay);
    } else {
        found = try_everything(most, wanted.executions);
        if (found.exhausted && wanted.at_random != 0) {
            exploration choices = exploration::at_random(wanted.seed);
            explore(choices, {INT_MAX, INT_MAX}, found.executions + wanted.at_random, found);
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

    const bool as_expected = tried.options.finds.empty()
                                 ? found.failure.empty() && found.exhausted
                                 : found.failure.find(tried.options.finds) != std::string::npos;
    std::printf("%s: %s\n  %zu executions, %zu states, %d preemptions, %d stale reads, %s, %.2f s\n",
                as_expected ? "passed" : "FAILED", tried.name.c_str(), found.executions, found.states,
                most.preemptions, most.stale_reads, tried.options.spins ? "spinning" : "not spinning",
                took.count());
    if (!as_expected || !wanted.replay.empty()) {
        if (!found.failure.empty()) {
            std::printf("%s  found: %s\n  again: --only \"%s\" --replay %s\n", found.trace.c_str(),
                        found.failure.c_str(), tried.name.c_str(), found.how.c_str());
        } else if (!tried.options.finds.empty()) {
            std::printf("  not found: %s\n", tried.options.finds.c_str());
        } else if (!found.exhausted) {
            std::printf("  not exhausted\n");
        }
    }
    std::fflush(stdout);
    return as_expected;
}

wishes read_arguments(int argc, char** argv) {
    wishes wanted;
    for (int index = 1; index + 1 < argc; index += 2) {
        const std::string_view name = argv[index];
        const std::string value = argv[index + 1];
        if (name == "--only") {
            wanted.only = value;
        } else if (name == "--preemptions") {
            wanted.preemptions = std::stoi(value);
        } else if (name == "--stale") {
            wanted.stale_reads = std::stoi(value);
        } else if (name == "--executions") {
            wanted.executions = std::stoul(value);
        } else if (name == "--random") {
            wanted.at_random = std::stoul(value);
        } else if (name == "--seed") {
            wanted.seed = std::stoull(value);
        } else if (name == "--replay") {
            wanted.replay = value;
        } else {
            std::fprintf(stderr, "unknown: %s\n", argv[index]);
            std::exit(2);
        }
    }
    return wanted;
}

// What the checker doesn't see as such ends here: the use of plain memory that is gone, mostly.
void on_crash(int) {
    fail("crash");
}

void catch_crashes() {
    static std::vector<char> memory(1 << 16);
    stack_t stack{};
    stack.ss_sp = memory.data();
    stack.ss_size = memory.size();
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        sigaction(signal, &action, nullptr);
    }
}

}  // namespace

scenario::scenario(std::string the_name, scenario_options the_options, void (*the_body)())
    : name(std::move(the_name)), options(std::move(the_options)), body(the_body) {
    all_scenarios().push_back(this);
}

restored::restored(void* start, std::size_t size) {
    const char* const bytes = static_cast<const char*>(start);
    all_saved().push_back({start, {bytes, bytes + size}});
}

bool spins() noexcept {
    return current_scenario->options.spins;
}

bool biases() noexcept {
    return current_scenario && current_scenario->options.biases;
}

bool start_fails() noexcept {
    static std::uint64_t execution = 0;
    static int starts = 0;
    if (std::exchange(execution, execution_number()) != execution_number()) {
        starts = 0;
    }
    return ++starts == current_scenario->options.failing_start;
}

void check(bool holds, const char* what, place where) {
    if (!holds) {
        const arena::left outside;
        fail("check: " + std::string(what) + ", line " + std::to_string(where.line()));
    }
}

}  // namespace model

int main(int argc, char** argv) {
    const model::wishes wanted = model::read_arguments(argc, argv);
    model::catch_crashes();
    // The standard library's reference counts are atomic only in a process that has ever had two threads.
    std::thread([] {}).join();
    std::size_t tried = 0;
    std::size_t failed = 0;
    for (const model::scenario* each : model::all_scenarios()) {
        if (each->name.find(wanted.only) != std::string::npos) {
            ++tried;
            failed += !model::try_scenario(*each, wanted);
        }
    }
    std::printf("%zu scenarios, %zu failed\n", tried, failed);
    std::fflush(stdout);
    // Without destroying static variables, which may refer to an execution that was abandoned.
    std::_Exit(tried != 0 && failed == 0 ? 0 : 1);
}
