// SPDX-License-Identifier: MIT

// The library in several parts of one program: the program itself, shared libraries, plugins. It behaves as
// one.

#include <dlfcn.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "part.hpp"
#include "support/catch.hpp"

namespace {

extern "C" {
const tests::part* part_of_program();
const tests::part* part_of_plain_library();
const tests::part* part_of_hidden_library();
const tests::part* part_of_closed_library();
}

const tests::part* plugin() {
    void* const library = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    INFO(PLUGIN);
    REQUIRE(library);
    using function = const tests::part* (*)();
    const auto get = reinterpret_cast<function>(dlsym(library, "part_of_plugin"));
    REQUIRE(get);
    return get();
}

using parts = std::map<std::string, const tests::part*>;

const parts& all_parts() {
    static const parts all = {
        {"the program", part_of_program()},
        {"a library", part_of_plain_library()},
        {"a library with hidden symbols", part_of_hidden_library()},
        {"a plugin with hidden symbols", plugin()},
    };
    return all;
}

// With one that shares no variable with the others, as its version script says: what needs none works in it
// too.
parts all_parts_and_a_closed_one() {
    parts all = all_parts();
#if defined(HAS_CLOSED_LIBRARY)
    all.emplace("a library that keeps all symbols to itself", part_of_closed_library());
#endif
    return all;
}

template <class Check>
void for_each_pair(Check check, const parts& among = all_parts()) {
    for (const auto& [first_name, first] : among) {
        for (const auto& [second_name, second] : among) {
            INFO(first_name << ", " << second_name);
            check(*first, *second);
        }
    }
}

// How a part makes a future of those of tasks.
constexpr auto ways_to_make_of_tasks = {&tests::part::make_continuation, &tests::part::make_gathered,
                                        &tests::part::make_coroutine};

// Its destructor waits until somebody lets it go on.
class held_up {
public:
    struct gate {
        std::latch reached{1};
        std::latch open{1};
    };

