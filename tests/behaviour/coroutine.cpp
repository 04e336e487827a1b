// SPDX-License-Identifier: MIT

// Coroutines: what they return and await, where they run, and how they end.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/forgetful_executor.hpp"
#include "support/inline_executor.hpp"
#include "support/refusing_executor.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

// Awaiters that the library doesn't know. Each gives a reference to what it was made of. They have linkage,
// as what is in the frame of a template must have it, to GCC, in a file that is included.
namespace awaiters {

struct immovable {
    explicit immovable(int& given) : value(given) {}
    immovable(const immovable&) = delete;
    immovable& operator=(const immovable&) = delete;
    ~immovable() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] int& await_resume() const noexcept { return value; }

    int& value;
};
struct is_ready : immovable {
    using immovable::immovable;
    [[nodiscard]] std::true_type await_ready() const noexcept { return {}; }  // only converts to bool
    void await_suspend(std::coroutine_handle<>) const noexcept { std::terminate(); }
};
struct resumes_at_once : immovable {
    using immovable::immovable;
    void await_suspend(std::coroutine_handle<> frame) const { frame.resume(); }
};
struct does_not_suspend : immovable {
    using immovable::immovable;
    [[nodiscard]] bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
};
struct transfers_to_itself : immovable {
    using immovable::immovable;
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> frame) const noexcept {
        return frame;
    }
};
struct resumes_in_a_pool : immovable {
    using immovable::immovable;
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> frame) const {
        resumes->submit([frame] { frame.resume(); });
        return true;
    }
    static inline futures::thread_pool_executor<>* resumes = nullptr;
};
struct fails_to_suspend : immovable {
    using immovable::immovable;
    void await_suspend(std::coroutine_handle<>) const { throw std::domain_error("not suspended"); }
};
struct has_member_operator {
    int& value;
    does_not_suspend operator co_await() && { return does_not_suspend(value); }
};
struct has_free_operator {
    int& value;
};
[[nodiscard]] inline resumes_at_once operator co_await(const has_free_operator& awaited) {
    return resumes_at_once(awaited.value);
}

struct hands_over : immovable {
    hands_over(int& given, std::coroutine_handle<>& resumes) : immovable(given), frame(resumes) {}
    void await_suspend(std::coroutine_handle<> suspended) const noexcept { frame = suspended; }
    std::coroutine_handle<>& frame;
};

}  // namespace awaiters

