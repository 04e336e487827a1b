// SPDX-License-Identifier: MIT

// executor.for_each and executor.reduce.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <forward_list>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"
#include "support/ranges.hpp"

namespace futures = concurrent::futures;

namespace {

std::string loops_text(int count) {
    std::string all = "init";
    for (int i = 0; i < count; ++i) {
        all += ' ' + std::to_string(i);
    }
    return all;
}

// Neither default-constructible nor copyable; its combination is not commutative.
struct loops_words {
    explicit loops_words(std::string its_text) : text(std::make_unique<std::string>(std::move(its_text))) {}
    std::unique_ptr<std::string> text;
};

loops_words loops_join(loops_words left, loops_words right) {
    *left.text += *right.text;
    return left;
}

// Counts what it submits to its pool.
class loops_counting_executor : public futures::executor_base<loops_counting_executor> {
public:
    template <class Fn>
    auto submit(Fn&& fn) {
        ++submitted_;
        return pool_.submit(std::forward<Fn>(fn));
    }
    [[nodiscard]] std::size_t max_workers() const { return 1'000'000'000; }
    [[nodiscard]] int submitted() const { return submitted_; }

private:
    futures::thread_pool_executor<> pool_{1};
    int submitted_ = 0;
};

}  // namespace

TEMPLATE_TEST_CASE("for_each and reduce go over every element once, with any queue and number of workers", "",
                   futures::fifo, futures::lifo, futures::priority) {
    for (const int workers : {1, 2, 4}) {
        futures::thread_pool_executor<TestType> executor(workers);
        const auto run = [&executor] {
            bool good = true;
            for (const int count : {0, 1, 2, 7, 1000}) {
                std::vector<int> all = tests::numbers(count);
                executor.for_each([](int& each) { each *= 2; }, all);
                std::vector<int> expected = tests::numbers(count);
                std::ranges::for_each(expected, [](int& each) { each *= 2; });
                good = good && all == expected;
                good = good &&
                       executor.reduce(std::views::iota(0, count), std::string("init"), std::plus<>(),
                                       [](int x) { return ' ' + std::to_string(x); }) == loops_text(count);
            }
            return good;
        };
        CHECK(run());
        CHECK(executor.submit(run).result());
        const auto first = executor.submit(run);
        const auto second = executor.submit(run);
        CHECK((first.result() && second.result()));
        CHECK(executor.pending_count() == 0);
    }
}

TEST_CASE("for_each and reduce take ranges of all kinds") {
    futures::thread_pool_executor executor(2);
    const auto check = [&executor](auto make_range, int expected) {
        std::atomic<int> sum = 0;
        executor.for_each([&sum](int each) { sum += each; }, make_range());
        CHECK(sum == expected);
        for (const std::ptrdiff_t chunksize : {1, 3, 1000}) {
            sum = 0;
            executor.for_each(
                {.chunksize = chunksize}, [&sum](int each) { sum += each; }, make_range());
            CHECK(sum == expected);
        }
        CHECK(executor.reduce(make_range(), 1L, std::plus<>()) == expected + 1);
    };
    const std::vector<int> all = tests::numbers(100);
    check([&] { return std::list<int>(all.begin(), all.end()); }, 4950);
    check([&] { return std::forward_list<int>(all.begin(), all.end()); }, 4950);
    check([&] { return std::views::all(all) | std::views::filter([](int x) { return x % 2 == 0; }); }, 2450);
    check([&] { return std::views::iota(0) | std::views::take_while([](int x) { return x < 100; }); }, 4950);
    check([&] { return std::views::iota(0, 100) | std::views::transform([](int x) { return x; }); }, 4950);
    std::string text;
    for (const int each : all) {
        text += std::to_string(each) + ' ';
    }
    std::istringstream stream;
    check(
        [&] {
            stream.clear();
            stream.str(text);
            return std::ranges::istream_view<int>(stream);
        },
        4950);
    int array[] = {1, 2, 3};
    executor.for_each([](int& each) { ++each; }, array);
    CHECK(std::accumulate(std::begin(array), std::end(array), 0) == 9);
}

TEST_CASE("the calling thread goes over what no worker has come for") {
    futures::thread_pool_executor executor(2);
    const tests::busy_workers busy(executor, 2);
    const auto here = std::this_thread::get_id();
    std::vector<std::thread::id> threads(10);
    executor.for_each(
        {}, [](auto& each) { each = std::this_thread::get_id(); }, threads);
    CHECK(std::ranges::count(threads, here) == 10);
    CHECK(executor.reduce(threads, true, std::logical_and<>(), [&](auto each) { return each == here; }));
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("for_each runs on all workers and the calling thread at the same time") {
    futures::thread_pool_executor executor(2);
    std::latch all(3);
    executor.for_each(
        {.chunksize = 1}, [&](int) { all.arrive_and_wait(); }, tests::numbers(3));
    CHECK(all.try_wait());
}

TEST_CASE("for_each rethrows the first exception in the order of the input") {
    futures::thread_pool_executor executor(1);
    std::latch second_has_begun(1);
    std::latch first_has_begun(1);
    CHECK_THROWS_WITH(executor.for_each(
                          {},
                          [&](int each) {
                              if (each == 0) {
                                  first_has_begun.count_down();
                                  second_has_begun.wait();
                                  throw std::runtime_error("first");
                              }
                              if (each == 1) {
                                  first_has_begun.wait();
                                  second_has_begun.count_down();
                              }
                              throw std::runtime_error("later");
                          },
                          tests::numbers(100)),
                      "first");
}

TEST_CASE("no further chunk of a for_each or reduce starts after an exception") {
    futures::thread_pool_executor executor(1);
    const tests::busy_workers busy(executor);
    int calls = 0;
    const auto fails_at_four = [&calls](int each) {
        ++calls;
        if (each == 4) {
            throw std::runtime_error("four");
        }
        return each;
    };
    CHECK_THROWS_WITH(executor.for_each({.chunksize = 2}, fails_at_four, tests::numbers(100)), "four");
    CHECK(calls == 5);
    CHECK_THROWS_WITH(executor.reduce(tests::numbers(100), 0, std::plus<>(), fails_at_four), "four");
    CHECK(calls == 10);
}

TEST_CASE("for_each throws timeout_error when the time has passed and chunks are left") {
    futures::thread_pool_executor executor(2);
    std::atomic<int> calls = 0;
    const auto counts = [&calls](int) { ++calls; };
    CHECK_THROWS_AS(executor.for_each({.timeout = std::chrono::seconds(0)}, counts, tests::numbers(10)),
                    futures::timeout_error);
    CHECK(calls == 0);
    executor.for_each({.timeout = std::chrono::seconds(0)}, counts, std::vector<int>());
    executor.for_each({.timeout = std::chrono::hours(1)}, counts, tests::numbers(10));
    CHECK(calls == 10);
    CHECK_THROWS_AS(executor.for_each({.timeout = std::chrono::milliseconds(1)}, counts, std::views::iota(0)),
                    futures::timeout_error);
}

TEST_CASE("for_each refuses a chunksize and a buffersize below 1") {
    futures::thread_pool_executor executor(1);
    CHECK_THROWS_AS(executor.for_each(
                        {.chunksize = 0}, [](int) {}, std::vector<int>()),
                    std::invalid_argument);
    CHECK_THROWS_AS(executor.for_each(
                        {.buffersize = 0}, [](int) {}, std::vector<int>()),
                    std::invalid_argument);
}

TEST_CASE("for_each and reduce throw after a shutdown what submit throws, before they call anything") {
    futures::thread_pool_executor executor(2);
    executor.shutdown();
    int calls = 0;
    for (const int count : {0, 1, 100}) {
        CHECK_THROWS_AS(executor.for_each([&](int) { ++calls; }, tests::numbers(count)),
                        futures::executor_shutdown);
        CHECK_THROWS_AS(executor.reduce(tests::numbers(count), 0, std::plus<>()), futures::executor_shutdown);
    }
    CHECK(calls == 0);
}

TEST_CASE("reduce combines values that can only be moved, and elements of another type, in their order") {
    futures::thread_pool_executor executor(3);
    const auto words = executor.reduce(std::views::iota(0, 100), loops_words("init"), loops_join,
                                       [](int x) { return loops_words(' ' + std::to_string(x)); });
    CHECK(*words.text == loops_text(100));
    CHECK(executor.reduce(std::vector<short>(100, 30'000), 0L, std::plus<>()) == 3'000'000);
    CHECK(executor.reduce(tests::numbers(100), -1,
                          [](const int& x, const int& y) -> const int& { return std::max(x, y); }) == 99);
}

TEST_CASE("loops work in loops, to any depth") {
    futures::thread_pool_executor executor(2);
    std::atomic<long> sum = 0;
    executor.for_each(
        [&](int i) {
            executor.for_each(
                [&](int j) { sum += executor.reduce(std::views::iota(0, i), long{j}, std::plus<>()); },
                tests::numbers(20));
        },
        tests::numbers(20));
    long expected = 0;
    for (int i = 0; i < 20; ++i) {
        for (int j = 0; j < 20; ++j) {
            expected += j + i * (i - 1) / 2;
        }
    }
    CHECK(sum == expected);
}

TEST_CASE("an executor that only submits has for_each and reduce too") {
    tests::inline_executor executor;
    std::vector<int> all = tests::numbers(100);
    executor.for_each([](int& each) { each *= 2; }, all);
    CHECK(executor.reduce(all, 0, std::plus<>()) == 9900);
    CHECK_THROWS_WITH(executor.for_each([](int) { throw std::runtime_error("it fails"); }, all), "it fails");
}

TEST_CASE("a limit of workers that is never needed costs a loop over few elements nothing") {
    futures::thread_pool_executor executor(1 << 22);
    std::atomic<int> sum = 0;
    const auto add = [&sum](int each) { sum += each; };

    SECTION("for_each, where nobody knows their number") {
        executor.for_each(add, std::forward_list{1, 2, 3});
        std::istringstream input("1 2 3");
        executor.for_each(add, std::views::istream<int>(input));
        CHECK(sum == 12);
    }
    SECTION("reduce, where nobody knows their number") {
        auto some = tests::numbers(10) | std::views::filter([](int each) { return each < 3; });
        CHECK(executor.reduce(some, 0, std::plus<>()) == 3);
    }
    SECTION("where their number is known") {
        executor.for_each({.chunksize = 1}, add, tests::numbers(3));
        CHECK(sum == 3);
    }
    CHECK(executor.worker_count() < 100);
}

TEST_CASE("for_each submits a bounded number of tasks to an executor that claims any number of workers") {
    std::latch end{1};
    loops_counting_executor executor;
    const auto busy = executor.submit([&end] { end.wait(); });
    int sum = 0;
    executor.for_each([&sum](int each) { sum += each; }, std::forward_list{1, 2, 3});
    CHECK(sum == 6);
    CHECK(executor.submitted() == 1 + 1'000);
    end.count_down();
}

TEST_CASE("as many threads come to a loop as there are workers, though each is asked for by another") {
    constexpr int workers = 20;
    futures::thread_pool_executor executor(workers);
    std::latch all(workers + 1);
    const auto meet = [&all](int) { all.arrive_and_wait(); };
    const std::vector<int> elements = tests::numbers(workers + 1);

    SECTION("if nobody knows the number of elements") {
        executor.for_each({.chunksize = 1}, meet, std::forward_list(elements.begin(), elements.end()));
    }
    SECTION("if it is known") {
        executor.for_each({.chunksize = 1}, meet, elements);
    }
    CHECK(all.try_wait());
}

TEST_CASE("a worker that joins what another pool's worker runs helps what that waits for") {
    futures::thread_pool_executor outer(1);
    futures::thread_pool_executor inner(1);
    // The first of two calls waits for the worker of `outer`, if the worker of `inner` makes it.
    std::latch both(2);
    const auto call = [&](const std::string& caller) {
        both.arrive_and_wait();
        return futures::this_thread_name() == caller ? 1 : outer.submit([] { return 2; }).result();
    };
    const auto run = [&](auto loop) {
        return outer.submit([&] { return loop(futures::this_thread_name()); }).result();
    };

    SECTION("by invoke") {
        CHECK(run([&](const std::string& caller) {
                  const auto make_call = [&] { return call(caller); };
                  const auto [first, second] = inner.invoke(make_call, make_call);
                  return first + second;
              }) == 3);
    }
    SECTION("by for_each") {
        std::atomic<int> sum = 0;
        run([&](const std::string& caller) {
            inner.for_each(
                {.chunksize = 1}, [&](int) { sum += call(caller); }, tests::numbers(2));
            return 0;
        });
        CHECK(sum == 3);
    }
    SECTION("by reduce") {
        CHECK(run([&](const std::string& caller) {
                  return inner.reduce(tests::numbers(2), 0, std::plus<>(), [&](int) { return call(caller); });
              }) == 3);
    }
}

TEST_CASE("a worker of another pool helps what a joining worker waits for") {
    futures::thread_pool_executor waits(1);
    futures::thread_pool_executor joins(2);
    std::latch both(2);
    const auto call = [&](const std::string& caller) {
        both.arrive_and_wait();
        return futures::this_thread_name() == caller ? 1 : waits.submit([] { return 2; }).result();
    };
    const auto waiting = waits.submit([&] {
        return joins
            .submit([&] {
                const std::string caller = futures::this_thread_name();
                const auto make_call = [&] { return call(caller); };
                const auto [first, second] = joins.invoke(make_call, make_call);
                return first + second;
            })
            .result();
    });
    CHECK(waiting.result() == 3);
}
