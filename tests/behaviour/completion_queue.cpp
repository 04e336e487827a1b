// SPDX-License-Identifier: MIT

// completion_queue: futures as they become done, with more that are added meanwhile.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/futures_of.hpp"

namespace futures = concurrent::futures;
using futures::completion_queue;
using tests::futures_of;
using namespace std::chrono_literals;

TEST_CASE("A completion queue gives futures in the order of completion") {
    STATIC_REQUIRE(std::ranges::input_range<completion_queue<int>>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<completion_queue<int>>);
    std::vector<futures::Promise<int>> promises(4);
    const auto all = futures_of(promises);
    promises[2].set_result(2);
    completion_queue<int> queue;
    for (const auto& each : all) {
        queue.add(each);
    }
    promises[3].set_result(3);
    all[0].cancel();
    promises[1].set_exception(std::make_exception_ptr(1));
    CHECK(queue.next() == all[2]);
    CHECK(queue.next() == all[3]);
    CHECK(queue.next().cancelled());
    CHECK_FALSE(queue.empty());
    CHECK(queue.next().exception() != nullptr);
    CHECK(queue.empty());
}

TEST_CASE("next() of an empty completion queue throws, as nothing would end the wait") {
    completion_queue<int> queue;
    CHECK(queue.empty());
    CHECK_THROWS_AS(queue.next(), futures::invalid_state_error);
    CHECK_THROWS_AS(queue.next(1h), futures::invalid_state_error);
    CHECK_THROWS_AS(queue.add({}), futures::invalid_state_error);
    CHECK(queue.empty());
}

TEST_CASE("next() with a timeout throws when that passes, and loses nothing") {
    futures::Promise<int> promise;
    completion_queue<int> queue;
    queue.add(promise.get_future());
    CHECK_THROWS_AS(queue.next(0s), futures::timeout_error);
    CHECK_THROWS_AS(queue.next(1ms), futures::timeout_error);
    promise.set_result(42);
    CHECK(queue.next(0s).result() == 42);
}

TEST_CASE("A future that was added twice is given twice") {
    futures::Promise<int> promise;
    completion_queue<int> queue;
    queue.add(promise.get_future());
    queue.add(promise.get_future());
    promise.set_result(42);
    CHECK(queue.next() == queue.next());
    CHECK(queue.empty());
}

TEST_CASE("An iteration ends when the completion queue is empty, and another one may follow") {
    completion_queue<int> queue;
    for (int round = 0; round != 2; ++round) {
        futures::thread_pool_executor executor(2);
        for (int count = 0; count != 3; ++count) {
            queue.add(executor.submit([] { return 10; }));
        }
        int given = 0;
        for (auto future : queue) {
            ++given;
            if (const int more = future.result(); more > 8) {
                queue.add(executor.submit([more] { return more - 1; }));
            }
        }
        CHECK(given == 9);
    }
    CHECK(queue.begin() == queue.end());
}

TEST_CASE(
    "An iteration that was left goes on with the next future, or with the one that was only looked at") {
    std::vector<futures::Promise<int>> promises(3);
    const auto all = futures_of(promises);
    completion_queue<int> queue;
    for (std::size_t index = 0; index != 3; ++index) {
        queue.add(all[index]);
        promises[index].set_result(0);
    }
    std::vector<futures::Future<int>> order;
    for (auto&& future : queue) {
        order.push_back(future);
        break;
    }
    for (auto future : queue) {
        order.push_back(future);
        break;
    }
    for (auto future : queue) {
        order.push_back(future);
    }
    CHECK(order == std::vector{all[0], all[0], all[1], all[2]});
}

TEST_CASE("A completion queue holds no future that it has given") {
    auto shared = std::make_shared<int>(42);
    const std::weak_ptr<int> watched = shared;
    completion_queue<std::shared_ptr<int>> queue;
    {
        futures::Promise<std::shared_ptr<int>> promise;
        queue.add(promise.get_future());
        promise.set_result(std::move(shared));
    }
    CHECK_FALSE(watched.expired());
    CHECK(std::move(queue.next()).result().use_count() == 1);
    CHECK(watched.expired());
}