namespace {

using pool = futures::thread_pool_executor<>;

// More than the stack has room for; under ThreadSanitizer it is for the races.
constexpr int many_awaits = tests::under_thread_sanitizer ? 10'000 : 1'000'000;

// Hands its tasks to a pool. Its copies do the same.
class copyable_executor : public futures::executor_base<copyable_executor> {
public:
    explicit copyable_executor(pool& runs_them) : runs_them_(&runs_them) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        return runs_them_->submit(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    pool* runs_them_;
};

template <class T>
futures::Future<T> pass_on(futures::Future<T> awaited) {
    co_return co_await std::move(awaited);
}

template <class T>
futures::Future<T> pass_on_in(pool&, futures::Future<T> awaited) {
    co_return co_await std::move(awaited);
}

futures::Future<int> sum_of_submits(pool& runs_here, pool& runs_them, int count) {
    static_cast<void>(runs_here);
    int sum = 0;
    for (int each = 0; each != count; ++each) {
        sum += co_await runs_them.submit([each] { return each; });
    }
    co_return sum;
}

futures::Future<std::string> name_of_thread(pool&) {
    co_return futures::this_thread_name();
}

// A coroutine of a type that the library doesn't know.
class foreign {
public:
    struct promise_type {
        foreign get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void unhandled_exception() const noexcept { std::terminate(); }
        void return_void() const noexcept {}
    };
};

[[nodiscard]] std::string thread_name_if_same(const int& given, const int& expected) {
    return &given == &expected ? futures::this_thread_name() : "another object";
}

// Awaits three times, and returns the names of the threads on which it went on.
template <class Awaited>
futures::Future<std::vector<std::string>> await_thrice(int& value) {
    std::vector<std::string> names;
    Awaited lvalue{value};
    if constexpr (std::is_same_v<Awaited, awaiters::has_member_operator>) {
        const int& first = co_await std::move(lvalue);
        names.push_back(thread_name_if_same(first, value));
    } else {
        const int& first = co_await lvalue;
        names.push_back(thread_name_if_same(first, value));
    }
    decltype(auto) second = co_await Awaited{value};
    static_assert(std::is_same_v<decltype(second), int&>);
    names.push_back(thread_name_if_same(second, value));
    co_await Awaited{value};
    names.push_back(futures::this_thread_name());
    co_return names;
}

// The same, and it waits each time for what only its worker can run, so that must be known to run it.
template <class Awaited>
futures::Future<std::vector<std::string>> await_thrice_in(pool& executor, int& value) {
    std::vector<std::string> names;
    for (int each = 0; each != 3; ++each) {
        const int& given = co_await Awaited{value};
        executor.submit([] {}).result();
        names.push_back(thread_name_if_same(given, value));
    }
    co_return names;
}

foreign give(futures::Future<std::string> awaited, futures::Promise<std::string> result) {
    try {
        result.set_result(co_await awaited);
    } catch (...) {
        result.set_exception(std::current_exception());
    }
}

}  // namespace

TEST_CASE("a coroutine awaits futures and returns one") {
    pool executor(2);
    CHECK(sum_of_submits(executor, executor, 100).result() == 4950);
    CHECK(pass_on(executor.submit([] { return std::string("text"); })).result() == "text");
    CHECK(*pass_on(executor.submit([] { return std::make_unique<int>(42); })).result() == 42);
    int variable = 0;
    const auto reference = pass_on(executor.submit([&variable]() -> int& { return variable; }));
    static_assert(std::is_same_v<decltype(reference), const futures::Future<int&>>);
    CHECK(&reference.result() == &variable);
    const auto nothing = [](pool& runs, int& changed) -> futures::Future<void> {
        co_await runs.submit([&changed] { changed = 1; });
    };
    nothing(executor, variable).result();
    CHECK(variable == 1);
}

TEST_CASE("an await of an lvalue gives a reference to the result, and of an rvalue the result") {
    pool executor(1);
    const auto shared = executor.submit([] { return std::string("text"); });
    const auto awaits = [](pool&, const futures::Future<std::string>& future) -> futures::Future<bool> {
        decltype(auto) value = co_await future;
        static_assert(std::is_same_v<decltype(value), const std::string&>);
        auto copy = futures::Future<std::string>(future);
        decltype(auto) moved = co_await std::move(copy);
        static_assert(std::is_same_v<decltype(moved), std::string>);
        co_return &value == &future.result() && moved == value;
    };
    CHECK(awaits(executor, shared).result());
}

TEST_CASE("a coroutine whose first parameter is an executor runs there, whatever it awaits") {
    pool executor({.max_workers = 2, .thread_name_prefix = "own"});
    pool other({.max_workers = 1, .thread_name_prefix = "other"});
    CHECK(name_of_thread(executor).result().starts_with("own_"));
    const auto names = [](pool&, pool& elsewhere) -> futures::Future<std::string> {
        std::string all;
        for (int step = 0; step != 3; ++step) {
            all += futures::this_thread_name().substr(0, 3);
            co_await elsewhere.submit([] {});
        }
        co_return all + futures::this_thread_name().substr(0, 3);
    };
    CHECK(names(executor, other).result() == "ownownownown");
    struct service {
        std::string name;
        futures::Future<std::string> greet(pool&, std::string whom) const {
            co_return name + whom + futures::this_thread_name().substr(0, 3);
        }
    };
    const service hello{"hello "};
    CHECK(hello.greet(executor, "you ").result() == "hello you own");
}

TEST_CASE("a coroutine without an executor starts at once, and goes on where its future is completed") {
    pool executor({.max_workers = 1, .thread_name_prefix = "first"});
    std::thread::id started;
    const auto names = [](std::thread::id& start,
                          futures::Future<int> awaited) -> futures::Future<std::string> {
        start = std::this_thread::get_id();
        static_cast<void>(co_await std::move(awaited));
        co_return futures::this_thread_name();
    };
    std::latch go(1);
    const auto name = names(started, executor.submit([&go] {
        go.wait();
        return 1;
    }));
    CHECK(started == std::this_thread::get_id());
    CHECK(name.running());
    go.count_down();
    CHECK(name.result() == "first_0");
}

TEST_CASE("what a coroutine throws arrives, also before it first waits") {
    pool executor(1);
    const auto throws = [](futures::Future<int> awaited, bool at_once) -> futures::Future<int> {
        if (at_once) {
            throw std::runtime_error("at once");
        }
        co_return co_await awaited + 1;
    };
    CHECK_THROWS_WITH(throws({}, true).result(), "at once");
    CHECK_THROWS_WITH(
        throws(executor.submit([]() -> int { throw std::runtime_error("awaited"); }), false).result(),
        "awaited");
    CHECK_THROWS_AS(throws({}, false).result(), futures::invalid_state_error);
    const auto waits = [](futures::Future<int> awaited) -> futures::Future<int> {
        try {
            co_return co_await awaited;
        } catch (const futures::cancelled_error&) {
            co_return -1;
        }
    };
    futures::Promise<int> promise;
    auto future = promise.get_future();
    const auto result = waits(future);
    CHECK(future.cancel());
    CHECK(result.result() == -1);
}

TEST_CASE("a local variable whose destructor throws after co_return lets the coroutine fail") {
    struct bomb {
        ~bomb() noexcept(false) { throw std::runtime_error("late"); }
    };
    const auto returns = []() -> futures::Future<std::string> {
        const bomb local;
        co_return std::string(100, 'x');
    };
    CHECK_THROWS_WITH(returns().result(), "late");
}

TEST_CASE("a coroutine's parameters are destroyed before its future is done") {
    pool executor(1);
    const auto uses = [](pool&, std::shared_ptr<int> parameter) -> futures::Future<int> {
        co_return *parameter;
    };
    for (int round = 0; round != 100; ++round) {
        auto parameter = std::make_shared<int>(round);
        const std::weak_ptr<int> seen = parameter;
        const auto future = uses(executor, std::move(parameter));
        CHECK(future.result() == round);
        CHECK(seen.expired());
    }
}

TEST_CASE("a coroutine that has not started is pending, and cancel() destroys it") {
    pool executor(1);
    const auto uses = [](pool&, std::shared_ptr<int> parameter, bool& ran) -> futures::Future<int> {
        ran = true;
        co_return *parameter;
    };
    bool ran = false;
    std::optional<tests::busy_workers> busy(std::in_place, executor, 1);
    auto parameter = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = parameter;
    const auto future = uses(executor, std::move(parameter), ran);
    CHECK(future.state() == futures::future_state::pending);
    CHECK(future.cancel());
    CHECK(seen.expired());
    busy.reset();
    CHECK_THROWS_AS(future.result(), futures::cancelled_error);
    executor.shutdown();
    CHECK_FALSE(ran);
}

TEST_CASE("a coroutine that has started is running, suspended or not, and can't be cancelled") {
    pool executor(1);
    futures::Promise<int> promise;
    const auto future = pass_on(promise.get_future());
    CHECK(future.running());
    CHECK_FALSE(future.cancel());
    promise.set_result(1);
    CHECK(future.result() == 1);
}

TEST_CASE(
    "request_stop() of a coroutine is passed on to what it awaits, if nobody else has a handle on that") {
    pool executor(1);
    std::optional<tests::busy_workers> busy(std::in_place, executor, 1);
    const auto alone = pass_on(executor.submit([] { return 1; }));
    const auto kept = executor.submit([] { return 2; });
    const auto shared = pass_on(kept);
    CHECK(alone.request_stop());
    CHECK(shared.request_stop());
    busy.reset();
    CHECK_THROWS_AS(alone.result(), futures::cancelled_error);
    CHECK(shared.result() == 2);
    CHECK_FALSE(shared.request_stop());
}

#if defined(__cpp_lib_jthread)
TEST_CASE("request_stop() reaches a coroutine that is awaited, while it goes from executor to executor") {
    pool executor(1);
    pool other(1);
    const auto wanders = [](pool&, pool& elsewhere, std::latch& begun) -> futures::Future<int> {
        const std::stop_token stop = co_await futures::this_stop_token();
        begun.count_down();
        try {
            while (!stop.stop_requested()) {
                co_await elsewhere.schedule();
            }
        } catch (const futures::cancelled_error&) {
            // The stop was passed on to the task as which it was to go on.
        }
        co_return 1;
    };
    const auto awaits = [&](pool& runs, pool& elsewhere, std::latch& begun) -> futures::Future<int> {
        auto inner = wanders(runs, elsewhere, begun);
        co_return co_await std::move(inner);
    };
    for (int round = 0; round != 100; ++round) {
        std::latch begun(1);
        const auto outer = awaits(executor, round % 2 == 0 ? other : executor, begun);
        begun.wait();
        executor.submit([] {}).result();  // the outer coroutine awaits the inner
        outer.request_stop();
        REQUIRE(outer.result() == 1);
    }
}

TEST_CASE("this_stop_token() gives the token that request_stop() signals, before or after") {
    pool executor(1);
    const auto spins = [](pool&) -> futures::Future<bool> {
        const std::stop_token stop = co_await futures::this_stop_token();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
        co_return true;
    };
    const auto spinning = spins(executor);
    while (!spinning.running()) {
        std::this_thread::yield();
    }
    CHECK(spinning.request_stop());
    CHECK(spinning.result());
    const auto asks_late = [](futures::Future<void> go) -> futures::Future<bool> {
        co_await go;
        co_return (co_await futures::this_stop_token()).stop_requested();
    };
    futures::Promise<void> go;
    const auto went = go.get_future();
    const auto asked = asks_late(went);
    CHECK(asked.request_stop());
    go.set_result();
    CHECK(asked.result());
    const auto listed = spins(executor);
    executor.shutdown({.wait = false, .request_stop = true});
    CHECK(listed.result());
}
#endif

TEST_CASE("the scope of an executor waits for the coroutines that started on it") {
    futures::Promise<int> promise;
    futures::Future<int> future;
    std::thread completes;
    {
        pool executor(2);
        future = pass_on_in(executor, promise.get_future());
        while (!future.running()) {
            std::this_thread::yield();
        }
        executor.shutdown({.wait = false, .cancel_futures = true});
        CHECK_THROWS_AS(executor.submit([] {}), futures::executor_shutdown);
        CHECK_THROWS_AS(name_of_thread(executor), futures::executor_shutdown);
        CHECK_FALSE(future.done());
        completes = std::thread([&promise] { promise.set_result(42); });
    }
    CHECK(future.done());
    CHECK(future.result() == 42);
    completes.join();
}

TEST_CASE("shutdown() with cancel_futures doesn't take the next turn of a coroutine") {
    futures::Promise<int> promise;
    futures::Future<int> future;
    pool executor(1);
    future = pass_on_in(executor, promise.get_future());
    while (!future.running()) {
        std::this_thread::yield();
    }
    executor.submit([] {}).result();  // by now it waits
    std::optional<tests::busy_workers> busy(std::in_place, executor, 1);
    promise.set_result(42);  // its turn is queued
    const auto waiting = executor.submit([] {});
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(waiting.cancelled());
    busy.reset();
    CHECK(future.result() == 42);
}

TEST_CASE("a task may wait for a coroutine of its own pool of one, and of others") {
    pool one(1);
    pool other(1);
    const auto waits = [](pool& runs, pool& coroutine, pool& them) {
        return runs.submit([&] { return sum_of_submits(coroutine, them, 100).result(); }).result();
    };
    CHECK(waits(one, one, one) == 4950);
    CHECK(waits(one, one, other) == 4950);
    CHECK(waits(one, other, one) == 4950);
    CHECK(waits(one, other, other) == 4950);
    const auto without = [](pool& them) -> futures::Future<int> {
        co_return co_await them.submit([] { return 1; }) + co_await them.submit([] { return 2; });
    };
    CHECK(one.submit([&] { return without(one).result(); }).result() == 3);
    const auto blocks = [](pool& runs) -> futures::Future<int> {
        co_return runs.submit([] { return 1; }).result() + co_await runs.submit([] { return 2; });
    };
    CHECK(one.submit([&] { return blocks(one).result(); }).result() == 3);
    const auto with_a_limit = [&] { return sum_of_submits(one, one, 100).result(std::chrono::hours(1)); };
    CHECK(one.submit(with_a_limit).result() == 4950);
}

TEST_CASE("a task may wait for several coroutines of its own pool of one in every way") {
    pool one(1);
    pool other(1);
    const auto make = [&] {
        return std::vector{sum_of_submits(one, one, 10), sum_of_submits(one, other, 10),
                           sum_of_submits(other, one, 10)};
    };
    const auto add = [](auto&& all) {
        int sum = 0;
        for (const auto& each : all) {
            sum += each.result();
        }
        return sum;
    };
    CHECK(one.submit([&] { return add(futures::wait(make()).done); }).result() == 135);
    CHECK(
        one.submit([&] {
               const auto all = make();
               return futures::wait(all, {.return_when = futures::return_when::first_completed}).done.size();
           })
            .result() > 0);
    CHECK(one.submit([&] { return add(futures::as_completed(make())); }).result() == 135);
    CHECK(one.submit([&] {
                 futures::completion_queue<int> queue;
                 for (auto& each : make()) {
                     queue.add(std::move(each));
                 }
                 return add(queue);
             })
              .result() == 135);
    CHECK(one.submit([&] { return futures::gather(make()).result().size(); }).result() == 3);
    const auto then = [&] { return make()[1].then([](int value) { return value + 1; }).result(); };
    CHECK(one.submit(then).result() == 46);
}

TEST_CASE("a wait for a coroutine that waits for this very thread throws, and so does its await of itself") {
    pool one(1);
    std::promise<futures::Future<int>> own;
    const auto waits = [](pool&, std::promise<futures::Future<int>>& its_own) -> futures::Future<int> {
        co_return its_own.get_future().get().result();
    };
    auto waiting = waits(one, own);
    own.set_value(waiting);
    CHECK_THROWS_AS(waiting.result(), futures::invalid_state_error);
    std::promise<futures::Future<int>> same;
    const auto awaits = [](pool&, std::promise<futures::Future<int>>& its_own) -> futures::Future<int> {
        co_return co_await its_own.get_future().get();
    };
    auto awaiting = awaits(one, same);
    same.set_value(awaiting);
    CHECK_THROWS_AS(awaiting.result(), futures::invalid_state_error);
}

TEST_CASE("a worker that waits for a task doesn't run what that task only made ready to run") {
    // `first` waits for `second`, which makes something ready that waits for `first`. On top of `first`, that
    // would wait for itself.
    const auto run = [](auto make_ready_later) {
        pool executor(2);
        for (int round = 0; round != 20; ++round) {
            futures::Promise<void> ready;
            std::promise<futures::Future<int>> own;
            std::promise<futures::Future<int>> other;
            const auto later = make_ready_later(executor, ready.get_future(), own.get_future().share());
            std::latch is_ready(1);
            std::latch waits(1);
            const auto first = executor.submit([&] {
                const auto second = other.get_future().get();
                is_ready.wait();
                waits.count_down();
                return second.result();
            });
            other.set_value(executor.submit([&] {
                ready.set_result();
                is_ready.count_down();
                waits.wait();
                const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
                while (std::chrono::steady_clock::now() < end) {
                    std::this_thread::yield();  // time enough for the mistake
                }
                return 1;
            }));
            own.set_value(first);
            CHECK(later.result() == 1);
        }
    };
    using awaited = std::shared_future<futures::Future<int>>;
    run([](pool& executor, const futures::Future<void>& ready, const awaited& first) {
        return ready.then(executor, [first] { return first.get().result(); });
    });
    run([](pool& executor, futures::Future<void> ready, const awaited& first) {
        return [](pool&, futures::Future<void> awaits, awaited blocks_on) -> futures::Future<int> {
            co_await awaits;
            co_return blocks_on.get().result();
        }(executor, std::move(ready), first);
    });
    std::optional<copyable_executor> hands_over;
    run([&](pool& executor, const futures::Future<void>& ready, const awaited& first) {
        hands_over.emplace(executor);
        return ready.then(*hands_over, [first] { return first.get().result(); });
    });
    run([](pool& executor, futures::Future<void> ready, const awaited& first) {
        return
            [](copyable_executor, futures::Future<void> awaits, awaited blocks_on) -> futures::Future<int> {
                co_await awaits;
                co_return blocks_on.get().result();
            }(copyable_executor(executor), std::move(ready), first);
    });
    run([](pool& executor, futures::Future<void> ready, const awaited& first) {
        return [](futures::Future<void> awaits, pool& goes_on, awaited blocks_on) -> futures::Future<int> {
            co_await awaits;
            co_await goes_on.schedule();
            co_return blocks_on.get().result();
        }(std::move(ready), executor, first);
    });
    run([](pool& executor, futures::Future<void> ready, const awaited& first) {
        futures::Promise<int> result;
        auto future = result.get_future();
        [](pool& goes_on, futures::Future<void> awaits, awaited blocks_on,
           futures::Promise<int> sets) -> foreign {
            co_await awaits;
            co_await goes_on.schedule();
            try {
                sets.set_result(blocks_on.get().result());
            } catch (...) {
                sets.set_exception(std::current_exception());
            }
        }(executor, std::move(ready), first, std::move(result));
        return future;
    });
}

TEST_CASE("many awaits of futures that are done take no stack") {
    pool executor(1);
    const auto done = executor.submit([] { return 1; });
    done.wait();
    const auto adds = [](futures::Future<int> each) -> futures::Future<int> {
        int sum = 0;
        for (int step = 0; step != many_awaits; ++step) {
            sum += co_await each;
        }
        co_return sum;
    };
    CHECK(adds(done).result() == many_awaits);
}

TEST_CASE("a long chain of coroutines, each of which awaits the one before, ends, and is left") {
    constexpr int links = many_awaits / 10;
    futures::Promise<int> promise;
    auto last = promise.get_future();
    const auto add = [](futures::Future<int> before) -> futures::Future<int> {
        co_return 1 + co_await std::move(before);
    };
    for (int link = 0; link != links; ++link) {
        last = add(std::move(last));
    }
    promise.set_result(0);
    CHECK(last.result() == links);
    pool executor(2);
    futures::Promise<int> second;
    last = second.get_future();
    const auto add_in = [](pool&, futures::Future<int> before) -> futures::Future<int> {
        co_return 1 + co_await std::move(before);
    };
    for (int link = 0; link != links; ++link) {
        last = add_in(executor, std::move(last));
    }
    second.set_result(0);
    CHECK(executor.submit([&last] { return last.result(); }).result() == links);
}

TEST_CASE("several coroutines, of any type, may await the same future") {
    pool executor(1);
    futures::Promise<std::string> promise;
    const auto future = promise.get_future();
    const auto first = pass_on(future);
    const auto second = pass_on_in(executor, future);
    futures::Promise<std::string> given;
    const auto third = given.get_future();
    give(future, std::move(given));
    promise.set_result("text");
    CHECK(first.result() == "text");
    CHECK(second.result() == "text");
    CHECK(third.result() == "text");
    futures::Promise<std::string> failed;
    const auto fourth = failed.get_future();
    give(executor.submit([]() -> std::string { throw std::runtime_error("failed"); }), std::move(failed));
    CHECK_THROWS_WITH(fourth.result(), "failed");
}

TEST_CASE("awaits work in initializers, in arguments and in loops") {
    pool executor(2);
    const auto computes = [](pool& runs) -> futures::Future<std::string> {
        const auto text = [&runs](std::string value) { return runs.submit([value] { return value; }); };
        const auto add = [](std::string a, const std::string& b) { return std::move(a) + b; };
        std::string all = co_await text("a") + "b";
        if (const std::string next = co_await text("c"); next.size() == 1) {
            all += next;
        }
        all += add(co_await text("d"), co_await text("e"));
        for (const char each : co_await text("fg")) {
            all += each;
        }
        co_return all;
    };
    CHECK(computes(executor).result() == "abcdefg");
}

// GCC 12 miscompiles these in coroutines of any type: awaits that have temporaries, in the condition of a
// statement and between the branches of a conditional expression.
#if defined(__clang__) || !defined(__GNUC__) || __GNUC__ > 12
TEST_CASE("awaits work in conditions") {
    pool executor(2);
    const auto computes = [](pool& runs) -> futures::Future<std::string> {
        const auto text = [&runs](std::string value) { return runs.submit([value] { return value; }); };
        std::string all = co_await text("a") == "a" ? co_await text("b") : co_await text("c");
        while (co_await text("d") == "d") {
            if (co_await text("e") == "e") {
                co_return all + "e";
            }
        }
        co_return all;
    };
    CHECK(computes(executor).result() == "be");
}
#endif

TEST_CASE(
    "a coroutine whose schedule() is cancelled goes on as a task of its own executor, by an exception") {
    pool executor({.max_workers = 1, .thread_name_prefix = "own"});
    pool other(1);
    const auto visits = [](pool&, pool& elsewhere) -> futures::Future<std::string> {
        bool cancelled = false;
        try {
            co_await elsewhere.schedule();
        } catch (const futures::cancelled_error&) {
            cancelled = true;
        }
        co_return futures::this_thread_name() + (cancelled ? " cancelled" : "");
    };
    const tests::busy_workers busy(other, 1);
    const auto stopped = visits(executor, other);
    executor.submit([] {}).result();  // it is on its way
    CHECK(stopped.request_stop());
    CHECK(stopped.result() == "own_0 cancelled");
}

TEST_CASE("co_await schedule() goes on as a task of the executor, in a coroutine of any type") {
    pool executor({.max_workers = 1, .thread_name_prefix = "first"});
    pool other({.max_workers = 1, .thread_name_prefix = "other"});
    const auto visits = [](pool&, pool& elsewhere) -> futures::Future<std::string> {
        std::string all = futures::this_thread_name().substr(0, 5);
        co_await elsewhere.schedule();
        all += futures::this_thread_name().substr(0, 5);
        co_await elsewhere.submit([] {});
        co_return all + futures::this_thread_name().substr(0, 5);
    };
    CHECK(visits(executor, other).result() == "firstotherfirst");
    CHECK(other.submit([&] { return visits(executor, other).result(); }).result() == "firstotherfirst");
    std::promise<std::string> name;
    const auto goes = [](pool& there, std::promise<std::string>& given) -> foreign {
        co_await there.schedule();
        given.set_value(futures::this_thread_name());
    };
    goes(other, name);
    CHECK(name.get_future().get() == "other_0");
    other.shutdown();
    CHECK_THROWS_AS(visits(executor, other).result(), futures::executor_shutdown);
    pool ends(1);
    std::optional<tests::busy_workers> busy(std::in_place, ends, 1);
    const auto dropped = visits(executor, ends);
    executor.submit([] {}).result();
    ends.shutdown({.wait = false, .cancel_futures = true});
    busy.reset();
    CHECK_THROWS_AS(dropped.result(), futures::cancelled_error);
}

namespace {

// Knows which one runs the current task, and counts what it was given.
class counting_executor : public futures::executor_base<counting_executor> {
public:
    // Runs its tasks at once if there is no pool.
    explicit counting_executor(pool* runs_them = nullptr) : runs_them_(runs_them) {}

