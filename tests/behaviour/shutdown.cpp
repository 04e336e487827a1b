// SPDX-License-Identifier: MIT

// shutdown() and destruction.

#include <atomic>
#include <concurrent/futures.hpp>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

TEST_CASE("shutdown() runs what was submitted and returns when it has") {
    futures::thread_pool_executor executor(2);
    std::atomic<int> ran = 0;
    for (int i = 0; i < 1000; ++i) {
        executor.submit([&] { ++ran; });
    }
    executor.shutdown();
    CHECK(ran == 1000);
}

TEST_CASE("shutdown() may be called again, and before anything was submitted") {
    futures::thread_pool_executor executor(2);
    executor.shutdown();
    executor.shutdown();
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(executor.worker_count() == 0);
}

TEST_CASE("shutdown({.cancel_futures = true}) cancels what waits and lets run what runs") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    std::vector<futures::Future<void>> waiting;
    for (int i = 0; i < 1000; ++i) {
        waiting.push_back(executor.submit([] {}));
    }
    CHECK(executor.pending_count() == 1000);
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(executor.pending_count() == 0);
    for (const auto& future : waiting) {
        REQUIRE(future.cancelled());
    }
    CHECK(busy.task().running());
    busy.release();
    CHECK_NOTHROW(busy.task().result());
}

TEST_CASE(
    "shutdown({.wait = false}) returns at once; what was submitted runs before the destructor returns") {
    std::atomic<int> ran = 0;
    futures::Future<void> last;
    {
        futures::thread_pool_executor executor(1);
        tests::busy_workers busy(executor);
        for (int i = 0; i < 100; ++i) {
            last = executor.submit([&] { ++ran; });
        }
        executor.shutdown({.wait = false});
        CHECK(ran == 0);
        CHECK_THROWS_AS(executor.submit([] {}), futures::executor_shutdown);
    }
    CHECK(ran == 100);
    CHECK(last.done());
}

TEST_CASE("the destructor runs 100,000 waiting tasks") {
    std::atomic<int> ran = 0;
    {
        futures::thread_pool_executor executor(2);
        tests::busy_workers busy(executor, 2);
        for (int i = 0; i < 100'000; ++i) {
            executor.submit([&] { ++ran; });
        }
    }
    CHECK(ran == 100'000);
}

TEST_CASE("shutdown() from a task of the pool doesn't wait for itself, and the rest still runs") {
    std::atomic<int> ran = 0;
    {
        futures::thread_pool_executor executor(2);
        tests::busy_workers busy(executor, 2);
        executor.submit([&] { executor.shutdown(); });
        for (int i = 0; i < 100; ++i) {
            executor.submit([&] { ++ran; });
        }
    }
    CHECK(ran == 100);
}

TEST_CASE("shutdown() from two threads and the destructor's at once") {
    for (int round = 0; round < 200; ++round) {
        std::atomic<int> ran = 0;
        {
            futures::thread_pool_executor executor(2);
            for (int i = 0; i < 20; ++i) {
                executor.submit([&] { ++ran; });
            }
            std::latch start(2);
            std::atomic<int> complete = 0;
            const auto shut_down = [&] {
                start.arrive_and_wait();
                executor.shutdown();
                complete += ran == 20;  // each returns only when everything has run
            };
            std::thread first(shut_down);
            std::thread second(shut_down);
            first.join();
            second.join();
            REQUIRE(complete == 2);
        }
    }
}

TEST_CASE("submit() races shutdown(): every future is done, or its submit threw; nothing is lost") {
    for (int threads = 1; threads <= 8; ++threads) {
        for (int round = 0; round < 20; ++round) {
            std::atomic<int> accepted = 0;
            std::atomic<int> ran = 0;
            std::atomic<int> unfinished = 0;
            {
                futures::thread_pool_executor executor(2);
                std::latch start(threads + 1);
                std::vector<std::thread> submitting;
                for (int i = 0; i < threads; ++i) {
                    submitting.emplace_back([&] {
                        std::vector<futures::Future<void>> mine;
                        start.arrive_and_wait();
                        try {
                            for (;;) {
                                mine.push_back(executor.submit([&] { ++ran; }));
                                ++accepted;
                            }
                        } catch (const futures::executor_shutdown&) {
                            for (const auto& future : mine) {
                                future.wait();
                                unfinished += future.state() != futures::future_state::finished;
                            }
                        }
                    });
                }
                start.arrive_and_wait();
                executor.shutdown({.wait = round % 2 == 0});
                for (auto& thread : submitting) {
                    thread.join();
                }
            }
            REQUIRE(unfinished == 0);
            REQUIRE(ran == accepted);
        }
    }
}

TEST_CASE("a task that submits for ever ends with the executor") {
    std::atomic<int> ran = 0;
    std::atomic<int> refused = 0;
    {
        futures::thread_pool_executor executor(2);
        struct resubmit {
            void operator()() const {
                ++*ran;
                try {
                    executor->submit(*this);
                } catch (const futures::executor_shutdown&) {
                    ++*refused;
                }
            }
            futures::thread_pool_executor<>* executor;
            std::atomic<int>* ran;
            std::atomic<int>* refused;
        };
        executor.submit(resubmit{&executor, &ran, &refused});
        while (ran < 100) {
            executor.submit([] {}).wait();
        }
    }
    CHECK(refused == 1);
    CHECK(ran >= 100);
}

TEST_CASE("tasks that wait may submit nothing more after shutdown, but what they wait for still runs") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto outer = executor.submit([&] {
        bool refused = false;
        try {
            executor.submit([] {});
        } catch (const futures::executor_shutdown&) {
            refused = true;
        }
        return refused;
    });
    executor.shutdown({.wait = false});
    busy.release();
    CHECK(outer.result());
}