TEST_CASE("A completion queue of any_future takes futures of several types") {
    futures::Promise<int> number;
    futures::Promise<std::string> text;
    completion_queue<futures::any_future> queue;
    queue.add(number.get_future());
    queue.add(text.get_future());
    text.set_result("hello");
    CHECK(queue.next().get<std::string>().result() == "hello");
    number.set_result(42);
    for (const futures::any_future& future : queue) {
        CHECK(future == number.get_future());
    }
}

TEST_CASE("A completion queue may be destroyed while futures are outstanding, and while they complete") {
    futures::Promise<int> kept;
    const auto future = kept.get_future();
    {
        completion_queue<int> queue;
        queue.add(future);
    }
    kept.set_result(42);
    CHECK(future.result() == 42);

    futures::thread_pool_executor executor(2);
    for (int round = 0; round != 200; ++round) {
        completion_queue<int> queue;
        for (int count = 0; count != 4; ++count) {
            queue.add(executor.submit([] { return 0; }));
        }
        static_cast<void>(queue.next());
    }
}

TEST_CASE("A completion queue takes futures from callbacks and from several threads") {
    constexpr int threads = 3;
    constexpr int each = 200;
    completion_queue<int> queue;
    futures::Promise<int> gate;
    queue.add(gate.get_future());
    std::atomic<int> left = threads * each;
    futures::thread_pool_executor executor(2);  // its callbacks use all of the above
    std::vector<std::thread> adders;
    for (int thread = 0; thread != threads; ++thread) {
        adders.emplace_back([&] {
            for (int count = 0; count != each; ++count) {
                const auto first = executor.submit([] { return 1; });
                first.add_done_callback([&](const futures::Future<int>& done) {
                    queue.add(executor.submit([] { return 1; }));
                    queue.add(done);
                    if (--left == 0) {
                        gate.set_result(0);
                    }
                });
            }
        });
    }
    int sum = 0;
    for (auto future : queue) {
        sum += future.result();
    }
    for (auto& thread : adders) {
        thread.join();
    }
    CHECK(sum == 2 * threads * each);
}

TEST_CASE("Several threads share a completion queue, and each learns that it is empty") {
    futures::thread_pool_executor executor(2);
    constexpr int count = 300;
    completion_queue<int> queue;
    futures::Promise<int> last;
    queue.add(last.get_future());
    for (int index = 1; index != count; ++index) {
        queue.add(executor.submit([] { return 1; }));
    }
    std::atomic<int> taken = 0;
    std::atomic<int> empty = 0;
    std::vector<std::thread> takers;
    for (int thread = 0; thread != 3; ++thread) {
        takers.emplace_back([&] {
            try {
                for (;;) {
                    static_cast<void>(queue.next());
                    if (++taken == count - 1) {
                        last.set_result(0);
                    }
                }
            } catch (const futures::invalid_state_error&) {
                ++empty;
            }
        });
    }
    for (auto& thread : takers) {
        thread.join();
    }
    CHECK(taken == count);
    CHECK(empty == 3);
}

TEST_CASE("A task that takes from a completion queue runs tasks of its pool of one worker") {
    futures::thread_pool_executor executor(1);
    const auto sum = executor.submit([&executor] {
        completion_queue<int> queue;
        queue.add(executor.submit([] { return 3; }));
        int total = 0;
        for (auto future : queue) {
            const int number = future.result();
            total += number;
            if (number != 0) {
                queue.add(executor.submit([number] { return number - 1; }));
            }
        }
        queue.add(executor.submit([] { return 10; }));
        return total + queue.next(1h).result();
    });
    CHECK(sum.result() == 16);
}

