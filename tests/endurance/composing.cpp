// SPDX-License-Identifier: MIT

// What is done with futures that are made of futures.

#include <algorithm>
#include <concurrent/futures.hpp>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "calls.hpp"
#include "client.hpp"
#include "faults.hpp"
#include "figures.hpp"
#include "own_executor.hpp"
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

// It returns a future of what a further task returns, and keeps the pool of that.
template <class Queue>
struct nesting_link : link {
    pool_pointer<Queue> where;
    link_record* inner = nullptr;

    futures::Future<counted> operator()(const counted& value) const {
        static_cast<void>(link::operator()(value));
        return where->executor->submit(link{inner, seed + 1, expected});
    }
};

// An awaiter that the library doesn't know: another thread resumes the coroutine.
struct resumed_outside {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) const {
        const faults::own_work own;
        try {
            std::thread([frame] { frame.resume(); }).detach();
        } catch (const std::system_error&) {
            frame.resume();
        }
    }
    void await_resume() const noexcept {}
};

// Coroutines, which go on with `made` after what they await. Those that may run on the later of two pools
// hold a pointer to it: who destroys that waits for them, and might be a task of the pool on which they wait.
template <class Queue>
struct awaiting {
    using executor = futures::thread_pool_executor<Queue>;
    using own = own_executor<executor>;
    using future = futures::Future<counted>;

    static future at_once(link made, future parent) {
        const counted& value = co_await parent;
        co_return made(value);
    }

    static future one(executor&, link made, future parent) {
        const counted& value = co_await parent;
        co_return made(value);
    }

    static future outside(executor&, link made, future parent) {
        co_await resumed_outside{};
        const counted& value = co_await parent;
        co_await resumed_outside{};
        co_return made(value);
    }

    static future several(executor&, pool_pointer<Queue>, link made, future parent, future other) {
        static_cast<void>(co_await other);
        const auto both = co_await futures::gather(other, parent);
        const counted& again = co_await parent;  // is done
        require(again.value() == std::get<1>(both).value(), "all who await a future get the same");
        co_return made(again);
    }

    static future over_two(executor&, pool_pointer<Queue> other, link made, future parent) {
        const counted& value = co_await parent;
        co_await other->executor->schedule();
#if defined(__cpp_lib_jthread)
        const std::stop_token stop = co_await futures::this_stop_token();
        if (stop.stop_requested()) {
            throw futures::cancelled_error("the coroutine was requested to stop");
        }
#endif
        co_return made(value);
    }

    static future of_group(executor& runs, pool_pointer<Queue>, link made, future parent,
                           std::vector<link> tasks) {
        const counted& value = co_await parent;
        futures::task_group group(runs);
        std::vector<future> submitted;
        for (const link& each : tasks) {
            submitted.push_back(group.submit(each));
        }
        co_await group;
        for (const future& each : submitted) {
            require(each.cancelled() || (each.done() && !each.exception()),
                    "an awaited group has waited for all of its tasks");
        }
        co_return made(value);
    }

    static future of_own(own&, link made, future parent) {
        const counted& value = co_await parent;
        co_return made(value);
    }

    static future at_once_over_own(link made, own& goes_to, future parent) {
        const counted& value = co_await parent;
        co_await goes_to.schedule();
        co_return made(value);
    }

