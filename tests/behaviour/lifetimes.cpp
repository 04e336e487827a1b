// SPDX-License-Identifier: MIT

// How long results, exceptions, captures and what they refer to live, and who destroys them.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <latch>
#include <memory>
#include <mutex>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

std::atomic<int> alive = 0;
std::atomic<int> copies = 0;

class counted {
public:
    counted() { ++alive; }
    counted(const counted&) {
        ++alive;
        ++copies;
    }
    counted(counted&&) noexcept { ++alive; }
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }
};

class counted_error : public std::runtime_error {
public:
    counted_error() : std::runtime_error("lost") {}

private:
    counted counted_;
};

// Runs `test` in a task of each kind of pool, where waiting runs the task that is waited for on the spot.
template <class Test>
void in_a_task_of_each(Test test) {
    const auto in_a_task = [&](auto executor, const char* kind) {
        INFO(kind);
        executor->submit([&] { test(*executor); }).result();
    };
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::fifo>>(1), "fifo");
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::fifo>>(2), "fifo, two workers");
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::lifo>>(1), "lifo");
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::lifo>>(2), "lifo, two workers");
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::priority>>(1), "priority");
    in_a_task(std::make_unique<futures::thread_pool_executor<futures::priority>>(2), "priority, two workers");
}

struct user {
    std::string name_;
    const std::string& name() const { return name_; }
};

const std::string long_name(100, 'a');  // no short string, which lies in the object

}  // namespace

TEST_CASE("the last handle destroys the result, also of a task that ran on the spot") {
    in_a_task_of_each([](auto& executor) {
        for (int i = 0; i < 50; ++i) {
            auto future = executor.submit([] { return counted(); });
            future.wait();
            CHECK(alive == 1);
            future = {};
            CHECK(alive == 0);
        }
    });
}

TEST_CASE("the last handle destroys what the task threw, and logs it, also of a task that ran on the spot") {
    in_a_task_of_each([](auto& executor) {
        const tests::captured_log log;
        auto future = executor.submit([] { throw counted_error(); });
        future.wait();
        CHECK(alive == 1);
        future = {};
        CHECK(alive == 0);
        CHECK(log.lines() == std::vector<std::string>{"exception was never retrieved: lost"});
    });
}

TEST_CASE("the last handle moves the result out, also of a task that ran on the spot") {
    in_a_task_of_each([](auto& executor) {
        copies = 0;
        auto future = executor.submit([] { return counted(); });
        future.wait();
        const counted taken = std::move(future).result();
        CHECK(alive == 1);
        CHECK(copies == 0);
        CHECK(executor.submit([] { return std::vector<int>{1, 2}; }).result() == std::vector<int>{1, 2});
    });
}

TEST_CASE("submit() destroys no result of another task") {
    in_a_task_of_each([](auto& executor) {
        std::mutex mutex;
        const std::thread::id here = std::this_thread::get_id();
        bool submitting = false;
        int destroyed_meanwhile = 0;
        const auto on_end = [&](int*) {
            if (std::this_thread::get_id() == here && submitting) {
                ++destroyed_meanwhile;
            }
        };
        static int nothing;
        for (int i = 0; i < 200; ++i) {
            {
                const auto future =
                    executor.submit([&] { return std::unique_ptr<int, decltype(on_end)>(&nothing, on_end); });
                future.wait();
            }
            futures::Future<void> other;
            {
                const std::lock_guard lock(mutex);
                submitting = true;
                other = executor.submit([] {});
                submitting = false;
            }
            other.wait();
        }
        CHECK(destroyed_meanwhile == 0);
    });
}

TEST_CASE("a result that refers to what the task captured is good as long as the future") {
    futures::thread_pool_executor executor(1);
    SECTION("to a copied object") {
        const auto name = executor.submit(&user::name, user{long_name});
        CHECK(name.result() == long_name);
        CHECK(name.result() == long_name);
    }
    SECTION("to what a lambda captured by value") {
        const auto name = executor.submit([copy = long_name]() -> const std::string& { return copy; });
        CHECK(name.result() == long_name);
    }
    SECTION("and is gone with it") {
        auto future = executor.submit([held = counted()]() -> const counted& { return held; });
        future.wait();
        CHECK(alive == 1);
        executor.submit([] {}).wait();
        future = {};
        CHECK(alive == 0);
    }
    SECTION("but not if the task throws") {
        const auto future = executor.submit([held = counted()]() -> const counted& { throw 5; });
        CHECK(future.exception());
        CHECK(alive == 0);
    }
    SECTION("also of a task that was cancelled") {
        tests::busy_workers busy(executor);
        const auto future = executor.submit([held = counted()]() -> const counted& { return held; });
        CHECK(alive == 1);
        CHECK(future.cancel());
        CHECK(alive == 0);
    }
}