TEST_CASE("A worker that sleeps in next() wakes for a task that is added for its pool") {
    futures::thread_pool_executor executor(1);
    futures::Promise<int> promise;
    completion_queue<int> queue;
    queue.add(promise.get_future());
    std::latch begun(1);
    std::optional<std::thread::id> worker;
    const auto taker = executor.submit([&] {
        begun.count_down();
        return queue.next().result();
    });
    begun.wait();
    queue.add(executor.submit([&] {
        worker = std::this_thread::get_id();
        return 42;
    }));
    CHECK(taker.result() == 42);
    CHECK(worker.has_value());
    promise.set_result(0);
    CHECK(queue.next().result() == 0);
}

TEST_CASE("next() leaves tasks to other workers that are idle") {
    futures::thread_pool_executor executor(2);
    const auto other = executor.submit([&executor] {
        completion_queue<std::thread::id> queue;
        queue.add(executor.submit([] { return std::this_thread::get_id(); }));
        return queue.next().result() != std::this_thread::get_id();
    });
    CHECK(other.result());
}

TEST_CASE("A worker takes over in next() when no other worker is idle any more") {
    futures::thread_pool_executor executor(2);
    const tests::busy_workers busy(executor);
    const auto same = executor.submit([&executor] {
        completion_queue<std::thread::id> queue;
        queue.add(executor.submit([] { return std::this_thread::get_id(); }));
        return queue.next().result() == std::this_thread::get_id();
    });
    CHECK(same.result());
}

TEST_CASE("A task that takes from a completion queue computes futures of futures, on a pool of one worker") {
    futures::thread_pool_executor executor(1);
    const auto sum = executor.submit([&] {
        completion_queue<int> queue;
        int added = 0;
        const auto add = [&] {
            ++added;
            const auto first = executor.submit([] { return 1; });
            const auto next = first.then([](int x) { return x + 1; });
            queue.add(next);
            queue.add(futures::gather(first, next).then(executor, [](const std::tuple<int, int>& both) {
                return std::get<0>(both) + std::get<1>(both);
            }));
        };
        for (int index = 0; index != 10; ++index) {
            add();
        }
        int all = 0;
        for (auto future : queue) {
            all += future.result();
            if (added != 500) {
                add();
            }
        }
        return all;
    });
    CHECK(sum.result() == 500 * (2 + 3));
}

TEST_CASE("Tasks of two pools of one worker take what they need of each other from completion queues") {
    futures::thread_pool_executor first(1);
    futures::thread_pool_executor second(1);
    const auto sums = [](auto& here, auto& there) {
        return here.submit([&] {
            completion_queue<int> queue;
            for (int index = 0; index != 5; ++index) {
                queue.add(there.submit([&] { return here.submit([] { return 1; }).result(); }));
                queue.add(
                    here.submit([] { return 1; }).then(there, [](int x) { return x; }).then(here, [](int x) {
                        return x;
                    }));
            }
            int sum = 0;
            for (auto future : queue) {
                sum += future.result();
            }
            return sum;
        });
    };
    for (int round = 0; round != 20; ++round) {
        const auto one = sums(first, second);
        const auto two = sums(second, first);
        REQUIRE(one.result() == 10);
        REQUIRE(two.result() == 10);
    }
}

TEST_CASE("Workers of a pool take turns in next(), for continuations that are added for ever") {
    std::atomic<int> left = 2000;
    completion_queue<void> queue;
    futures::thread_pool_executor executor(2);
    const auto add = [&] { queue.add(executor.submit([] {}).then([] {})); };
    const auto takes = [&] {
        int taken = 0;
        try {
            for (;; ++taken) {
                queue.next(1h).result();
                if (left.fetch_sub(1) > 0) {
                    add();
                }
            }
        } catch (const futures::invalid_state_error&) {
        }
        return taken;
    };
    for (int index = 0; index != 100; ++index) {
        add();
    }
    const auto one = executor.submit(takes);
    const auto two = executor.submit(takes);
    CHECK(one.result() + two.result() == 2100);
}
