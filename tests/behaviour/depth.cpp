// SPDX-License-Identifier: MIT

// Chains as long as a user's data, of calls that lead to calls: none of them is as deep as it is long.

#include <atomic>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/inline_executor.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

namespace {

// More than the stack has room for, at a hundred bytes each; under ThreadSanitizer it is for the races.
constexpr std::size_t many = tests::often(100'000);

// A chain of promises: when the future of one is done, `next` is called with the one after it.
template <class Next>
std::vector<futures::Promise<int>> chain(Next next) {
    std::vector<futures::Promise<int>> promises(many);
    for (std::size_t index = 0; index + 1 != many; ++index) {
        auto* const following = &promises[index + 1];
        promises[index].get_future().add_done_callback([following, next](const auto&) { next(*following); });
    }
    return promises;
}

struct chain_link {
    futures::Future<chain_link> previous;
};

struct failed_link {
    std::shared_ptr<futures::Future<int>> previous;
};

struct cancels_next {
    futures::Future<void> next;
    explicit cancels_next(futures::Future<void> its_next) : next(std::move(its_next)) {}
    cancels_next(cancels_next&&) = default;
    cancels_next& operator=(cancels_next&&) = delete;
    ~cancels_next() {
        if (next.valid()) {
            next.cancel();
        }
    }
};

// Runs each task at once, but some on a worker; after `left` tasks it refuses them.
class mostly_at_once : public futures::executor_base<mostly_at_once> {
public:
    mostly_at_once(futures::thread_pool_executor<>& pool, std::size_t limit) : left(limit), pool_(pool) {}

    template <class Fn>
    auto submit(Fn fn) {
        if (left == 0) {
            throw std::logic_error("refused");
        }
        auto [task, future] = futures::package(std::move(fn));
        if (--left % (many / 2) == 0) {
            static_cast<void>(pool_.submit(std::move(task)));
        } else {
            task();
        }
        return std::move(future);
    }
    void shutdown(futures::shutdown_options = {}) {}

    std::size_t left;

private:
    futures::thread_pool_executor<>& pool_;
};

// Keeps the last call that was submitted, and runs none.
class keeps_the_last : public futures::executor_base<keeps_the_last> {
public:
    template <class Fn>
    futures::Future<void> submit(Fn fn) {
        last = std::make_shared<Fn>(std::move(fn));
        return {};
    }
    void shutdown(futures::shutdown_options = {}) {}

    std::shared_ptr<void> last;
};

}  // namespace

TEST_CASE("a chain of done callbacks, each of which completes the next future, ends") {
    auto promises = chain([](futures::Promise<int>& next) { next.set_result(1); });
    promises.front().set_result(1);
    CHECK(promises.back().get_future().result() == 1);
}

TEST_CASE("a chain of done callbacks, each of which lets the next future fail, ends") {
    const auto failure = std::make_exception_ptr(std::runtime_error("failed"));
    auto promises = chain([failure](futures::Promise<int>& next) { next.set_exception(failure); });
    promises.front().set_exception(failure);
    std::size_t failed = 0;
    for (const auto& promise : promises) {
        failed += promise.get_future().exception() == failure;
    }
    CHECK(failed == many);
}

TEST_CASE("a chain of done callbacks, each of which cancels the next future, ends") {
    auto promises = chain([](futures::Promise<int>& next) { next.get_future().cancel(); });
    CHECK(promises.front().get_future().cancel());
    CHECK(promises.back().get_future().cancelled());
}

TEST_CASE("a chain of done callbacks, each of which owns the promise of the next future, ends") {
    const tests::captured_log log;  // of failures at which nobody looks
    futures::Promise<int> first;
    futures::Future<int> last = first.get_future();
    for (std::size_t index = 0; index != many; ++index) {
        futures::Promise<int> promise;
        futures::Future<int> future = promise.get_future();
        last.add_done_callback([promise = std::move(promise)](const auto&) {});
        last = std::move(future);
    }
    first.set_result(1);
    CHECK_THROWS_AS(last.result(), futures::broken_promise_error);
    CHECK(log.lines().size() == many - 1);
}

TEST_CASE("a chain of done callbacks, each of which adds one to a future that is done, ends") {
    futures::Promise<void> promise;
    promise.set_result();
    const futures::Future<void> done = promise.get_future();
    std::size_t calls = 0;
    struct again {
        std::size_t* calls;
        void operator()(const futures::Future<void>& future) const {
            if (++*calls != many) {
                future.add_done_callback(*this);
            }
        }
    };
    done.add_done_callback(again{&calls});
    CHECK(calls == many);
}

TEST_CASE("a list of results, each of which holds the future before it, is destroyed") {
    futures::thread_pool_executor executor(1);
    futures::Future<chain_link> last;
    for (std::size_t index = 0; index != many; ++index) {
        last = executor.submit(
            [previous = std::move(last)]() mutable { return chain_link{std::move(previous)}; });
    }
    last.wait();
    last = {};
    executor.shutdown();
}

TEST_CASE("a list of exceptions, each of which holds the future before it, is destroyed and logged") {
    std::atomic<std::size_t> logged = 0;
    const auto before = futures::set_log_handler([&](auto, const auto&) { ++logged; });
    {
        futures::thread_pool_executor executor(1);
        futures::Future<int> last;
        for (std::size_t index = 0; index != many; ++index) {
            auto previous = std::make_shared<futures::Future<int>>(std::move(last));
            last = executor.submit([previous = std::move(previous)]() mutable -> int {
                throw failed_link{std::move(previous)};
            });
        }
        last.wait();
        last = {};
    }
    futures::set_log_handler(before);
    CHECK(logged == many);
}

TEST_CASE("a list of references into captures, each of which holds the future before it, is destroyed") {
    using reference = futures::Future<const std::shared_ptr<void>&>;
    futures::thread_pool_executor executor(1);
    reference last;
    for (std::size_t index = 0; index != many; ++index) {
        auto previous = std::make_shared<reference>(std::move(last));
        last = executor.submit([held = std::shared_ptr<void>(
                                    std::move(previous))]() -> const std::shared_ptr<void>& { return held; });
    }
    last.wait();
    last = {};
    executor.shutdown();
}

TEST_CASE("a list of futures of one reference, each of which holds the future before it, is destroyed") {
    using reference = futures::Future<const int&>;
    futures::thread_pool_executor executor(1);
    reference last = executor.submit([held = 5]() -> const int& { return held; });
    for (std::size_t index = 0; index != 2 * many; ++index) {  // each would take but fifty bytes of the stack
        last = executor.submit([] {}).then([previous = std::move(last)] { return previous; });
    }
    CHECK(last.result() == 5);
    last = {};
    executor.shutdown();
}

TEST_CASE(
    "a list of gathered references into captures, each of which holds the future before it, is destroyed") {
    using captured = std::shared_ptr<void>;
    using gathered = futures::Future<std::vector<std::reference_wrapper<const captured>>>;
    futures::thread_pool_executor executor(1);
    gathered last;
    for (std::size_t index = 0; index != many; ++index) {
        auto previous = std::make_shared<gathered>(std::move(last));
        std::vector<futures::Future<const captured&>> one;
        one.push_back(
            executor.submit([held = captured(std::move(previous))]() -> const captured& { return held; }));
        last = futures::gather(std::move(one));
    }
    last.wait();
    last = {};
    executor.shutdown();
}

TEST_CASE("a chain of tasks, each of which has captured what cancels the next, is cancelled") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const futures::Future<void> last = executor.submit([] {});
    futures::Future<void> next = last;
    for (std::size_t index = 0; index != many; ++index) {
        next = executor.submit([held = cancels_next(std::move(next))] {});
    }
    CHECK(next.cancel());
    CHECK(last.cancelled());
}

