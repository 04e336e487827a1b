// SPDX-License-Identifier: MIT

// Tasks of several pools that wait for each other, without a cycle.

#include <algorithm>
#include <array>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"
#include "own_executor.hpp"

namespace endurance {

namespace {

using future = futures::Future<long>;
using executor = futures::thread_pool_executor<>;

int some_workers(random_source& random) {
    return random.one_in(3) ? 2 : 1;
}

// Waits for all in one way or another, and returns the greatest result.
long greatest_of(const std::vector<future>& all, random_source& random) {
    long greatest = 0;
    const auto look_at = [&](const future& each) { greatest = std::max(greatest, each.result()); };
    switch (random.up_to(4)) {
        case 0:
            std::for_each(all.begin(), all.end(), look_at);
            break;
        case 1:
            for (const future& each : futures::as_completed(all)) {
                look_at(each);
            }
            break;
        case 2:
            for (const long each : futures::gather(all).result()) {
                greatest = std::max(greatest, each);
            }
            break;
        default:
            for (const future& each : all) {
                greatest = std::max(greatest, each.result(std::chrono::hours(1)));
            }
    }
    return greatest;
}

// Tasks with numbers. Each waits only for some with lower numbers, and so does whatever it has submitted: by
// that nobody waits in a circle. A task returns how many others wait for each other at most, one for the
// next, before it.
class crossing {
public:
    static constexpr unsigned most = 40;

    explicit crossing(random_source& random)
        : random_(random),
          count_(2 + random.up_to(most - 1)),
          all_(count_),
          records_(count_),
          parts_(count_) {}

    void run();

private:
    // One of those for which a task waits.
    struct part {
        std::size_t number;
        std::uint64_t seed;
    };
    using part_list = std::vector<part>;

    // A pool that a task ends: it waits until tasks of the pool have waited for the parts.
    struct ending_pool {
        ending_pool(const part_list& of, random_source& random)
            : parts(of), results(of.size(), none), runs(std::in_place, some_workers(random)) {}

        const part_list& parts;
        std::vector<long> results;
        std::optional<executor> runs;  // destroyed first
    };
    static constexpr long none = -1;

    struct task {
        crossing* where;
        std::size_t number;
        std::uint64_t seed;
        counted passenger{};

        long operator()() const { return where->call(*this); }
    };

    // Coroutines, of which every turn is a task, so that it may block.

    static future in_turns(own_executor<executor>&, task made) { co_return made(); }

    static future that_awaits(own_executor<executor>&, task made) {
        made.where->submitted_.wait();
        long greatest = none;
        for (const part& each : made.where->parts_[made.number]) {
            greatest = std::max(greatest, co_await made.where->all_[each.number]);
        }
        co_return made.where->note_end(made, greatest);
    }

    static future scheduled(own_executor<executor>&, own_executor<executor>& other, task made) {
        co_await other.schedule();
        co_return made();
    }

    // Has no executor, and so goes on where the first of its parts ends, until it becomes a task.
    static future scheduled_after(futures::Future<void> begun, own_executor<executor>& own, task made) {
        co_await begun;
        if (const part_list& parts = made.where->parts_[made.number]; !parts.empty()) {
            static_cast<void>(co_await made.where->all_[parts.front().number]);
        }
        co_await own.schedule();
        co_return made();
    }

    void begin(std::size_t number);
    void add_ending_pool(std::size_t number);

    long call(const task& made);
    long note_end(const task& made, long greatest);

    long result_of(const part& which);
    void submit_parts(ending_pool& ends);
    long end(ending_pool& ends, bool may_destroy);
    long wait_in_some_way(const task& made, const part_list& parts);
    template <class Executor>
    long join(Executor& joins, const part_list& parts, random_source& random);

    executor& some_pool(random_source& random) {
        return pools_[random.up_to(static_cast<unsigned>(pools_.size()))];
    }
    own_executor<executor>& some_own(random_source& random) {
        return own_[random.up_to(static_cast<unsigned>(own_.size()))];
    }

