// SPDX-License-Identifier: MIT

// Everything that the library does, at random, by many threads, for as long as one likes; and the books must
// balance.

#include <algorithm>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <latch>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client.hpp"
#include "faults.hpp"
#include "figures.hpp"
#include "support/watchdog.hpp"

// Futures that fail alike share an exception. libstdc++ counts the references to it in its shared library,
// where ThreadSanitizer doesn't see that the count orders an exception's last use before its end.
extern "C" const char* __tsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
    return "race:std::__exception_ptr::exception_ptr::_M_release\n";
}

namespace {

using namespace endurance;

struct options {
    long seconds = 5;
    std::uint64_t seed = std::random_device()();
    unsigned threads = 4;
    bool faults = false;
};

std::optional<options> parsed(int count, char** arguments) {
    options result;
    for (int index = 1; index < count; ++index) {
        const std::string_view name = arguments[index];
        if (name == "--faults") {
            result.faults = true;
            continue;
        }
        if (++index == count) {
            return std::nullopt;
        }
        const auto value = std::strtoull(arguments[index], nullptr, 10);
        if (name == "--seconds") {
            result.seconds = static_cast<long>(value);
        } else if (name == "--seed") {
            result.seed = value;
        } else if (name == "--threads") {
            result.threads = static_cast<unsigned>(std::max(1ULL, value));
        } else {
            return std::nullopt;
        }
    }
    return result;
}

// Of this process, where the operating system tells; else 0.
std::ptrdiff_t thread_count() {
    std::error_code unknown;
    const std::filesystem::directory_iterator threads("/proc/self/task", unknown);
    return unknown ? 0 : std::distance(begin(threads), end(threads));
}

// Returns when `condition` holds, which nobody tells of. The watchdog ends it if it never does.
template <class Condition>
void poll(Condition condition) {
    while (!condition()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void play_round(const options& given, std::uint64_t seed, std::chrono::steady_clock::time_point end) {
    constexpr int steps = 400;
    random_source random(seed);
    world shared;
    std::latch start(given.threads);
    std::vector<std::thread> threads;
    for (unsigned index = 0; index != given.threads; ++index) {
        threads.emplace_back([&, own_seed = random.seed()] {
            client someone(shared, own_seed, client::max_depth);
            start.arrive_and_wait();
            for (int step = 0; step != steps && std::chrono::steady_clock::now() < end; ++step) {
                someone.act();
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (std::size_t index = 0; index != world::pool_count; ++index) {
        shared.exchange_pool(index, {});
    }
    client(shared, seed, client::max_depth).adopt(shared.take_futures());
    // Tasks of pools that were left to their workers may still run, and use all this.
    poll([&] { return counted::live() == 0; });
}

}  // namespace

int main(int argument_count, char** arguments) {
    const std::optional<options> given = parsed(argument_count, arguments);
    if (!given) {
        std::fprintf(stderr, "usage: %s [--seconds N] [--seed N] [--threads N] [--faults]\n", arguments[0]);
        return EXIT_FAILURE;
    }
    seed_of_this_run = given->seed;
    if (given->faults) {
        faults::enable();
    }
    std::printf("endurance: seed %llu\n", static_cast<unsigned long long>(given->seed));
    std::fflush(stdout);
    constexpr long more_than_the_last_round_takes = 100;
    tests::start_watchdog(std::chrono::seconds(given->seconds + more_than_the_last_round_takes));
    futures::set_log_handler(note_log);

    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(given->seconds);
    const std::ptrdiff_t threads = thread_count();
    random_source random(given->seed);
    do {
        play_round(*given, random.seed(), end);
        poll([&] { return thread_count() == threads; });
        the_books.audit_and_clear();
    } while (std::chrono::steady_clock::now() < end);

    const auto print = [](const char* name, std::uint64_t value) {
        std::printf("%llu %s, ", static_cast<unsigned long long>(value), name);
    };
    print("executors", total.executors);
    print("shutdowns", total.shutdowns);
    print("submits", total.submits);
    print("results", total.results);
    print("exceptions", total.exceptions);
    print("cancelled", total.cancelled);
    print("broken", total.broken);
    print("refused", total.refused);
    print("callbacks", total.callbacks);
    print("waits", total.waits);
    print("as_completed", total.as_completed);
    print("queues", total.queues);
    print("groups", total.groups);
    print("compositions", total.compositions);
    print("continuations with a value", total.linked);
    print("maps", total.maps);
    print("promises", total.promises);
    print("orders", total.orders);
    print("crossings", total.crossings);
    print("joins across pools", total.joins);
    print("pools that tasks ended", total.pool_ends);
    print("logged", total.logged);
    print("failed allocations", total.allocation_failures);
    print("failed starts", total.start_failures);
    std::printf("%lld objects\n", static_cast<long long>(counted::made()));
    std::printf("endurance: %llu operations, seed %llu: passed\n",
                static_cast<unsigned long long>(total.operations.load()),
                static_cast<unsigned long long>(given->seed));
}