TEST_CASE("a chain of packaged tasks, each of which has captured the one before it, is dropped") {
    std::vector<futures::Future<void>> all;
    futures::packaged_task last;
    for (std::size_t index = 0; index != many; ++index) {
        auto [task, future] = futures::package([held = std::move(last)] {});
        last = std::move(task);
        all.push_back(std::move(future));
    }
    last = {};
    std::size_t failed = 0;
    for (const auto& future : all) {
        failed += future.done() && future.exception();
    }
    CHECK(failed == many);
}

TEST_CASE(
    "a chain of continuations that an executor forgets, each of which has captured the call of the one "
    "before it, is dropped") {
    keeps_the_last executor;
    futures::Promise<void> promise;
    promise.set_result();
    const futures::Future<void> done = promise.get_future();
    std::vector<futures::Future<void>> all;
    for (std::size_t index = 0; index != many; ++index) {
        all.push_back(done.then(executor, [held = std::exchange(executor.last, nullptr)] {}));
    }
    executor.last = nullptr;
    std::size_t failed = 0;
    for (const auto& future : all) {
        failed += future.done() && future.exception();
    }
    CHECK(failed == many);
}

TEST_CASE("a callback that completes another future has its callbacks called before it goes on") {
    futures::Promise<int> first;
    futures::Promise<int> second;
    std::string order;
    second.get_future().add_done_callback([&](const auto&) { order += "inner "; });
    first.get_future().add_done_callback([&](const auto&) {
        second.set_result(2);
        order += "outer";
    });
    first.set_result(1);
    CHECK(order == "inner outer");
}

