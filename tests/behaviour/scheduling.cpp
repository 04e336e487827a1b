// SPDX-License-Identifier: MIT

// Who runs what, and that nobody sleeps while there is something to run: tasks that tasks submit, bursts,
// chains.

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/ranges.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;
using tests::numbers;

namespace {

constexpr int many_tasks = tests::often(10'000);

// On a worker: has its queue biased to it, if no other comes between.
void use_own_queue_alone(futures::thread_pool_executor<>& executor) {
    for (int i = 0; i < 200; ++i) {
        executor.submit([] {}).result();
    }
}

}  // namespace

TEST_CASE("what one worker submits is started by another in the order of submission") {
    futures::thread_pool_executor executor(2);
    std::vector<int> order;
    executor
        .submit([&] {
            std::latch last(1);
            for (int i = 0; i < 500; ++i) {
                executor.submit([&, i] {
                    order.push_back(i);
                    if (i == 499) {
                        last.count_down();
                    }
                });
            }
            last.wait();  // on no future, so this worker runs none of them
        })
        .result();
    CHECK(order == numbers(500));
}

TEST_CASE(
    "one worker starts tasks in the order of their submission, whether its own tasks submit them or others "
    "do") {
    futures::thread_pool_executor executor(1);
    std::vector<int> order;
    const auto append = [&](int number) { executor.submit([&order, number] { order.push_back(number); }); };
    futures::Future<void> first;
    std::barrier turn(2);
    const auto next_turn = [&] { turn.arrive_and_wait(); };
    SECTION("first its own") {
        first = executor.submit([&] {
            append(0);
            next_turn();
            next_turn();
            append(2);
            next_turn();
            next_turn();
            append(4);
        });
        next_turn();
        append(1);
        next_turn();
        next_turn();
        append(3);
        next_turn();
    }
    SECTION("first those of others") {
        first = executor.submit([&] {
            next_turn();
            append(1);
            append(2);
            next_turn();
            next_turn();
            append(4);
        });
        append(0);
        next_turn();
        next_turn();
        append(3);
        next_turn();
    }
    first.wait();  // it submits the last one
    executor.shutdown();
    CHECK(order == numbers(5));
}

TEST_CASE("tasks that go on submitting for ever don't keep out what comes from outside") {
    futures::thread_pool_executor executor(2);
    std::atomic<bool> stop = false;
    std::latch stopped(2);
    struct for_ever {
        futures::thread_pool_executor<>& executor;
        std::atomic<bool>& stop;
        std::latch& stopped;
        void operator()() const {
            if (stop) {
                stopped.count_down();
            } else {
                executor.submit(*this);
            }
        }
    };
    executor.submit(for_ever{executor, stop, stopped});
    executor.submit(for_ever{executor, stop, stopped});
    for (int i = 0; i < 100; ++i) {
        CHECK(executor.submit([i] { return i; }).result() == i);
    }
    stop = true;
    stopped.wait();
}

TEST_CASE("a worker is woken for what a busy worker submits, whatever the others were about to do") {
    futures::thread_pool_executor executor(2);
    for (int i = 0; i < many_tasks; ++i) {
        std::latch ran(1);
        executor
            .submit([&] {
                executor.submit([&] { ran.count_down(); });
                ran.wait();  // the other worker must run it
            })
            .result();
    }
    CHECK(executor.worker_count() == 2);
}

TEST_CASE("a worker is woken for what comes to a queue that another worker has long used alone") {
    for (const int workers : {2, 4}) {
        futures::thread_pool_executor executor(workers);
        for (int i = 0; i < many_tasks / 50; ++i) {
            executor
                .submit([&] {
                    use_own_queue_alone(executor);
                    std::latch ran(1);
                    executor.submit([&] { ran.count_down(); });
                    ran.wait();  // another worker must run it
                })
                .result();
        }
    }
}

TEST_CASE("each task of a queue that its worker has long used alone runs once, by the worker or by another") {
    constexpr int width = 40;
    futures::thread_pool_executor executor(3);
    for (int i = 0; i < many_tasks / 50; ++i) {
        std::atomic<int> runs{0};
        executor
            .submit([&] {
                use_own_queue_alone(executor);
                std::vector<futures::Future<void>> tasks;
                for (int number = 0; number < width; ++number) {
                    tasks.push_back(executor.submit([&] { ++runs; }));
                }
                // The newest first, so that the worker and the others meet.
                for (; !tasks.empty(); tasks.pop_back()) {
                    tasks.back().result();
                }
            })
            .result();
        REQUIRE(runs == width);
    }
}

TEST_CASE("shutdown sees what comes to a queue that a worker has long used alone, or the worker is refused") {
    for (int i = 0; i < many_tasks / 100; ++i) {
        std::atomic<int> ended{0};
        int accepted = 0;
        futures::thread_pool_executor executor(2);
        std::latch alone(1);
        const auto outer = executor.submit([&] {
            use_own_queue_alone(executor);
            alone.count_down();
            try {
                for (;;) {
                    executor.submit([] {}).add_done_callback([&](const auto&) { ++ended; });
                    ++accepted;
                }
            } catch (const futures::executor_shutdown&) {
                // The last one came too late.
            }
        });
        alone.wait();
        executor.shutdown({.cancel_futures = true});
        CHECK(outer.done());
        REQUIRE(ended == accepted);
    }
}

TEST_CASE("a burst of tasks that wait for each other gets as many workers, from a thread and from a task") {
    constexpr int width = 4;
    futures::thread_pool_executor executor(width + 1);
    const auto burst = [&executor] {
        std::barrier all(width);
        std::vector<futures::Future<void>> tasks;
        for (int i = 0; i < width; ++i) {
            tasks.push_back(executor.submit([&all] { all.arrive_and_wait(); }));
        }
        std::latch done(width);
        for (const auto& task : tasks) {
            task.add_done_callback([&done](const auto&) { done.count_down(); });
        }
        done.wait();
    };
    for (int i = 0; i < many_tasks / 10; ++i) {
        burst();
        executor.submit(burst).result();
    }
    CHECK(executor.worker_count() <= width + 1);
}

TEST_CASE("workers that went to sleep are all woken, one by the other, by a burst") {
    constexpr int width = 8;
    futures::thread_pool_executor executor(width);
    for (int i = 0; i < 50; ++i) {
        std::barrier all(width);
        std::vector<futures::Future<void>> tasks;
        for (int k = 0; k < width; ++k) {
            tasks.push_back(executor.submit([&all] { all.arrive_and_wait(); }));
        }
        futures::wait(tasks).done.clear();
        // Longer than any worker spins. Not to wait for something: to let them fall asleep more often than
        // not.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(executor.worker_count() == width);
}

TEST_CASE("tasks that a task leaves behind, and that wait for each other, all run after shutdown") {
    for (int i = 0; i < many_tasks / 10; ++i) {
        futures::thread_pool_executor executor(3);
        std::barrier all(3);
        std::atomic<int> met = 0;
        executor
            .submit([&] {
                for (int k = 0; k < 3; ++k) {
                    executor.submit([&] {
                        all.arrive_and_wait();
                        ++met;
                    });
                }
            })
            .wait();
        executor.shutdown();
        REQUIRE(met == 3);
    }
}

TEST_CASE("shutdown with cancel_futures cancels what tasks have submitted too") {
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor);
    std::latch submitted(1);
    std::latch shut_down(1);
    std::vector<futures::Future<int>> inner;
    const auto outer = executor.submit([&] {
        for (int i = 0; i < 100; ++i) {
            inner.push_back(executor.submit([i] { return i; }));
        }
        submitted.count_down();
        shut_down.wait();
        CHECK_THROWS_AS(executor.submit([] {}), futures::executor_shutdown);
    });
    submitted.wait();
    CHECK(executor.pending_count() == 100);
    executor.shutdown({.wait = false, .cancel_futures = true});
    CHECK(executor.pending_count() == 0);
    CHECK(std::all_of(inner.begin(), inner.end(), [](const auto& each) { return each.cancelled(); }));
    shut_down.count_down();
    outer.result();
}

TEST_CASE("an initializer that throws fails what tasks have submitted too") {
    std::atomic<int> threads = 0;
    std::latch submitted(1);
    futures::thread_pool_executor executor({.max_workers = 2, .initializer = [&] {
                                                if (++threads == 2) {
                                                    submitted.wait();
                                                    throw std::runtime_error("no database");
                                                }
                                            }});
    executor
        .submit([&] {
            std::vector<futures::Future<int>> inner;
            for (int i = 0; i < 10; ++i) {
                inner.push_back(executor.submit([i] { return i; }));
            }
            std::latch done(10);
            for (const auto& each : inner) {
                each.add_done_callback([&done](const auto&) { done.count_down(); });
            }
            submitted.count_down();
            done.wait();
            for (const auto& each : inner) {
                CHECK_THROWS_AS(each.result(), futures::broken_thread_pool);
            }
            CHECK_THROWS_AS(executor.submit([] {}), futures::broken_thread_pool);
        })
        .result();
}

TEST_CASE("a task that waits for what it submitted races those who cancel it and those who run it") {
    futures::thread_pool_executor executor(3);
    std::atomic<int> ran = 0;
    int results = 0;
    int cancelled = 0;
    executor
        .submit([&] {
            for (int i = 0; i < many_tasks; ++i) {
                const auto inner = executor.submit([&ran] { ++ran; });
                const auto other = executor.submit([inner] { return inner.cancel(); });
                try {
                    inner.result();
                    ++results;
                } catch (const futures::cancelled_error&) {
                    ++cancelled;
                }
                REQUIRE(other.result() == inner.cancelled());
            }
        })
        .result();
    CHECK(results + cancelled == many_tasks);
    CHECK(ran == results);
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("a task waits for what it submitted in any order, and others help") {
    futures::thread_pool_executor executor(3);
    std::mt19937 random(1);
    for (int round = 0; round < many_tasks / 100; ++round) {
        const int sum = executor
                            .submit([&] {
                                std::vector<futures::Future<int>> inner;
                                for (int i = 0; i < 100; ++i) {
                                    inner.push_back(executor.submit([i] { return i; }));
                                }
                                std::shuffle(inner.begin(), inner.end(), random);
                                int total = 0;
                                for (const auto& each : inner) {
                                    total += each.result();
                                }
                                return total;
                            })
                            .result();
        REQUIRE(sum == 4950);
    }
    CHECK(executor.pending_count() == 0);
}

TEST_CASE("a worker that waits for a task on another worker runs what that task has submitted") {
    futures::thread_pool_executor executor(2);
    const auto outer = executor.submit([&] {
        std::latch has_submitted(1);
        const std::thread::id waiting = std::this_thread::get_id();
        const auto stolen = executor.submit([&] {
            std::latch others_have_run(2);
            const auto first = executor.submit([&] {
                others_have_run.count_down();
                return std::this_thread::get_id();
            });
            const auto second = executor.submit([&] {
                others_have_run.count_down();
                return std::this_thread::get_id();
            });
            has_submitted.count_down();
            others_have_run.wait();  // on no future: only the worker that waits for this task can run them
            return first.result() == waiting && second.result() == waiting;
        });
        has_submitted.wait();  // on no future: the other worker takes the task
        return stolen.result();
    });
    CHECK(outer.result());
}

TEST_CASE("a worker that helps begins with a task that is large, and that the other will take late") {
    // A task submits three, and takes back the one of the number `taken_back`, which submits two smaller ones
    // and waits until the first of all has been run by the worker that waits for the outer task. Returns its
    // number.
    const auto first_helped_with = [](std::size_t taken_back) {
        futures::thread_pool_executor executor(2);
        const auto outer = executor.submit([&] {
            const std::thread::id helper = std::this_thread::get_id();
            std::latch has_submitted(1);
            std::latch has_helped(1);
            std::atomic<int> first = 0;
            const auto note = [&](int number) {
                int none = 0;
                if (std::this_thread::get_id() == helper && first.compare_exchange_strong(none, number)) {
                    has_helped.count_down();
                }
            };
            const auto stolen = executor.submit([&] {
                std::array<futures::Future<void>, 3> large;
                for (std::size_t each = 0; each != large.size(); ++each) {
                    large[each] = executor.submit([&, each] {
                        if (each != taken_back) {
                            note(static_cast<int>(each) + 1);
                            return;
                        }
                        const auto small = executor.submit(note, 4);
                        const auto another_small = executor.submit(note, 5);
                        has_submitted.count_down();
                        has_helped.wait();  // on no future: only the helper can run what that needs
                        futures::wait({small, another_small});
                    });
                }
                large[taken_back].result();
                futures::wait(large);
            });
            has_submitted.wait();  // on no future: the other worker takes the task
            stolen.result();
            return first.load();
        });
        return outer.result();
    };
    CHECK(first_helped_with(0) == 3);  // the other is about to take the second itself
    CHECK(first_helped_with(2) == 1);
}

TEST_CASE("tasks that go on submitting don't keep out what another worker's task has submitted") {
    constexpr int no_more_than = 200;  // some turns; for ever, if nobody saw to it
    futures::thread_pool_executor executor(2);
    std::atomic<bool> ran = false;
    struct goes_on {
        futures::thread_pool_executor<>& executor;
        const std::atomic<bool>& ran;
        int& rounds;
        void operator()() const {
            if (!ran && ++rounds <= no_more_than) {
                executor.submit(*this);
            }
        }
    };
    int rounds = 0;
    std::latch announced(1);
    std::latch other_is_busy(1);
    std::latch submitted(1);
    std::latch done(1);
    const auto outer = executor.submit([&] {
        executor.submit([] {}).wait();  // so its queue is known before the other worker's
        announced.count_down();
        other_is_busy.wait();
        executor.submit([&] {
            ran = true;
            done.count_down();
        });
        submitted.count_down();
        done.wait();  // on no future: the other worker must run it
    });
    announced.wait();
    executor.submit([&] {
        other_is_busy.count_down();
        submitted.wait();
        executor.submit(goes_on{executor, ran, rounds});
    });
    outer.wait();
    executor.shutdown();
    CHECK(rounds <= no_more_than);
}

TEST_CASE("what comes from outside doesn't keep out what a worker's task has submitted") {
    constexpr int outside = 1000;
    futures::thread_pool_executor executor(2);
    std::atomic<int> started = 0;
    int started_before = outside;
    std::latch other_is_busy(1);
    std::latch submitted(1);
    std::latch go_on(1);
    std::latch done(1);
    executor.submit([&] {
        other_is_busy.wait();
        executor.submit([&] {
            started_before = started;
            done.count_down();
        });
        submitted.count_down();
        done.wait();  // on no future: the other worker must run it
    });
    executor.submit([&] {
        other_is_busy.count_down();
        go_on.wait();
    });
    submitted.wait();
    for (int i = 0; i < outside; ++i) {
        executor.submit([&started] { ++started; });
    }
    go_on.count_down();
    executor.shutdown();
    CHECK(started == outside);
    CHECK(started_before <= 100);
}

#if defined(__GLIBC__)
namespace {

thread_local int yields = 0;

// Waits without sleeping for what is there when it is looked at for the last time, of `looks`. Returns how
// often this thread yielded meanwhile.
int yields_in_wait(int looks) {
    const int before = yields;
    constexpr int pauses = 4;  // 4 looks in a short round, 32 in a long one
    futures::detail::spin_until(pauses, [&looks]() noexcept { return --looks == 0; });
    return yields - before;
}

}  // namespace

// Takes the place of the system's.
extern "C" int sched_yield() noexcept {
    ++yields;
    return static_cast<int>(syscall(SYS_sched_yield));
}

TEST_CASE("a thread that waits in vain yields early in its next waits, then tries to wait for longer") {
    std::vector<int> counts;
    int yields_in_vain = 0;
    std::thread([&] {
        counts.push_back(yields_in_wait(10));
        yields_in_vain = yields_in_wait(1'000'000);
        for (int wait = 0; wait < 40; ++wait) {
            counts.push_back(yields_in_wait(10));
        }
    }).join();
    CHECK(yields_in_vain > 0);
    std::vector<int> expected(41, 0);
    std::fill_n(expected.begin() + 1, 32, 1);
    CHECK(counts == expected);
}
#endif
