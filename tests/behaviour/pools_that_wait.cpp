// SPDX-License-Identifier: MIT

// Workers of several pools wait for each other, whatever it is that they run and wait for.

#include <concurrent/futures.hpp>
#include <coroutine>
#include <functional>
#include <latch>
#include <utility>

#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

using pool = futures::thread_pool_executor<>;

// Has the workers of a pool run its tasks, as an executor of one's own that limits or orders them does.
class relaying_executor : public futures::executor_base<relaying_executor> {
public:
    explicit relaying_executor(pool& runs_them) : runs_them_(runs_them) {}

    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        static_cast<void>(runs_them_.submit(std::move(task)));
        return std::move(future);
    }
    void shutdown(futures::shutdown_options = {}) {}

private:
    pool& runs_them_;
};

futures::Future<int> call_in(pool&, pool& goes_to, std::function<int()> fn) {
    co_await goes_to.schedule();
    co_return fn();
}

futures::Future<int> call_after(futures::Future<void> before, std::function<int()> fn) {
    co_await before;
    co_return fn();
}

futures::Future<int> call_as_task_of(relaying_executor&, std::function<int()> fn) {
    co_return fn();
}

// Suspends a coroutine, and the library isn't told. The test resumes the coroutine by `suspended`.
struct foreign_awaiter {
    std::coroutine_handle<>& suspended;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) const noexcept { suspended = frame; }
    void await_resume() const noexcept {}
};

futures::Future<int> await_foreign(futures::Future<void> before, std::coroutine_handle<>& suspended) {
    co_await before;
    co_await foreign_awaiter{suspended};
    co_return 1;
}

}  // namespace

TEST_CASE("a worker helps what it waits for if that blocks on another pool's worker") {
    pool first(1);
    pool second(1);
    pool third(1);
    relaying_executor relaying(third);
    std::latch waits{1};
    // What the only worker of `second` waits for calls this on the worker of `third`.
    const auto needs_second = [&] {
        waits.wait();
        return second.submit([] { return 1; }).result();
    };
    const auto check_wait_for = [&](auto begin) {
        const auto waiting = second.submit([&] {
            const futures::Future<int> begun = begin();
            waits.count_down();
            return begun.result();
        });
        CHECK(waiting.result() == 1);
    };

    SECTION("a coroutine of a pool that went on there") {
        check_wait_for([&] { return call_in(first, third, needs_second); });
    }
    SECTION("a coroutine without an executor") {
        std::latch begun{1};
        check_wait_for([&] {
            auto coroutine = call_after(third.submit([&] { begun.wait(); }), needs_second);
            begun.count_down();
            return coroutine;
        });
    }
    SECTION("a coroutine of an executor of one's own") {
        check_wait_for([&] { return call_as_task_of(relaying, needs_second); });
    }
    SECTION("a task of an executor of one's own") {
        check_wait_for([&] { return relaying.submit(needs_second); });
    }
    SECTION("a continuation of an executor of one's own") {
        check_wait_for([&] { return first.submit([] {}).then(relaying, needs_second); });
    }
    SECTION("a continuation of a promise's future") {
        futures::Promise<void> promise;
        check_wait_for([&] {
            auto continuation = promise.get_future().then(needs_second);
            static_cast<void>(third.submit([&] { promise.set_result(); }));
            return continuation;
        });
    }
}

TEST_CASE("what a worker runs that its pool doesn't have is told if it waits for itself") {
    pool executor(1);
    pool other(1);
    relaying_executor relaying(executor);
    std::latch has_future{1};
    futures::Future<int> itself;
    const auto waits_for_itself = [&] {
        has_future.wait();
        return itself.result();
    };
    const auto check_told = [&](futures::Future<int> begun) {
        itself = std::move(begun);
        has_future.count_down();
        while (!itself.done()) {
        }
        CHECK_THROWS_AS(itself.result(), futures::invalid_state_error);
    };

    SECTION("a task of an executor of one's own") {
        check_told(relaying.submit(waits_for_itself));
    }
    SECTION("a coroutine of an executor of one's own") {
        check_told(call_as_task_of(relaying, waits_for_itself));
    }
    SECTION("a coroutine of another pool") {
        check_told(call_in(other, executor, waits_for_itself));
    }
    SECTION("a coroutine without an executor") {
        std::latch begun{1};
        auto coroutine = call_after(executor.submit([&] { begun.wait(); }), waits_for_itself);
        begun.count_down();
        check_told(std::move(coroutine));
    }
    itself = {};
}

TEST_CASE("a coroutine that a foreign awaiter has suspended is not taken for one that its last worker runs") {
    std::coroutine_handle<> suspended;
    futures::Promise<void> promise;
    SECTION("the worker waits for it") {
        pool executor(1);
        std::latch begun{1};
        const auto waits = executor.submit([&] {
            const auto coroutine = await_foreign(promise.get_future(), suspended);
            promise.set_result();  // resumes it
            begun.count_down();
            return coroutine.result();
        });
        begun.wait();
        suspended.resume();
        CHECK(waits.result() == 1);
    }
    SECTION("the worker is gone") {
        const auto coroutine = await_foreign(promise.get_future(), suspended);
        pool(1).submit([&] { promise.set_result(); }).result();
        pool executor(1);
        const auto waits = executor.submit([&] { return coroutine.result(); });
        while (!waits.running()) {
        }
        suspended.resume();
        CHECK(waits.result() == 1);
    }
}
