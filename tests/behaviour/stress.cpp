// SPDX-License-Identifier: MIT

// Everything at once, at random, and the books must balance.

#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <latch>
#include <random>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

struct books {
    std::atomic<int> submitted = 0;
    std::atomic<int> succeeded = 0;
    std::atomic<int> failed = 0;
    std::atomic<int> cancelled = 0;
    std::atomic<int> callbacks_added = 0;
    std::atomic<int> callbacks_called = 0;
    std::atomic<int> captures_made = 0;
    std::atomic<int> captures_destroyed = 0;
    std::atomic<int> wrong = 0;
};

class capture {
public:
    explicit capture(books& kept) : kept_(kept) { ++kept_.captures_made; }
    capture(const capture& other) : kept_(other.kept_) { ++kept_.captures_made; }
    ~capture() { ++kept_.captures_destroyed; }

private:
    books& kept_;
};

// One thread's deeds.
template <class Executor>
class actor {
public:
    actor(Executor& executor, books& kept, unsigned seed) : executor_(executor), kept_(kept), random_(seed) {}

    void act() {
        for (int step = 0; step < 60; ++step) {
            try {
                act_once(step);
            } catch (const futures::executor_shutdown&) {
                continue;  // another actor has shut it down; waiting and cancelling go on
            }
        }
        for (const auto& future : futures_) {
            try {
                future.result();
                ++kept_.succeeded;
            } catch (const futures::cancelled_error&) {
                ++kept_.cancelled;
            } catch (const std::domain_error&) {
                ++kept_.failed;
            } catch (const futures::executor_shutdown&) {
                ++kept_.failed;  // it mapped
            }
        }
    }

private:
    unsigned up_to(unsigned end) { return static_cast<unsigned>(random_() % end); }
    std::chrono::microseconds soon() { return std::chrono::microseconds(up_to(300)); }
    const futures::Future<int>& any() { return futures_[up_to(static_cast<unsigned>(futures_.size()))]; }

    void add(futures::Future<int> future) {
        futures_.push_back(std::move(future));
        ++kept_.submitted;
    }

    void act_once(int step) {
        const unsigned deed = up_to(12);
        if (deed < 4) {
            add(executor_.submit({.priority = static_cast<int>(up_to(5))}, [held = capture(kept_), step] {
                return step % 7 == 0 ? throw std::domain_error("on purpose") : step;
            }));
        } else if (deed == 4) {
            add(executor_.submit([&executor = executor_, held = capture(kept_), step] {
                int sum = 0;
                for (const int each : executor.map([](int x) { return x; }, std::vector<int>(5, step))) {
                    sum += each;
                }
                return sum;
            }));
        } else if (deed == 5) {
            map();
        } else if (deed == 6 && up_to(20) == 0) {
            executor_.shutdown({.wait = up_to(2) == 0, .cancel_futures = up_to(2) == 0});
        } else if (!futures_.empty()) {
            use(deed);
        }
    }

    void map() {
        const int last = static_cast<int>(up_to(12));
        int expected = 0;
        try {
            for (const int each : executor_.map(
                     {.buffersize = 3},
                     [held = capture(kept_)](int x) {
                         return x == 9 ? throw std::domain_error("on purpose") : x;
                     },
                     std::views::iota(0))) {
                kept_.wrong += each != expected++;
                if (each == last) {
                    return;
                }
            }
            ++kept_.wrong;
        } catch (const std::domain_error&) {
            kept_.wrong += expected != 9;
        } catch (const futures::cancelled_error&) {
            return;  // another actor has shut the executor down
        }
    }

    void use(unsigned deed) {
        switch (deed) {
            case 7:
                any().cancel();
                break;
            case 8:
                ++kept_.callbacks_added;
                any().add_done_callback([&kept = kept_](const auto& future) {
                    ++kept.callbacks_called;
                    kept.wrong += !future.done();
                });
                break;
            case 9:
                static_cast<void>(any().wait_for(soon()));
                break;
            case 10: {
                const auto result = futures::wait(
                    futures_,
                    {.timeout = soon(), .return_when = static_cast<futures::return_when>(up_to(3))});
                kept_.wrong += result.done.size() + result.not_done.size() != futures_.size();
                break;
            }
            default:
                iterate();
        }
    }

    void iterate() {
        unsigned left = up_to(20);
        try {
            for (const auto& future : futures::as_completed(futures_, soon())) {
                kept_.wrong += !future.done();
                if (left-- == 0) {
                    return;
                }
            }
        } catch (const futures::timeout_error&) {
            return;
        }
    }

    Executor& executor_;
    books& kept_;
    std::mt19937 random_;
    std::vector<futures::Future<int>> futures_;
};

}  // namespace

TEMPLATE_TEST_CASE("four threads do everything at once", "", futures::fifo, futures::lifo,
                   futures::priority) {
    using executor_type = futures::thread_pool_executor<TestType>;
    // What tasks threw that no actor waited for any more.
    const futures::log_handler before = futures::set_log_handler([](auto, auto) {});
    const unsigned base = std::random_device()();
    for (unsigned round = 0; round < 40; ++round) {
        const unsigned seed = base + round;
        INFO("seed " << seed);
        books kept;
        {
            executor_type executor(static_cast<int>(1 + seed % 4));
            std::latch start(4);
            std::vector<std::thread> threads;
            for (unsigned i = 0; i < 4; ++i) {
                threads.emplace_back([&, i] {
                    actor<executor_type> someone(executor, kept, seed * 31 + i);
                    start.arrive_and_wait();
                    someone.act();
                });
            }
            for (auto& thread : threads) {
                thread.join();
            }
        }
        REQUIRE(kept.wrong == 0);
        REQUIRE(kept.submitted == kept.succeeded + kept.failed + kept.cancelled);
        REQUIRE(kept.callbacks_added == kept.callbacks_called);
        REQUIRE(kept.captures_made == kept.captures_destroyed);
    }
    futures::set_log_handler(before);
}