TEST_CASE("the callbacks of one future are called in their order, however deep they are") {
    // Each future has two callbacks, the first of which completes the next.
    constexpr std::size_t length = 1000;
    std::vector<futures::Promise<int>> promises(length);
    std::vector<std::pair<std::size_t, int>> order;
    for (std::size_t index = 0; index != length; ++index) {
        promises[index].get_future().add_done_callback([&, index](const auto&) {
            order.emplace_back(index, 1);
            if (index + 1 != length) {
                promises[index + 1].set_result(1);
            }
        });
        promises[index].get_future().add_done_callback(
            [&, index](const auto&) { order.emplace_back(index, 2); });
    }
    promises[0].set_result(1);
    REQUIRE(order.size() == 2 * length);
    std::vector<int> last(length);
    for (const auto& [index, which] : order) {
        CHECK(last[index] == which - 1);
        last[index] = which;
    }
}

TEST_CASE("whoever waits deep in a chain of callbacks gets what those complete that are still to be called") {
    constexpr std::size_t length = 200;
    std::vector<futures::Promise<int>> promises(length);
    futures::Promise<int> end;
    promises.back().get_future().add_done_callback([&](const auto&) { end.set_result(5); });
    int waited = 0;
    for (std::size_t index = 0; index + 1 != length; ++index) {
        promises[index].get_future().add_done_callback([&, index](const auto&) {
            promises[index + 1].set_result(1);
            if (index % 20 == 0) {
                waited += end.get_future().result();
            }
        });
    }
    promises.front().set_result(1);
    CHECK(waited == 5 * 10);
}

TEST_CASE("a coroutine goes on as many tasks, one after the other, of an executor that runs them at once") {
    futures::thread_pool_executor pool(1);
    mostly_at_once executor(pool, many);
    const auto goes_on = [](mostly_at_once& tasks) -> futures::Future<std::size_t> {
        std::size_t count = 0;
        bool refused = false;
        while (!refused) {
            try {
                co_await tasks.schedule();
                ++count;
            } catch (const std::logic_error&) {
                refused = true;
            }
        }
        tasks.left = 2;
        co_await tasks.schedule();
        co_await tasks.schedule();
        co_return count;
    };
    CHECK(goes_on(executor).result() == many - 1);  // the first task is its start
    CHECK(executor.left == 0);
}

TEST_CASE("a coroutine on top of another's many tasks, and in its memory, goes on by itself") {
    tests::inline_executor executor;
    const auto goes_on = [](int, tests::inline_executor& there,
                            futures::Future<void> before) -> futures::Future<int> {
        co_await before;
        for (int turn = 0; turn != 100; ++turn) {
            co_await there.schedule();
        }
        co_return 1;
    };
    futures::Promise<void> promise;
    int result = 0;
    auto first = goes_on(0, executor, promise.get_future());
    first.add_done_callback([&](futures::Future<int> done) {
        done = {};
        const auto second = goes_on(0, executor, promise.get_future());
        if (second.done()) {
            result = second.result();
        }
    });
    first = {};
    promise.set_result();
    CHECK(result == 1);
}