    template <class Fn>
    auto submit(Fn fn) {
        if (refuses) {
            throw std::domain_error("refused");
        }
        ++submitted;
        auto made = futures::package(std::move(fn));
        auto run = [this, task = std::move(made.task)]() mutable {
            const auto* const outer = std::exchange(current, this);
            task();
            current = outer;
        };
        if (runs_them_) {
            static_cast<void>(runs_them_->submit(std::move(run)));
        } else {
            run();
        }
        return std::move(made.future);
    }
    void shutdown(futures::shutdown_options = {}) {}

    [[nodiscard]] bool runs_here() const noexcept { return current == this; }

    std::atomic<bool> refuses = false;
    std::atomic<int> submitted = 0;

private:
    static inline thread_local const counting_executor* current = nullptr;

    pool* runs_them_;
};

}  // namespace

TEST_CASE("a coroutine that has left its executor by schedule() comes home, even to what is done") {
    pool executor({.max_workers = 1, .thread_name_prefix = "own"});
    pool other({.max_workers = 1, .thread_name_prefix = "other"});
    const auto done = executor.submit([] { return 1; });
    done.wait();
    // Goes to another executor, awaits there what `make(elsewhere)` gives, and returns the names of the
    // threads on which it went on.
    const auto come_home = [](pool&, pool& elsewhere, auto make) -> futures::Future<std::string> {
        co_await elsewhere.schedule();
        std::string names = futures::this_thread_name();
        std::string failed;
        try {
            co_await make(elsewhere);
        } catch (const std::exception&) {
            failed = " failed";
        }
        co_return names + ' ' + futures::this_thread_name() + failed;
    };
    const auto ends_at_home = [&](auto make) { return come_home(executor, other, make).result(); };
    const std::string home = "other_0 own_0";
    CHECK(ends_at_home([&](pool&) -> const futures::Future<int>& { return done; }) == home);
    CHECK(ends_at_home([&](pool&) { return futures::Future<int>(done); }) == home);
    CHECK(ends_at_home([](pool&) { return futures::gather(std::vector<futures::Future<int>>()); }) == home);
    CHECK(ends_at_home([&](pool&) { return futures::gather(done, done); }) == home);
    CHECK(ends_at_home([](pool&) {
              futures::Promise<void> broken;
              return broken.get_future();
          }) == home + " failed");
    futures::task_group group(other);
    const auto get_group = [&](pool&) -> futures::task_group<>& { return group; };
    CHECK(ends_at_home(get_group) == home);
    group.submit([] {}).wait();
    CHECK(ends_at_home(get_group) == home);
    group.submit([] { throw std::runtime_error("bad luck"); }).wait();
    CHECK(ends_at_home(get_group) == home + " failed");
    SECTION("even if its worker waits for it") {
        const auto waits = executor.submit(
            [&] { return ends_at_home([&](pool&) -> const futures::Future<int>& { return done; }); });
        CHECK(waits.result() == home);
    }
    SECTION("also to what will be done") {
        futures::Promise<void> promise;
        const auto waits = come_home(executor, other, [&](pool&) { return promise.get_future(); });
        while (!waits.running()) {
            std::this_thread::yield();
        }
        other.submit([] {}).wait();
        promise.set_result();
        CHECK(waits.result() == home);
        CHECK(ends_at_home([](pool& elsewhere) { return elsewhere.submit([] {}); }) == home);
    }
    SECTION("from schedule() too, if that fails or is dropped") {
        pool ended(1);
        ended.shutdown();
        CHECK(ends_at_home([&](pool&) { return ended.schedule(); }) == home + " failed");
        tests::forgetful_executor forgetting;
        CHECK(ends_at_home([&](pool&) { return forgetting.schedule(); }) == home + " failed");
    }
    SECTION("but not from schedule() of the same executor, or before it awaits") {
        CHECK(ends_at_home([](pool& elsewhere) { return elsewhere.schedule(); }) == "other_0 other_0");
        const auto twice = [](pool& own, pool& elsewhere,
                              const futures::Future<int>& awaited) -> futures::Future<std::string> {
            co_await elsewhere.schedule();
            co_await elsewhere.schedule();
            std::string names = futures::this_thread_name();
            co_await awaited;
            names += ' ' + futures::this_thread_name();
            co_await elsewhere.schedule();
            co_await own.schedule();
            names += ' ' + futures::this_thread_name();
            co_await awaited;
            co_return names + ' ' + futures::this_thread_name();
        };
        CHECK(twice(executor, other, done).result() == "other_0 own_0 own_0 own_0");
    }
#if defined(__cpp_lib_jthread)
    SECTION("but not to get a stop token") {
        CHECK(ends_at_home([](pool&) { return futures::this_stop_token(); }) == "other_0 other_0");
    }
#endif
    SECTION("also to what the library doesn't know, unless that throws") {
        awaiters::resumes_in_a_pool::resumes = &other;
        int value = 0;
        CHECK(ends_at_home([&](pool&) { return awaiters::is_ready(value); }) == home);
        CHECK(ends_at_home([&](pool&) { return awaiters::resumes_at_once(value); }) == home);
        CHECK(ends_at_home([&](pool&) { return awaiters::does_not_suspend(value); }) == home);
        CHECK(ends_at_home([&](pool&) { return awaiters::transfers_to_itself(value); }) == home);
        CHECK(ends_at_home([&](pool&) { return awaiters::resumes_in_a_pool(value); }) == home);
        CHECK(ends_at_home([](pool&) { return std::suspend_never(); }) == home);
        CHECK(ends_at_home([&](pool&) { return awaiters::fails_to_suspend(value); }) ==
              "other_0 other_0 failed");
    }
}

TEST_CASE("a coroutine comes home to an executor that is shut down meanwhile") {
    const bool cancels = GENERATE(false, true);
    pool executor({.max_workers = 1, .thread_name_prefix = "own"});
    pool other(1);
    std::latch is_away(1);
    std::latch is_shut_down(1);
    const auto waits = [](pool&, pool& elsewhere, std::latch& arrived,
                          std::latch& until) -> futures::Future<std::string> {
        co_await elsewhere.schedule();
        arrived.count_down();
        until.wait();
        co_await futures::gather(std::vector<futures::Future<int>>());
        co_return futures::this_thread_name();
    };
    const auto coroutine = waits(executor, other, is_away, is_shut_down);
    is_away.wait();
    executor.shutdown({.wait = false, .cancel_futures = cancels});
    is_shut_down.count_down();
    CHECK(coroutine.result() == "own_0");
}

TEST_CASE("a coroutine leaves executors of one's own, and comes home to them") {
    pool runs_both(1);
    counting_executor home(GENERATE(false, true) ? &runs_both : nullptr);
    counting_executor abroad(GENERATE(false, true) ? &runs_both : nullptr);
    futures::Promise<int> promise;
    promise.set_result(1);
    const auto done = promise.get_future();
    const auto travels = [](counting_executor& own, counting_executor& elsewhere,
                            const futures::Future<int>& awaited) -> futures::Future<bool> {
        co_await awaited;
        bool as_expected = own.runs_here() && own.submitted == 1;  // without another turn
        co_await elsewhere.schedule();
        as_expected = as_expected && elsewhere.runs_here() && own.submitted == 1;
        co_await awaited;
        as_expected = as_expected && own.runs_here() && own.submitted == 2;
        co_await awaited;
        as_expected = as_expected && own.runs_here() && own.submitted == 2;
        co_await elsewhere.schedule();
        co_await elsewhere.schedule();
        as_expected = as_expected && elsewhere.runs_here() && own.submitted == 2;
        co_await own.schedule();
        as_expected = as_expected && own.runs_here() && own.submitted == 3;
        co_await awaited;
        co_return as_expected&& own.runs_here() && own.submitted == 3 && elsewhere.submitted == 3;
    };
    CHECK(travels(home, abroad, done).result());
}

TEST_CASE("a coroutine leaves a strand of its own pool when it awaits what is done") {
    pool executor(1);
    counting_executor strand(&executor);
    const auto leaves = [](pool&, counting_executor& elsewhere) -> futures::Future<bool> {
        co_await elsewhere.schedule();
        const bool was_there = elsewhere.runs_here();
        co_await futures::gather(std::vector<futures::Future<int>>());
        co_return was_there && !elsewhere.runs_here();
    };
    CHECK(leaves(executor, strand).result());
}

TEST_CASE("a coroutine fails if its executor refuses it when it comes home to what is done") {
    counting_executor home;
    pool other(1);
    const auto travels = [](counting_executor& own, pool& elsewhere,
                            std::shared_ptr<int>) -> futures::Future<void> {
        co_await elsewhere.schedule();
        own.refuses = true;
        co_await futures::gather(std::vector<futures::Future<int>>());
    };
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> in_frame = held;
    const auto refused = travels(home, other, std::move(held));
    CHECK_THROWS_AS(refused.result(), std::domain_error);
    CHECK(in_frame.expired());
}

TEST_CASE("many trips to another executor and home to what is done take no stack") {
    pool executor(1);
    counting_executor home;
    counting_executor abroad;
    constexpr int trips = many_awaits / 10;
    const auto travels = [](auto&, auto& elsewhere, int count) -> futures::Future<int> {
        futures::Promise<int> promise;
        promise.set_result(1);
        const auto done = promise.get_future();
        int sum = 0;
        for (int each = 0; each != count; ++each) {
            co_await elsewhere.schedule();
            sum += co_await done;
        }
        co_return sum;
    };
    CHECK(travels(home, abroad, trips).result() == trips);
    CHECK(travels(executor, abroad, trips).result() == trips);
    CHECK(travels(home, executor, trips).result() == trips);
}

namespace {

futures::Future<int> await_group(futures::task_group<>& group, std::string* name = nullptr) {
    try {
        co_await group;
    } catch (const std::runtime_error&) {
        co_return -1;
    }
    if (name) {
        *name = futures::this_thread_name();
    }
    co_return 1;
}

// Submits `count` tasks, each of which submits another.
futures::Future<int> count_in_group(pool&, pool& runs_them, int count) {
    std::atomic<int> ran = 0;
    futures::task_group group(runs_them);
    for (int each = 0; each != count; ++each) {
        group.submit([&] {
            group.submit([&ran] { ++ran; });
            ++ran;
        });
    }
    co_await group;
    co_return ran.load();
}

// Its first task is one pool's, and all others are another's.
struct first_elsewhere {
    template <class Fn>
    auto submit(Fn&& fn) {
        return std::exchange(next, &others)->submit(std::forward<Fn>(fn));
    }
    pool& others;
    pool* next;
};

}  // namespace

TEST_CASE("co_await group goes on when all tasks are done, and the group may be used again") {
    pool executor({.max_workers = 2, .thread_name_prefix = "own"});
    pool other(2);
    CHECK(count_in_group(executor, executor, 100).result() == 200);
    CHECK(count_in_group(executor, other, 100).result() == 200);
    const auto uses = [](pool&, pool& them) -> futures::Future<std::string> {
        futures::task_group group(them);
        co_await group;  // has no task
        std::string all;
        for (int round = 0; round != 3; ++round) {
            const auto task = group.submit([] { return std::string("x"); });
            co_await group;
            all += (task.done() ? task.result() : "?") + futures::this_thread_name().substr(0, 3);
        }
        co_return all;
    };
    CHECK(uses(executor, other).result() == "xownxownxown");
}

TEST_CASE("co_await group rethrows the first failure once, and cancels what has not started") {
    const tests::captured_log log;
    pool executor(1);
    const auto uses = [](pool& runs) -> futures::Future<int> {
        futures::task_group group(runs);
        int failures = 0;
        const auto bad = group.submit([] { throw std::runtime_error("bad luck"); });
        const auto waiting = group.submit([] {});
        try {
            co_await group;
        } catch (const std::runtime_error&) {
            failures = waiting.cancelled() && bad.done() ? 1 : 100;
        }
        co_await group;
        group.cancel();
        failures += group.submit([] {}).cancelled() ? 10 : 0;
        co_await group;
        co_return failures + group.submit([] { return 100; }).result();
    };
    CHECK(uses(executor).result() == 111);
    const auto fails = [](pool& runs) -> futures::Future<void> {
        futures::task_group group(runs);
        group.submit([] { throw std::runtime_error("bad luck"); });
        co_await group;
    };
    CHECK_THROWS_WITH(fails(executor).result(), "bad luck");
    CHECK(log.lines().empty());
}

TEST_CASE("of several coroutines that await a group, one gets the failure") {
    pool executor(1);
    tests::busy_workers busy(executor);
    futures::task_group group(executor);
    group.submit([] { throw std::runtime_error("bad luck"); });
    const auto first = await_group(group);
    const auto second = await_group(group);
    CHECK(first.running());
    busy.release();
    CHECK(first.result() + second.result() == 0);
    group.wait();
}

TEST_CASE("a coroutine without an executor that awaits a group goes on where the last task has ended") {
    pool executor({.max_workers = 1, .thread_name_prefix = "last"});
    tests::busy_workers busy(executor);
    futures::task_group group(executor);
    group.submit([] {});
    group.submit([] {});
    std::string name;
    const auto coroutine = await_group(group, &name);
    futures::Promise<std::string> given;
    const auto foreign_name = given.get_future();
    const auto gives = [](futures::task_group<>& awaited, futures::Promise<std::string> result) -> foreign {
        co_await awaited;
        result.set_result(futures::this_thread_name());
    };
    gives(group, std::move(given));
    busy.release();
    CHECK(coroutine.result() == 1);
    CHECK(name == "last_0");
    CHECK(foreign_name.result() == "last_0");
}

TEST_CASE("request_stop() of a coroutine that awaits a group cancels the group, which still ends first") {
    pool executor(2);
    std::latch begun(1);
    std::latch go(1);
    futures::task_group group(executor);
    const auto running = group.submit([&] {
        begun.count_down();
        go.wait();
    });
    begun.wait();
    std::optional<tests::busy_workers> busy(std::in_place, executor, 1);
    const auto waiting = group.submit([] {});
    const auto coroutine = await_group(group);
    CHECK(coroutine.request_stop());
    CHECK(waiting.cancelled());
    CHECK(coroutine.running());
    CHECK(group.submit([] {}).cancelled());
    go.count_down();
    CHECK(coroutine.result() == 1);
    CHECK(running.state() == futures::future_state::finished);
    busy.reset();
    CHECK(group.submit([] { return 2; }).result() == 2);
}

TEST_CASE("a task may wait in every way for a coroutine that awaits a group of its own pool of one") {
    pool one(1);
    pool other(1);
    for (pool* const coroutine : {&one, &other}) {
        for (pool* const them : {&one, &other}) {
            const auto make = [&] { return count_in_group(*coroutine, *them, 10); };
            CHECK(one.submit([&] { return make().result(); }).result() == 20);
            CHECK(one.submit([&] { return make().result(std::chrono::hours(1)); }).result() == 20);
            CHECK(one.submit([&] {
                         return futures::wait(std::vector{make(), make()}).done.size();
                     })
                      .result() == 2);
            CHECK(one.submit([&] {
                         int sum = 0;
                         for (auto future : futures::as_completed(std::vector{make(), make()})) {
                             sum += future.result();
                         }
                         return sum;
                     })
                      .result() == 40);
            CHECK(one.submit([&] {
                         futures::task_group group(one);
                         const auto task = group.submit([&] { return make().result(); });
                         return await_group(group).result() + task.result();
                     })
                      .result() == 21);
        }
    }
}

TEST_CASE("a worker that waits for a coroutine wakes for what is submitted to the group that this awaits") {
    pool one(1);
    pool other(1);
    std::latch begun(1);
    std::latch go(1);
    first_elsewhere executor{one, &other};
    futures::task_group group(executor);
    group.submit([&go] { go.wait(); });
    const auto awaits = [](auto& awaited) -> futures::Future<int> {
        co_await awaited;
        co_return 1;
    };
    const auto coroutine = awaits(group);
    const auto waits = one.submit([&] {
        begun.count_down();
        return coroutine.result();
    });
    begun.wait();
    for (int each = 0; each != 100; ++each) {
        group.submit([] {}).wait();  // only the worker that waits can run it
    }
    go.count_down();
    CHECK(waits.result() == 1);
}

TEST_CASE("a worker that waits for a coroutine looks at each task of the group that this awaits once") {
    constexpr int tasks = many_awaits / 20;  // too many for a look at each for each
    pool one(1);
    const auto waits = one.submit([&one] {
        futures::task_group group(one);
        std::vector<futures::Future<void>> kept;
        for (int each = 0; each != tasks; ++each) {
            kept.push_back(group.submit([&group] { group.submit([] {}); }));
        }
        return await_group(group).result();
    });
    CHECK(waits.result() == 1);
}

TEST_CASE("a task that waits for a coroutine that awaits the task's group is told so") {
    pool one(1);
    futures::task_group group(one);
    std::promise<futures::Future<int>> given;
    const auto task = group.submit([&given] { return given.get_future().get().result(); });
    const auto coroutine = await_group(group);
    given.set_value(coroutine);
    CHECK_THROWS_AS(task.result(), futures::invalid_state_error);
    coroutine.wait();
}

TEST_CASE("a coroutine that awaits a group may be left, and so may the group") {
    const tests::captured_log log;
    pool executor(1);
    tests::busy_workers busy(executor);
    {
        futures::task_group group(executor);
        group.submit([] { throw std::runtime_error("bad luck"); });
        static_cast<void>(await_group(group));
        busy.release();
    }
    CHECK(log.lines().empty());
}

TEST_CASE("a coroutine may run on an executor of any kind") {
    tests::inline_executor executor;
    pool other(1);
    const auto adds = [](tests::inline_executor&, pool& them) -> futures::Future<int> {
        co_return co_await them.submit([] { return 1; }) + co_await them.submit([] { return 2; });
    };
    CHECK(adds(executor, other).result() == 3);
}

TEST_CASE("then fails after a coroutine that took its executor of one's own by value") {
    pool runs(1);
    copyable_executor executor(runs);
    const auto add_one = [](int x) { return x + 1; };
    const auto check_executor_is_gone = [&](const futures::Future<int>& coroutine) {
        const auto next = coroutine.then(add_one);
        CHECK_THROWS_AS(next.result(), futures::executor_shutdown);
        CHECK_THROWS_AS(coroutine.then(add_one).result(), futures::executor_shutdown);
        CHECK_THROWS_AS(next.then(add_one).result(), futures::executor_shutdown);
        CHECK(coroutine.result() == 1);
        CHECK(coroutine.then(executor, add_one).then(add_one).result() == 3);
    };
    const auto by_value = [](copyable_executor by, futures::Future<int> awaited) -> futures::Future<int> {
        co_return co_await awaited* co_await by.submit([] { return 1; });
    };
    futures::Promise<int> promise;
    SECTION("and has ended") {
        promise.set_result(1);
        const auto coroutine = by_value(executor, promise.get_future());
        coroutine.wait();
        check_executor_is_gone(coroutine);
    }
    SECTION("and will end") {
        const auto coroutine = by_value(executor, promise.get_future());
        const auto next = coroutine.then(add_one);
        promise.set_result(1);
        CHECK_THROWS_AS(next.result(), futures::executor_shutdown);
        check_executor_is_gone(coroutine);
    }
    SECTION("in a member function") {
        struct service {
            futures::Future<int> serve(copyable_executor) const { co_return 1; }
        };
        check_executor_is_gone(service().serve(executor));
    }
    SECTION("but a failure passes by, as it is") {
        const auto coroutine = by_value(executor, promise.get_future());
        promise.set_exception(std::make_exception_ptr(std::domain_error("failed")));
        CHECK_THROWS_AS(coroutine.then(add_one).result(), std::domain_error);
    }
    SECTION("but not if it took the executor by reference") {
        const auto by_reference = [](copyable_executor&) -> futures::Future<int> { co_return 1; };
        CHECK(by_reference(executor).then(add_one).result() == 2);
    }
}

TEST_CASE("then fails after a coroutine whose pool is gone") {
    std::optional<pool> executor(std::in_place, 1);
    const auto coroutine = pass_on_in(*executor, executor->submit([] { return 1; }));
    executor.reset();
    CHECK(coroutine.result() == 1);
    CHECK_THROWS_AS(coroutine.then([](int x) { return x; }).result(), futures::executor_shutdown);
}

TEST_CASE("an executor of one's own drops turns of a coroutine, and the log handler isn't told, too") {
    const tests::captured_log log;
    tests::forgetful_executor forgetting;
    pool executor(1);
    const auto begins = [](tests::forgetful_executor&) -> futures::Future<int> { co_return 1; };
    CHECK_THROWS_AS(begins(forgetting).result(), futures::broken_promise_error);
    const auto visits = [](pool&, tests::forgetful_executor& elsewhere) -> futures::Future<int> {
        co_await elsewhere.schedule();
        co_return 1;
    };
    CHECK_THROWS_AS(visits(executor, forgetting).result(), futures::cancelled_error);
    CHECK(log.lines().empty());
}

TEST_CASE(
    "an executor of one's own makes tasks of turns and refuses them, and the log handler isn't told, too") {
    const tests::captured_log log;
    tests::refusing_executor refusing;
    pool executor(1);
    const auto begins = [](tests::refusing_executor&) -> futures::Future<int> { co_return 1; };
    CHECK_THROWS_AS(begins(refusing).result(), std::logic_error);
    const auto visits = [](pool&, tests::refusing_executor& elsewhere) -> futures::Future<int> {
        co_await elsewhere.schedule();
        co_return 1;
    };
    CHECK_THROWS_AS(visits(executor, refusing).result(), std::logic_error);
    CHECK(log.lines().empty());
}

TEST_CASE("an executor of one's own queues or runs a turn of a coroutine, and throws nevertheless") {
    const tests::captured_log log;
    SECTION("what it has queued isn't run any more") {
        tests::throwing_executor executor(false);
        const auto begins = [](tests::throwing_executor&) -> futures::Future<int> { co_return 1; };
        const auto goes_on = [](tests::throwing_executor& there) -> futures::Future<int> {
            co_await there.schedule();
            co_return 1;
        };
        CHECK_THROWS_AS(begins(executor).result(), std::logic_error);
        CHECK_THROWS_AS(goes_on(executor).result(), std::logic_error);
        CHECK(executor.run_all() == 2);
        CHECK(log.lines().empty());
    }
    SECTION("what it has run is done, and the log handler is told") {
        tests::throwing_executor executor(true);
        const auto one = [](pool&, tests::throwing_executor& there) -> futures::Future<int> {
            co_await there.schedule();
            co_return 1;
        };
        pool other(1);
        CHECK(one(other, executor).result() == 1);
        other.submit([] {}).wait();  // after the turn in which it was logged
        CHECK(log.lines() ==
              std::vector<std::string>{"an executor has run a task, and has thrown nevertheless: refused"});
    }
}

TEST_CASE("a coroutine on a pool whose initializer fails fails too, when it is to go on") {
    const tests::captured_log log;
    std::latch submitted(1);
    std::latch first_works(1);
    std::atomic<int> threads = 0;
    futures::Promise<int> promise;
    futures::Future<int> suspended;
    {
        pool executor({.max_workers = 2, .initializer = [&] {
                           if (threads++ == 1) {
                               submitted.wait();
                               throw std::runtime_error("no database");
                           }
                       }});
        suspended = pass_on_in(executor, promise.get_future());
        while (!suspended.running()) {
            std::this_thread::yield();
        }
        std::vector<futures::Future<void>> blocked;
        for (int each = 0; each != 2; ++each) {
            blocked.push_back(executor.submit([&first_works] { first_works.wait(); }));
        }
        submitted.count_down();
        while (log.lines().empty()) {
            std::this_thread::yield();
        }
        promise.set_result(1);
        CHECK_THROWS_AS(suspended.result(), futures::broken_thread_pool);
        first_works.count_down();
    }
}

TEST_CASE("a coroutine awaits what the library doesn't know") {
    pool executor({.max_workers = 1, .thread_name_prefix = "own"});
    pool other({.max_workers = 1, .thread_name_prefix = "other"});
    awaiters::resumes_in_a_pool::resumes = &other;
    int value = 0;
    SECTION("with an executor, it always goes on as a task of that") {
        const std::vector<std::string> own(3, "own_0");
        CHECK(await_thrice_in<awaiters::is_ready>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::resumes_at_once>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::does_not_suspend>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::transfers_to_itself>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::resumes_in_a_pool>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::has_member_operator>(executor, value).result() == own);
        CHECK(await_thrice_in<awaiters::has_free_operator>(executor, value).result() == own);
        CHECK_THROWS_AS(await_thrice_in<awaiters::fails_to_suspend>(executor, value).result(),
                        std::domain_error);
    }
    SECTION("without one, it goes on where it is resumed") {
        const std::vector<std::string> here(3);
        CHECK(await_thrice<awaiters::is_ready>(value).result() == here);
        CHECK(await_thrice<awaiters::resumes_at_once>(value).result() == here);
        CHECK(await_thrice<awaiters::does_not_suspend>(value).result() == here);
        CHECK(await_thrice<awaiters::transfers_to_itself>(value).result() == here);
        CHECK(await_thrice<awaiters::resumes_in_a_pool>(value).result() ==
              std::vector<std::string>(3, "other_0"));
        CHECK(await_thrice<awaiters::has_member_operator>(value).result() == here);
        CHECK(await_thrice<awaiters::has_free_operator>(value).result() == here);
        CHECK_THROWS_AS(await_thrice<awaiters::fails_to_suspend>(value).result(), std::domain_error);
    }
}

TEST_CASE("a coroutine of a pool goes on by an exception if what would resume it is destroyed") {
    pool executor(1);
    int value = 0;
    std::coroutine_handle<> frame;
    const auto waits = [](pool&, int& given, std::coroutine_handle<>& resumes) -> futures::Future<int> {
        co_return co_await awaiters::hands_over(given, resumes);
    };
    const auto dropped = waits(executor, value, frame);
    executor.submit([] {}).result();
    REQUIRE(dropped.running());
    frame.destroy();
    CHECK_THROWS_AS(dropped.result(), futures::cancelled_error);
    CHECK(dropped.state() == futures::future_state::finished);
}

TEST_CASE("a coroutine that an awaiter failed to suspend still runs on its worker") {
    pool executor(1);
    int value = 1;
    std::optional<futures::Future<int>> itself;
    std::latch stored(1);
    const auto waits_for_itself = [](pool&, int& given, std::optional<futures::Future<int>>& own,
                                     std::latch& until) -> futures::Future<int> {
        until.wait();
        try {
            co_await awaiters::fails_to_suspend(given);
        } catch (const std::domain_error&) {
            given = 2;
        }
        co_return own->result();
    };
    itself = waits_for_itself(executor, value, itself, stored);
    stored.count_down();
    CHECK_THROWS_AS(itself->result(), futures::invalid_state_error);
    CHECK(value == 2);
}