namespace {

// The future of a reference to what its task has captured.
futures::Future<const counted&> refers_to_capture(futures::thread_pool_executor<>& executor) {
    return executor.submit([held = counted()]() -> const counted& { return held; });
}

}  // namespace

TEST_CASE(
    "a result that refers to what a task captured is good as long as a future that is made of its future") {
    futures::thread_pool_executor executor(1);
    const user named{long_name};
    // The captures of `expected` tasks must live as long as `future`, and no longer.
    const auto keeps = [&](auto future, int expected) {
        future.wait();
        executor.submit([] {}).wait();
        CHECK(alive == expected);
        future = {};
        CHECK(alive == 0);
    };
    SECTION("of a then whose function returns it") {
        const auto name = executor.submit([] {}).then([&] { return executor.submit(&user::name, named); });
        CHECK(name.result() == long_name);
        keeps(executor.submit([] {}).then([&] { return refers_to_capture(executor); }), 1);
    }
    SECTION("of a gather, which keeps nothing else") {
        const auto names = futures::gather(executor.submit(&user::name, named),
                                           executor.submit([copy = 5]() -> const int& { return copy; }));
        CHECK(std::get<0>(names.result()) == long_name);
        CHECK(std::get<1>(names.result()) == 5);
        keeps(futures::gather(refers_to_capture(executor), executor.submit([] { return counted(); })), 2);
    }
    SECTION("of a gather of a range") {
        std::vector<futures::Future<const counted&>> both;
        both.push_back(refers_to_capture(executor));
        both.push_back(refers_to_capture(executor));
        keeps(futures::gather(std::move(both)), 2);
    }
    SECTION("of those in each other") {
        const auto gathers = [&] {
            std::vector<futures::Future<const counted&>> one;
            one.push_back(refers_to_capture(executor));
            return futures::gather(futures::gather(refers_to_capture(executor)),
                                   futures::gather(std::move(one)));
        };
        keeps(gathers(), 2);
        keeps(executor.submit([] {}).then(gathers), 2);
    }
    SECTION("but not if another one fails") {
        auto future = futures::gather(refers_to_capture(executor), executor.submit([]() -> int { throw 5; }));
        CHECK(future.exception());
        executor.submit([] {}).wait();
        CHECK(alive == 0);
    }
    SECTION("and no longer than the last handle, even if something still has the memory") {
        tests::busy_workers busy(executor);
        int alive_then = -1;
        futures::gather(refers_to_capture(executor)).add_done_callback([&](auto future) {
            const int alive_before = alive;
            future = {};
            alive_then = alive_before == 1 ? alive.load() : -1;
        });
        busy.release();
        executor.shutdown();
        CHECK(alive_then == 0);
    }
}

TEST_CASE("a map's result that refers to an element which its task has read is good until the next") {
    futures::thread_pool_executor executor(1);
    std::istringstream words("some words that are too long to lie in the object of a string themselves");
    std::string last;
    for (const std::string& word :
         executor.map([](const std::string& text) -> const std::string& { return text; },
                      std::views::istream<std::string>(words))) {
        last = word;
    }
    CHECK(last == "themselves");
}

namespace {

// Two tasks of a map run until those that wait were cancelled, which the results' end does first.
class map_left_early {
public:
    // The first result is there at once.
    template <class Body>
    void loop(Body body) {
        for (const int result :
             executor_.map([this](int& element) { return run(element); }, std::views::all(elements_))) {
            if (result == 0) {
                wait_until_two_run();
                release_when_cancelled();
            }
            body(result);
        }
    }

    // The first element's task throws.
    void loop_over_failure() {
        fails_ = true;
        release_when_cancelled();
        loop([](int) {});
    }

    // Whether what has begun has ended.
    [[nodiscard]] bool nothing_runs() const { return begun_ >= 2 && ended_ == begun_; }

    map_left_early() = default;
    map_left_early(const map_left_early&) = delete;
    map_left_early& operator=(const map_left_early&) = delete;
    ~map_left_early() { releaser_.join(); }

private:
    int run(int element) {
        if (element == 0) {
            if (fails_) {
                wait_until_two_run();
                throw std::runtime_error("the task's");
            }
            return 0;
        }
        ++begun_;
        released_.wait();
        ++ended_;
        return element;
    }

    void wait_until_two_run() const {
        while (begun_ < 2) {
            std::this_thread::yield();
        }
    }

    void release_when_cancelled() {
        releaser_ = std::thread([this] {
            wait_until_two_run();
            while (executor_.pending_count() != 0) {
                std::this_thread::yield();
            }
            released_.count_down();
        });
    }

