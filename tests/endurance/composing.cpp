// SPDX-License-Identifier: MIT

// What is done with futures that are made of futures.

#include <algorithm>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"
#include "faults.hpp"
#include "figures.hpp"
#include "submitting.hpp"

namespace endurance {

namespace {

// The function of a `then`, or of the task at its beginning.
struct link {
    link_record* record;
    std::uint64_t seed;
    long expected;  // the value that comes out
    counted passenger{};

    counted operator()() const { return run(); }
    counted operator()(const counted& value) const {
        require(value.value() + 1 == expected, "a continuation gets the value");
        return run();
    }

    counted run() const {
        const faults::own_work own;
        const int before = record->runs.fetch_add(1);
        require(before == 0, "a continuation runs once", before);
        random_source random(seed);
        if (random.one_in(10)) {
            thrown_record& thrown = the_books.new_thrown(false, true);
            record->thrown = &thrown;
            throw purposeful(thrown);
        }
        record->returned = true;
        return counted(expected + passenger.value());
    }
};

// It sees failures too.
struct seeing_link : link {
    counted operator()(const futures::Future<counted>& parent) const {
        require(parent.done(), "a continuation runs when its future is done");
        return run();
    }
};

// It returns a future of what a further task returns.
template <class Executor>
struct nesting_link : link {
    Executor* executor;
    link_record* inner;

    futures::Future<counted> operator()(const counted& value) const {
        static_cast<void>(link::operator()(value));
        return executor->submit(link{inner, seed + 1, expected});
    }
};

struct made_link {
    futures::Future<counted> future;
    link_record* record;
    long expected;
};

// What may end a link besides its function: a pool that is shut down or broken, or, with faults, a lack of
// memory or of threads.
struct causes {
    std::vector<const pool_record*> pools;
    bool cancels = false;  // somebody has cancelled a link

    template <class Holds>
    [[nodiscard]] bool any(Holds holds) const {
        return std::any_of(pools.begin(), pools.end(), [&](const pool_record* pool) { return holds(*pool); });
    }
};

// Waits for a link, and looks at what it has come to.
void look_at(const made_link& each, const causes& may) {
    link_record& record = *each.record;
    try {
        require(each.future.result().value() == each.expected, "a result is right");
        require(record.runs == 1 && record.returned, "a link with a result has returned");
        ++total.linked;
    } catch (const futures::cancelled_error&) {
        require(may.cancels || may.any([](const pool_record& pool) { return pool.cancels.load(); }),
                "only what was cancelled ends so");
    } catch (const purposeful& thrown) {
        thrown.retrieved();
    } catch (const futures::executor_shutdown&) {
        require(may.any([](const pool_record& pool) { return pool.closing.load(); }),
                "only a pool that was shut down refuses");
    } catch (const futures::broken_thread_pool&) {
        require(may.any([](const pool_record& pool) { return pool.initializers_failed > 0; }),
                "only an initializer breaks a pool");
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    } catch (const std::system_error&) {
        require(faults::of_threads(), "threads can be started");
        ++total.start_failures;
    }
    require(each.future.done(), "what has a result is done");
}

}  // namespace

template <class Queue>
void client::compose_with(const pool_pointer<Queue>& first, const pool_pointer<Queue>& second) {
    ++total.compositions;
    causes may{{&first->record, &second->record}};
    first->record.mapped = second->record.mapped = true;  // breakages of links may be logged
    std::vector<made_link> all;
    // Makes one more, unless that fails.
    const auto add = [&](long expected, auto make) {
        link_record& record = the_books.new_link();
        const link made{&record, random_.seed(), expected};
        std::optional<futures::Future<counted>> future;
        if (submits(first->record, [&] {
                const faults::library_call call(random_);
                future = make(made);
            })) {
            all.push_back({std::move(*future), &record, expected});
        }
    };
    add(1, [&](const link& made) { return first->executor->submit(made); });
    for (unsigned count = random_.up_to(8); count != 0 && !all.empty(); --count) {
        const made_link parent = all[random_.up_to(static_cast<unsigned>(all.size()))];
        const made_link other = all[random_.up_to(static_cast<unsigned>(all.size()))];
        auto& executor = *(random_.one_in(2) ? first : second)->executor;
        using executor_type = std::remove_reference_t<decltype(executor)>;
        switch (random_.up_to(6)) {
            case 0:
                add(parent.expected + 1, [&](const link& made) { return parent.future.then(made); });
                break;
            case 1:
                add(parent.expected + 1,
                    [&](const link& made) { return futures::Future(parent.future).then(executor, made); });
                break;
            case 2:
                add(0, [&](const link& made) { return parent.future.then(executor, seeing_link{made}); });
                break;
            case 3: {
                link_record& outer = the_books.new_link();
                add(parent.expected + 1, [&](const link& made) {
                    const link first_of_two{&outer, made.seed, made.expected};
                    return parent.future.then(
                        executor, nesting_link<executor_type>{first_of_two, &executor, made.record});
                });
                break;
            }
            case 4:
                add(parent.expected + 1, [&](const link& made) {
                    return futures::gather(parent.future, other.future)
                        .then(executor, [made](const std::tuple<counted, counted>& both) {
                            return made(std::get<0>(both));
                        });
                });
                break;
            default:
                add(parent.expected + 1, [&](const link& made) {
                    return futures::gather(std::vector{other.future, parent.future})
                        .then([made](const std::vector<counted>& both) { return made(both[1]); });
                });
        }
        if (!all.empty() && random_.one_in(10)) {
            may.cancels = true;
            const made_link& ended = all[random_.up_to(static_cast<unsigned>(all.size()))];
            static_cast<void>(random_.one_in(2) ? ended.future.cancel() : ended.future.request_stop());
        }
    }
    wait_for_links([&](auto use) {
        for (const made_link& each : all) {
            use(each.future);
        }
    });
    for (const made_link& each : all) {
        look_at(each, may);
    }
}

// In one of the ways in which one can wait for several.
template <class ForEach>
void client::wait_for_links(ForEach for_each) {
    try {
        const faults::library_call call(random_);
        if (random_.one_in(3)) {
            futures::completion_queue<counted> queue;
            for_each([&](const futures::Future<counted>& each) { queue.add(each); });
            for (auto future : queue) {
                require(future.done(), "a queue gives what is done");
            }
        } else if (random_.one_in(2)) {
            std::vector<futures::Future<counted>> all;
            for_each([&](const futures::Future<counted>& each) { all.push_back(each); });
            static_cast<void>(futures::wait(all, {.timeout = soon()}));
        }
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    }
}

void client::compose(const any_pool& target) {
    std::visit(
        [this]<class Queue>(const pool_pointer<Queue>& each) {
            if (!each) {
                return;
            }
            const any_pool other = world_.pool_at(random_.up_to(world::pool_count), each->record.id);
            const auto* const same_kind = std::get_if<pool_pointer<Queue>>(&other);
            compose_with(each, same_kind && *same_kind ? *same_kind : each);
        },
        target);
}

}  // namespace endurance