    random_source& random_;
    const std::size_t count_;
    std::vector<future> all_;
    std::vector<link_record*> records_;
    std::vector<part_list> parts_;
    std::latch submitted_{1};
    futures::Promise<void> begun_;
    std::array<executor, 3> pools_{executor(some_workers(random_)), executor(some_workers(random_)),
                                   executor(some_workers(random_))};
    // Destroyed as soon as all tasks are done.
    std::array<own_executor<executor>, 3> own_{own_executor<executor>(pools_[0], pools_[0]),
                                               own_executor<executor>(pools_[1], pools_[1]),
                                               own_executor<executor>(pools_[1], pools_[2])};
    // Which each task ends. Two tasks may end the same. A coroutine ends none.
    std::vector<std::vector<std::shared_ptr<ending_pool>>> ends_ =
        std::vector<std::vector<std::shared_ptr<ending_pool>>>(count_);
};

void crossing::run() {
    std::vector<std::size_t> order(count_);
    std::vector<long> depths(count_);
    for (std::size_t number = 0; number != count_; ++number) {
        order[number] = number;
        records_[number] = &the_books.new_link();
        for (unsigned each = number == 0 ? 0 : random_.up_to(4); each != 0; --each) {
            const std::size_t awaited = random_.up_to(static_cast<unsigned>(number));
            parts_[number].push_back({awaited, random_.seed()});
            depths[number] = std::max(depths[number], depths[awaited] + 1);
        }
    }
    for (std::size_t number = count_ - 1; number != 0; --number) {
        std::swap(order[number], order[random_.up_to(static_cast<unsigned>(number + 1))]);
    }
    for (std::size_t number = 0; number != count_; ++number) {
        if (!parts_[number].empty() && random_.one_in(16)) {
            add_ending_pool(number);
        }
    }
    for (const std::size_t number : order) {
        begin(number);
    }
    submitted_.count_down();
    begun_.set_result();
    for (std::size_t number = 0; number != count_; ++number) {
        require(all_[number].result() == depths[number], "tasks that wait for each other end", number);
        require(records_[number]->runs == 1, "a task that has ended has run", number);
    }
}

// Only a task that begins by a call of an executor may block: what goes on at once, where a future is done,
// would do that on top of a task that may wait for it.
void crossing::begin(std::size_t number) {
    const task made{this, number, random_.seed()};
    own_executor<executor>& own = some_own(random_);
    switch (random_.up_to(12)) {
        case 0: {
            // Of one for which it waits, if that has begun.
            const future before = parts_[number].empty() ? future() : all_[parts_[number].front().number];
            all_[number] = (before.valid() ? before : some_pool(random_).submit([] {
                               return 0L;
                           })).then(own, [made](long) { return made(); });
            break;
        }
        case 1:
            // The executor is that of the first continuation.
            all_[number] = begun_.get_future().then(own, [] {}).then(made);
            break;
        case 2:
            all_[number] = in_turns(own, made);
            break;
        case 3:
            all_[number] = that_awaits(own, made);
            break;
        case 4:
            all_[number] = scheduled(own, some_own(random_), made);
            break;
        case 5:
            all_[number] = scheduled_after(begun_.get_future(), own, made);
            break;
        case 6:
            all_[number] = own.submit(made);
            break;
        default:
            all_[number] = some_pool(random_).submit(made);
    }
}

// Some tasks are given a pool that has its tasks already.
void crossing::add_ending_pool(std::size_t number) {
    const auto made = std::make_shared<ending_pool>(parts_[number], random_);
    submit_parts(*made);
    ends_[number].push_back(made);
    if (const std::size_t later = count_ - number - 1; later != 0 && random_.one_in(2)) {
        ends_[number + 1 + random_.up_to(static_cast<unsigned>(later))].push_back(made);
    }
}

long crossing::call(const task& made) {
    submitted_.wait();
    return note_end(made, wait_in_some_way(made, parts_[made.number]));
}

// `greatest`: the greatest result of those for which the task has waited.
long crossing::note_end(const task& made, long greatest) {
    link_record& record = *records_[made.number];
    const int before = record.runs.fetch_add(1);
    require(before == 0, "a task runs once", before);
    record.returned = true;
    return greatest + 1 + made.passenger.value();
}

// Waits for it here, or for a task that waits for it.
long crossing::result_of(const part& which) {
    submitted_.wait();
    random_source random(which.seed);
    if (random.one_in(2)) {
        return all_[which.number].result();
    }
    return some_pool(random)
        .submit([this, number = which.number, passenger = counted()] {
            return all_[number].result() + passenger.value();
        })
        .result();
}

void crossing::submit_parts(ending_pool& ends) {
    for (std::size_t index = 0; index != ends.parts.size(); ++index) {
        static_cast<void>(ends.runs->submit([this, &ends, index, passenger = counted()] {
            ends.results[index] = result_of(ends.parts[index]) + passenger.value();
        }));
    }
}

long crossing::end(ending_pool& ends, bool may_destroy) {
    ++total.pool_ends;
    if (may_destroy) {
        ends.runs.reset();
    } else {
        ends.runs->shutdown();
    }
    const long least = *std::min_element(ends.results.begin(), ends.results.end());
    require(least != none, "a pool ends when all of its tasks have run");
    return *std::max_element(ends.results.begin(), ends.results.end());
}

long crossing::wait_in_some_way(const task& made, const part_list& parts) {
    random_source random(made.seed);
    for (const std::shared_ptr<ending_pool>& given : ends_[made.number]) {
        end(*given, given.use_count() == 1 && random.one_in(2));
    }
    if (parts.empty()) {
        return none;
    }
    switch (random.up_to(8)) {
        case 0:
        case 1:
            return join(some_pool(random), parts, random);
        case 2:
            return join(some_own(random), parts, random);
        case 3: {
            ending_pool ends(parts, random);
            submit_parts(ends);
            return end(ends, random.one_in(2));
        }
        default: {
            std::vector<future> before;
            for (const part& each : parts) {
                before.push_back(all_[each.number]);
            }
            return greatest_of(before, random);
        }
    }
}

// Waits for the parts on several threads.
template <class Executor>
long crossing::join(Executor& joins, const part_list& parts, random_source& random) {
    ++total.joins;
    const auto greater = [](long one, long other) { return std::max(one, other); };
    const auto wait_for = [this](const part& each) { return result_of(each); };
    switch (random.up_to(3)) {
        case 0: {
            std::vector<long> results(parts.size(), none);
            joins.for_each(
                {.chunksize = 1},
                [&](std::size_t index) {
                    require(results[index] == none, "a loop calls once for an element", index);
                    results[index] = wait_for(parts[index]);
                },
                std::views::iota(std::size_t{0}, parts.size()));
            require(std::ranges::count(results, none) == 0, "a loop ends when all of its calls have");
            return *std::max_element(results.begin(), results.end());
        }
        case 1:
            return joins.reduce(parts, none, greater, wait_for);
        default: {
            const auto wait_for_some = [&](std::span<const part> some) {
                long greatest = none;
                for (const part& each : some) {
                    greatest = greater(greatest, wait_for(each));
                }
                return greatest;
            };
            const std::span<const part> whole(parts);
            const std::size_t half = parts.size() / 2;
            const auto [one, other, last] =
                joins.invoke([&] { return wait_for_some(whole.first(half)); },
                             [&] { return wait_for_some(whole.subspan(half, parts.size() - half - 1)); },
                             [&] { return wait_for(parts.back()); });
            return greater(greater(one, other), last);
        }
    }
}

}  // namespace

void client::cross_pools() {
    // Where no thread can be started, a worker has to run on top of its own task what may wait for that.
    if (faults::of_threads()) {
        return;
    }
    ++total.crossings;
    crossing(random_).run();
}

}  // namespace endurance