    explicit held_up(gate& its_gate) noexcept : gate_(&its_gate) {}
    held_up(held_up&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    held_up& operator=(held_up&&) = delete;
    ~held_up() {
        if (gate_) {
            gate_->reached.count_down();
            gate_->open.wait();
        }
    }

private:
    gate* gate_;
};

}  // namespace

TEST_CASE("a task that waits in one part for a task in a pool that another part made runs it on the spot") {
    for_each_pair(
        [](const tests::part& maker, const tests::part& waiter) {
            for (const auto submit_and_wait :
                 {&tests::part::submit_and_wait, &tests::part::submit_and_wait_for_all}) {
                const auto executor = maker.make_executor(1);
                const bool same_thread =
                    executor
                        ->submit([&] {
                            return (waiter.*submit_and_wait)(*executor) == std::this_thread::get_id();
                        })
                        .result();
                CHECK(same_thread);
            }
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("a task that waits in one part for a future that another made of tasks runs them on the spot") {
    for (const auto make : ways_to_make_of_tasks) {
        for_each_pair(
            [&](const tests::part& maker, const tests::part& waiter) {
                const auto executor = maker.make_executor(1);
                for (const tests::part* const composer : {&waiter, &maker}) {
                    const auto wait = [&] { return waiter.wait_for((composer->*make)(*executor)); };
                    CHECK(executor->submit(wait).result() == 5);
                }
            },
            all_parts_and_a_closed_one());
    }
}

TEST_CASE("a task that waits in one part for what it continued of another's runs all of it on the spot") {
    for (const auto make : ways_to_make_of_tasks) {
        for_each_pair(
            [&](const tests::part& maker, const tests::part& continuing) {
                const auto executor = maker.make_executor(1);
                const auto wait = [&] {
                    return continuing.wait_for(continuing.continue_given((maker.*make)(*executor)));
                };
                CHECK(executor->submit(wait).result() == 6);
            },
            all_parts_and_a_closed_one());
    }
}

TEST_CASE("a task waits for what another part has continued before, in the pool of one that runs this task") {
    for_each_pair(
        [](const tests::part& maker, const tests::part& continuing) {
            const auto executor = maker.make_executor(1);
            for (const auto make : {&tests::part::make_continuation, &tests::part::make_coroutine}) {
                std::promise<concurrent::futures::Future<int>> made;
                const auto outer = executor->submit([&] { return made.get_future().get().result(); });
                made.set_value((continuing.*make)(*executor));
                CHECK(outer.result() == 5);
            }
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("a future that is done is continued in one part as a task of a pool that another made") {
    for_each_pair(
        [](const tests::part& maker, const tests::part& continuing) {
            const auto executor = maker.make_executor(1);
            CHECK(continuing.continue_what_is_done(*executor).result() == 5);
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("pools of one, made by two parts, whose tasks wait for each other's") {
    for_each_pair(
        [](const tests::part& first, const tests::part& second) {
            const auto a = first.make_executor(1);
            const auto b = second.make_executor(1);
            const auto inner = [&] { return second.submit_and_wait(*a) == std::this_thread::get_id(); };
            // Only the worker of `a`, which waits, can run the innermost task.
            CHECK_FALSE(a->submit([&] { return b->submit(inner).result(); }).result());
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("shutdown() by a task of another part than the executor's doesn't wait for that task") {
    for_each_pair(
        [](const tests::part& maker, const tests::part& closer) {
            const auto executor = maker.make_executor(1);
            executor->submit([&] { closer.shut_down(*executor); }).result();
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("a worker has the same name in every part") {
    for_each_pair([](const tests::part& maker, const tests::part& asker) {
        const auto executor = maker.make_executor(1);
        const std::string name = executor->submit([&] { return asker.thread_name(); }).result();
        CHECK(name.ends_with("_0"));
    });
}

TEST_CASE("no two executors have threads of the same name, whichever parts they are of") {
    for_each_pair([](const tests::part& first, const tests::part& second) {
        const auto a = first.make_executor(1);
        const auto b = second.make_executor(1);
        CHECK(a->submit([&] { return first.thread_name(); }).result() !=
              b->submit([&] { return first.thread_name(); }).result());
    });
}

TEST_CASE("the log handler that one part sets is that of all") {
    for_each_pair([](const tests::part& setter, const tests::part& loser) {
        std::vector<std::string> lines;
        setter.log_to(&lines);
        loser.lose_an_exception();
        setter.log_to(nullptr);
        CHECK(lines.size() == 1);
    });
}

TEST_CASE("what one part throws the others catch by its type") {
    for_each_pair([](const tests::part& thrower, const tests::part& catcher) {
        CHECK(catcher.catches_as_timeout_error(thrower));
    });
}

TEST_CASE("an any_future that one part made gives the others the future with its type") {
    for_each_pair([](const tests::part& maker,
                     const tests::part& asker) { CHECK(asker.recognises(maker.make_any_future())); },
#if defined(_LIBCPP_VERSION)
                  all_parts()  // libc++ compares the addresses of descriptions of types
#else
                  all_parts_and_a_closed_one()
#endif
    );
}

TEST_CASE("what a process has one of is one for all parts") {
    for_each_pair([](const tests::part& first, const tests::part& second) {
        CHECK(first.singletons() == second.singletons());
    });
}

TEST_CASE("an executor that one part made may be destroyed in a task of another") {
    for_each_pair(
        [](const tests::part& maker, const tests::part& destroyer) {
            auto executor = maker.make_executor(1);
            auto& where = *executor;
            const auto future = where.submit([&destroyer, owner = std::move(executor)]() mutable {
                const bool works = destroyer.submit_and_wait(*owner) == std::this_thread::get_id();
                owner.reset();
                return works;
            });
            CHECK(future.result());
        },
        all_parts_and_a_closed_one());
}

TEST_CASE("continuations run as tasks of an executor that another part made") {
    for (const auto& [name, maker] : all_parts_and_a_closed_one()) {
        INFO(name);
        const auto executor = maker->make_executor(1);
        std::latch may_go(1);
        const auto first = executor->submit([&] { may_go.wait(); });
        const auto id = [] { return std::this_thread::get_id(); };
        const auto second = first.then(id);
        const auto third = second.then([id](std::thread::id) { return id(); });
        may_go.count_down();
        CHECK(third.result() == executor->submit(id).result());
        CHECK(second.result() == third.result());
    }
}

TEST_CASE(
    "a continuation that is being cancelled is waited for when its executor, which another part made, is "
    "gone") {
    for (const auto& [name, maker] : all_parts_and_a_closed_one()) {
        INFO(name);
        auto executor = maker->make_executor(1);
        std::latch worker_is_busy(1);
        std::latch worker_may_go(1);
        held_up::gate of_parent;
        held_up::gate of_next;
        executor->submit([&] {
            worker_is_busy.count_down();
            worker_may_go.wait();
        });
        worker_is_busy.wait();
        const auto parent = executor->submit([held = held_up(of_parent)] { return 1; });
        const auto next = parent.then([held = held_up(of_next)](int value) { return value; });
        std::thread canceller([&] { parent.cancel(); });
        of_parent.reached.wait();
        worker_may_go.count_down();
        executor.reset();
        of_parent.open.count_down();
        of_next.reached.wait();
        CHECK(next.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout);
        of_next.open.count_down();
        canceller.join();
        CHECK(next.cancelled());
    }
}