TEST_CASE("an executor whose last owner is one of its tasks is destroyed by it, and everything still runs") {
    for (int round = 0; round < 200; ++round) {
        std::vector<futures::Future<int>> after;
        futures::Future<void> destroying;
        {
            auto executor = std::make_shared<futures::thread_pool_executor<>>(2);
            tests::busy_workers busy(*executor, 2);
            destroying = executor->submit([executor] {});
            for (int i = 0; i < 10; ++i) {
                after.push_back(executor->submit([i] { return i; }));
            }
            executor.reset();
        }
        destroying.wait();
        for (int i = 0; i < 10; ++i) {
            REQUIRE(after[static_cast<std::size_t>(i)].result() == i);
        }
    }
}

TEST_CASE("a thread may give the last owner of an executor to the very task that it submits") {
    for (int round = 0; round < tests::often(5'000); ++round) {
        auto executor = std::make_shared<futures::thread_pool_executor<>>(2);
        auto* const submits = executor.get();
        if (round % 2 == 0) {
            submits->submit([] {}).wait();  // else the task's worker is the first
        }
        const auto destroying =
            submits->submit([executor = std::move(executor)]() mutable { executor.reset(); });
        destroying.wait();
    }
}

TEST_CASE("an executor destroyed explicitly by its own task leaves the rest of that task running") {
    std::optional<futures::thread_pool_executor<>> executor(std::in_place, 1);
    std::latch assigned(1);
    const auto future = executor->submit([&] {
        assigned.wait();
        executor.reset();
        return futures::this_thread_name().empty() ? 0 : 1;
    });
    assigned.count_down();
    CHECK(future.result() == 1);
    CHECK_FALSE(executor);
}

TEST_CASE(
    "an executor destroyed by its own task waits for nothing that another's end runs of the user's code") {
    using executor = futures::thread_pool_executor<>;
    const auto destroy_by_its_own_task = [](std::unique_ptr<executor> owner) {
        executor& pool = *owner;
        return pool.submit([owner = std::move(owner)]() mutable { owner.reset(); });
    };
    // Shared, as the first executor's end may last longer than this test.
    struct latches {
        std::latch ending{1};
        std::latch may_end{1};
    };
    struct ends_late {
        std::shared_ptr<latches> shared;
        ~ends_late() {
            shared->ending.count_down();
            shared->may_end.wait();
        }
    };
    const auto shared = std::make_shared<latches>();
    destroy_by_its_own_task(std::make_unique<executor>(futures::thread_pool_options{
        .max_workers = 1, .initializer = [held = std::shared_ptr<ends_late>(new ends_late{shared})] {}}));
    shared->ending.wait();
    destroy_by_its_own_task(std::make_unique<executor>(1)).wait();
    shared->may_end.count_down();
}

#if !defined(__MINGW32__)  // where what is thread_local is freed before it is destroyed: GCC's bug 80816

struct runs_when_destroyed {
    ~runs_when_destroyed() {
        if (what) {
            what();
        }
    }
    std::function<void()> what;
};

// At the end of the calling thread.
void run_at_thread_end(std::function<void()> what) {
    static thread_local runs_when_destroyed at_end;
    at_end.what = std::move(what);
}

TEST_CASE("shutdown() from the destructor of a thread_local object of the pool's thread") {
    bool shut_down = false;
    {
        futures::thread_pool_executor executor(2);
        executor
            .submit([&] {
                run_at_thread_end([&] {
                    executor.shutdown();
                    shut_down = true;
                });
            })
            .wait();
    }
    CHECK(shut_down);
}

TEST_CASE("an executor may be destroyed by a thread_local object of its own thread") {
    // Shared, as that thread may outlive this test.
    const auto destroyed = std::make_shared<std::latch>(1);
    auto executor = std::make_shared<futures::thread_pool_executor<>>(2);
    std::latch shut_down(1);
    const auto task = executor->submit([&, executor, destroyed]() mutable {
        run_at_thread_end([owner = std::move(executor), destroyed]() mutable {
            owner.reset();
            destroyed->count_down();
        });
        shut_down.wait();
    });
    executor->shutdown({.wait = false});
    executor.reset();
    shut_down.count_down();
    destroyed->wait();
}

TEST_CASE("a thread that its pool has left to itself is not taken for another pool's") {
    const auto finished = std::make_shared<std::latch>(1);
    const auto all_ran = std::make_shared<std::atomic<int>>(0);
    auto owner = std::make_unique<futures::thread_pool_executor<>>(1);
    auto& executor = *owner;
    executor.submit([owner = std::move(owner), finished, all_ran]() mutable {
        run_at_thread_end([finished, all_ran] {
            // Where the pool was that is gone, perhaps.
            for (int round = 0; round < 10; ++round) {
                int ran = 0;
                {
                    futures::thread_pool_executor another(1);
                    another.submit([&] { ++ran; });
                }
                *all_ran += ran;
            }
            finished->count_down();
        });
        owner.reset();
    });
    finished->wait();
    CHECK(*all_ran == 10);
}

namespace {

// Blocks the end of a thread that has touched it.
class blocks_end_of_thread {
public:
    blocks_end_of_thread() = default;
    blocks_end_of_thread(const blocks_end_of_thread&) = delete;
    blocks_end_of_thread& operator=(const blocks_end_of_thread&) = delete;
    ~blocks_end_of_thread() {
        if (begun_) {
            begun_->count_down();
            may_end_->wait();
        }
    }

    void block(std::latch& begun, std::latch& may_end) {
        begun_ = &begun;
        may_end_ = &may_end;
    }

private:
    std::latch* begun_ = nullptr;
    std::latch* may_end_ = nullptr;
};

}  // namespace

TEST_CASE(
    "a thread that was left alone and doesn't end holds up no other executor that its own task destroys") {
    static std::latch begun(1);
    static std::latch may_end(1);
    const auto destroyed_by_own_task = [](auto first) {
        auto owner = std::make_unique<futures::thread_pool_executor<>>(1);
        auto& executor = *owner;
        return executor.submit([owner = std::move(owner), first]() mutable {
            first();
            owner.reset();
        });
    };
    destroyed_by_own_task([] {
        thread_local blocks_end_of_thread blocks;
        blocks.block(begun, may_end);
    }).wait();
    begun.wait();
    destroyed_by_own_task([] {}).wait();
    destroyed_by_own_task([] {}).wait();
    may_end.count_down();
}

#endif

TEST_CASE("the last handle on a future may be the last thing alive, and may be cancelled then") {
    futures::Future<std::string> last;
    {
        futures::thread_pool_executor executor(1);
        last = executor.submit([] { return std::string("alive"); });
    }
    CHECK_FALSE(last.cancel());
    CHECK(std::move(last).result() == "alive");
}

TEST_CASE("an executor that was never used, or whose tasks were all cancelled, is destroyed") {
    const futures::thread_pool_executor<> unused;
    futures::thread_pool_executor executor(1);
    {
        tests::busy_workers busy(executor);
        for (int i = 0; i < 10; ++i) {
            CHECK(executor.submit([] {}).cancel());
        }
    }
    executor.shutdown();
    CHECK(executor.pending_count() == 0);
}