    static future over_own(executor&, own& goes_to, link made, future parent) {
        co_await goes_to.schedule();
        const counted& value = co_await parent;
        co_await goes_to.schedule();
        co_return made(value);
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
    // A coroutine is told to stop by a pool that is shut down, or dropped by one on which it can't go on.
    bool ends_turns = false;
    bool drops = false;  // an executor of one's own has no other way to cancel what it was given

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
        require(may.cancels || may.any([&](const pool_record& pool) {
            return pool.cancels || (may.ends_turns && (pool.closing || pool.initializers_failed > 0));
        }),
                "only what was cancelled ends so");
    } catch (const purposeful& thrown) {
        thrown.retrieved();
    } catch (const futures::broken_promise_error&) {
        require(may.drops && may.any([](const pool_record& pool) {
            return pool.cancels || pool.initializers_failed > 0;
        }),
                "only a pool that was shut down or broke drops what an own executor has handed to it");
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
    using awaits = awaiting<Queue>;
    // Lives as long as any link isn't done. A link that is cancelled is done although the executor may be
    // about to get it; so either none is cancelled, or none uses the executor.
    typename awaits::own own(*first->executor, *second->executor);
    const bool uses_own = random_.one_in(2);
    may.drops = may.ends_turns = uses_own;
    first->record.mapped = second->record.mapped = true;  // breakages of links may be logged
    std::vector<made_link> all;
    // Makes one more, unless that fails, or the pool at which it starts refuses.
    const auto add_in = [&](const pool_record& where, long expected, auto make) {
        link_record& record = the_books.new_link();
        const link made{&record, random_.seed(), expected};
        std::optional<futures::Future<counted>> future;
        if (submits(where, [&] {
                const faults::library_call call(random_);
                future = make(made);
            })) {
            all.push_back({std::move(*future), &record, expected});
        }
    };
    const auto add = [&](long expected, auto make) { add_in(first->record, expected, make); };
    add(1, [&](const link& made) { return first->executor->submit(made); });
    for (unsigned count = random_.up_to(8); count != 0 && !all.empty(); --count) {
        const made_link parent = all[random_.up_to(static_cast<unsigned>(all.size()))];
        const made_link other = all[random_.up_to(static_cast<unsigned>(all.size()))];
        const pool_pointer<Queue>& target = random_.one_in(2) ? first : second;
        auto& executor = *target->executor;
        switch (random_.up_to(uses_own ? 18 : 13)) {
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
                    return parent.future.then(executor,
                                              nesting_link<Queue>{first_of_two, target, made.record});
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
            case 5:
                add(parent.expected + 1, [&](const link& made) {
                    return futures::gather(std::vector{other.future, parent.future})
                        .then([made](const std::vector<counted>& both) { return made(both[1]); });
                });
                break;
            case 6:
                add(parent.expected + 1,
                    [&](const link& made) { return awaits::at_once(made, parent.future); });
                break;
            case 7:
                add(parent.expected + 1,
                    [&](const link& made) { return awaits::one(*first->executor, made, parent.future); });
                break;
            case 8:
                add_in(target->record, parent.expected + 1, [&](const link& made) {
                    return awaits::several(executor, target, made, parent.future, other.future);
                });
                break;
            case 9:
                may.ends_turns = true;
                add(parent.expected + 1, [&](const link& made) {
                    return awaits::over_two(*first->executor, second, made, parent.future);
                });
                break;
            case 10: {
                std::vector<link> tasks;
                for (unsigned more = random_.up_to(4); more != 0; --more) {
                    tasks.push_back(link{&the_books.new_link(), random_.seed(), 0});
                }
                add_in(target->record, parent.expected + 1, [&](const link& made) {
                    return awaits::of_group(executor, target, made, parent.future, tasks);
                });
                break;
            }
            case 11:
                add(parent.expected + 1,
                    [&](const link& made) { return awaits::outside(*first->executor, made, parent.future); });
                break;
            case 12:
                // What it awaits has no other handle, and is asked to stop with it.
                add(parent.expected + 2, [&](const link& made) {
                    link_record& between = the_books.new_link();
                    return awaits::one(
                        *first->executor, made,
                        parent.future.then(executor, link{&between, made.seed + 1, parent.expected + 1}));
                });
                break;
            case 13:
                add(parent.expected + 1, [&](const link& made) { return parent.future.then(own, made); });
                break;
            case 14:
                add(0, [&](const link& made) { return parent.future.then(own, seeing_link{made}); });
                break;
            case 15:
                add(parent.expected + 1,
                    [&](const link& made) { return awaits::of_own(own, made, parent.future); });
                break;
            case 16:
                add(parent.expected + 1,
                    [&](const link& made) { return awaits::at_once_over_own(made, own, parent.future); });
                break;
            default:
                add_in(target->record, parent.expected + 1, [&](const link& made) {
                    return awaits::over_own(executor, own, made, parent.future);
                });
        }
        if (!all.empty() && !uses_own && random_.one_in(10)) {
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