    std::vector<int> elements_{0, 1, 2, 3, 4};
    std::atomic<int> begun_ = 0;
    std::latch released_{1};
    std::atomic<int> ended_ = 0;
    bool fails_ = false;
    std::thread releaser_;
    futures::thread_pool_executor<> executor_{3};
};

// Says when its destruction begins, and waits until that may end.
class blocks_its_end {
public:
    blocks_its_end(std::latch& begun, std::latch& may_end) : begun_(&begun), may_end_(&may_end) {}
    blocks_its_end(blocks_its_end&& other) noexcept
        : begun_(std::exchange(other.begun_, nullptr)), may_end_(other.may_end_) {}
    blocks_its_end& operator=(blocks_its_end&&) = delete;
    ~blocks_its_end() {
        if (begun_) {
            begun_->count_down();
            may_end_->wait();
        }
    }

private:
    std::latch* begun_;
    std::latch* may_end_;
};

// That a task which captured such an object isn't done, for anybody, before that is destroyed by `cancel`.
template <class Cancel>
void check_that_captures_go_first(Cancel cancel) {
    std::latch begun(1);
    std::latch may_end(1);
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto future = executor.submit([held = blocks_its_end(begun, may_end)] {});
    std::atomic<int> called = 0;
    future.add_done_callback([&](const auto&) { ++called; });
    std::thread canceller([&] { cancel(executor, future); });
    begun.wait();
    CHECK_FALSE(future.done());
    CHECK(future.state() == futures::future_state::pending);
    CHECK(futures::wait({future}, {.timeout = std::chrono::seconds(0)}).not_done.size() == 1);
    CHECK(called == 0);
    may_end.count_down();
    canceller.join();
    CHECK(future.cancelled());
    CHECK(called == 1);
}

}  // namespace

TEST_CASE("leaving a map's results midway waits for the tasks that run") {
    map_left_early left;
    SECTION("by an exception of the loop's own") {
        const auto leave = [&] { left.loop([](int) { throw std::logic_error("the loop's"); }); };
        CHECK_THROWS_AS(leave(), std::logic_error);
    }
    SECTION("by an exception of a task's") {
        CHECK_THROWS_WITH(left.loop_over_failure(), "the task's");
    }
    CHECK(left.nothing_runs());
}

TEST_CASE("results that are never iterated wait for nothing") {
    std::latch released(1);
    futures::thread_pool_executor executor(1);
    executor.map([&](int) { released.wait(); }, std::vector{1, 2});
    released.count_down();  // which the results' end has not waited for
}

TEST_CASE("what a task captured is destroyed before anybody can see that it is cancelled") {
    check_that_captures_go_first([](auto&, const auto& future) { future.cancel(); });
}

TEST_CASE("what a task captured is destroyed before anybody can see that a shutdown has cancelled it") {
    check_that_captures_go_first(
        [](auto& executor, const auto&) { executor.shutdown({.wait = false, .cancel_futures = true}); });
}

TEST_CASE("a second cancel() returns when the captures are gone that another thread destroys") {
    std::latch begun(1);
    std::latch may_end(1);
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto future = executor.submit([held = blocks_its_end(begun, may_end)] {});
    std::thread first([&] { future.cancel(); });
    begun.wait();
    std::thread releaser([&] { may_end.count_down(); });
    CHECK(future.cancel());
    CHECK(future.cancelled());
    releaser.join();
    first.join();
}

TEST_CASE("a captured object may cancel its own task, or another that cancels it, as it is destroyed") {
    struct cancels {
        std::shared_ptr<futures::Future<void>> other;
        explicit cancels(std::shared_ptr<futures::Future<void>> its_other) : other(std::move(its_other)) {}
        cancels(cancels&&) = default;
        cancels& operator=(cancels&&) = delete;
        ~cancels() {
            if (other) {
                CHECK(other->cancel());
            }
        }
    };
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto first = std::make_shared<futures::Future<void>>();
    const auto second = std::make_shared<futures::Future<void>>();
    *first = executor.submit([held = cancels(first), also = cancels(second)] {});
    *second = executor.submit([held = cancels(first)] {});
    CHECK(first->cancel());
    CHECK(first->cancelled());
    CHECK(second->cancelled());
}

TEST_CASE("a shutdown may cancel the task that holds the executor's last owner") {
    auto owner = std::make_shared<futures::thread_pool_executor<>>(1);
    auto& executor = *owner;
    std::latch running(1);
    std::latch released(1);
    const auto first = executor.submit([&] {
        running.count_down();
        released.wait();
    });
    running.wait();
    // What was captured last is destroyed first; the executor's end waits for the task that runs.
    const auto release = [](std::latch* latch) { latch->count_down(); };
    std::unique_ptr<std::latch, decltype(release)> releases(&released, release);
    const auto held = executor.submit([owner = std::move(owner), releases = std::move(releases)] {});
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(held.cancelled());
    first.wait();
}
