// SPDX-License-Identifier: MIT

// Queue disciplines of a user's own, from the public headers alone.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <queue>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;
using tests::numbers;

namespace {

// The task with the least `submit_options::priority` first, which says how long it takes.
class shortest_first {
public:
    void push(futures::queued_task& task) { tasks_.push(&task); }
    futures::queued_task* pop() noexcept {
        if (tasks_.empty()) {
            return nullptr;
        }
        futures::queued_task* const shortest = tasks_.top();
        tasks_.pop();
        return shortest;
    }

private:
    struct takes_longer {
        bool operator()(const futures::queued_task* a, const futures::queued_task* b) const {
            return a->priority() > b->priority();
        }
    };

    std::priority_queue<futures::queued_task*, std::vector<futures::queued_task*>, takes_longer> tasks_;
};

// A task of each customer in turn, whose number is `submit_options::priority`.
class in_turn {
public:
    void push(futures::queued_task& task) { customers_[task.priority()].push_back(&task); }
    futures::queued_task* pop() noexcept {
        for (std::size_t tried = 0; tried != customers_.size(); ++tried) {
            auto next = customers_.upper_bound(last_);
            if (next == customers_.end()) {
                next = customers_.begin();
            }
            last_ = next->first;
            if (!next->second.empty()) {
                futures::queued_task* const task = next->second.front();
                next->second.pop_front();
                return task;
            }
        }
        return nullptr;
    }

private:
    std::map<int, std::deque<futures::queued_task*>> customers_;
    int last_ = 0;
};

// Has no room for more than three.
class small {
public:
    void push(futures::queued_task& task) {
        if (tasks_.size() == 3) {
            throw std::bad_alloc();
        }
        tasks_.push_back(&task);
    }
    futures::queued_task* pop() noexcept {
        if (tasks_.empty()) {
            return nullptr;
        }
        futures::queued_task* const first = tasks_.front();
        tasks_.pop_front();
        return first;
    }

private:
    std::deque<futures::queued_task*> tasks_;
};

static_assert(futures::queue_discipline<shortest_first>);
static_assert(futures::queue_discipline<in_turn>);
static_assert(!futures::queue_discipline<std::vector<int>>);
static_assert(futures::executor<futures::thread_pool_executor<shortest_first>>);

}  // namespace

TEST_CASE("a pool starts tasks in the order of a user's queue discipline") {
    futures::thread_pool_executor<shortest_first> executor(1);
    std::vector<int> order;
    {
        tests::busy_workers busy(executor);
        for (const int duration : {30, 10, 20, 40}) {
            executor.submit({.priority = duration}, [&order, duration] { order.push_back(duration); });
        }
        CHECK(executor.pending_count() == 4);
    }
    executor.shutdown();
    CHECK(order == std::vector{10, 20, 30, 40});
}

TEST_CASE("a queue discipline may serve several customers in turn") {
    futures::thread_pool_executor<in_turn> executor(1);
    std::vector<int> order;
    {
        tests::busy_workers busy(executor);
        for (const int customer : {1, 1, 1, 2, 3, 3}) {
            executor.submit({.priority = customer}, [&order, customer] { order.push_back(customer); });
        }
    }
    executor.shutdown();
    CHECK(order == std::vector{1, 2, 3, 1, 3, 1});
}

TEST_CASE("what a queue discipline's push throws is thrown by submit, and nothing is queued") {
    const auto captured = std::make_shared<int>(0);
    std::atomic<int> ran = 0;
    {
        futures::thread_pool_executor<small> executor(1);
        tests::busy_workers busy(executor);
        for (int i = 0; i != 3; ++i) {
            executor.submit([&] { ++ran; });
        }
        CHECK_THROWS_AS(executor.submit([captured] {}), std::bad_alloc);
        CHECK(captured.use_count() == 1);
        CHECK(executor.pending_count() == 3);
    }
    CHECK(ran == 3);
}

TEST_CASE(
    "tasks in a user's queue are cancelled, waited for on the spot, and left to a shutdown that cancels") {
    futures::thread_pool_executor<shortest_first> executor(1);
    const auto outer = executor.submit([&] {
        const auto inner = executor.submit({.priority = 5}, [] { return 42; });
        const auto cancelled = executor.submit({.priority = 1}, [] { return 1; });
        return cancelled.cancel() ? inner.result() : 0;
    });
    CHECK(outer.result() == 42);
    tests::busy_workers busy(executor);
    const auto queued = executor.submit([] {});
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(queued.cancelled());
}

TEST_CASE("map, and many threads, on a pool with a user's queue") {
    futures::thread_pool_executor<shortest_first> executor(3);
    CHECK(tests::collect(executor.map([](int x) { return x; }, numbers(1000))) == numbers(1000));
    std::atomic<int> ran = 0;
    {
        futures::thread_pool_executor submitters(4);
        for (int i = 0; i != 4; ++i) {
            submitters.submit([&] {
                for (int duration = 0; duration != 500; ++duration) {
                    executor.submit({.priority = duration % 7}, [&] { ++ran; });
                }
            });
        }
    }
    executor.shutdown();
    CHECK(ran == 2000);
}
