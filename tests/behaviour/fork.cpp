// SPDX-License-Identifier: MIT

// A process that forks while it has executors: what its child can do with them, and with its own.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;

namespace {

bool is_child = false;

}  // namespace

// LeakSanitizer asks this. In a child, it takes for lost what only the parent's other threads know, such as
// the C library's lists of their thread_local objects.
extern "C" int __lsan_is_turned_off();   // NOLINT(bugprone-reserved-identifier): that is its name
extern "C" int __lsan_is_turned_off() {  // NOLINT(bugprone-reserved-identifier)
    return is_child ? 1 : 0;
}

namespace {

constexpr unsigned time_limit = 60;  // seconds, for a child

pid_t fork_with_time_limit() {
    std::cout.flush();
    std::fflush(nullptr);
    const pid_t process = fork();
    if (process == 0) {
        is_child = true;
        alarm(time_limit);
    }
    return process;
}

// What a child ends with: what `call()` returns, or false if that throws.
template <class Call>
bool succeeds(Call call) {
    try {
        return call();
    } catch (const std::exception& unexpected) {
        std::fprintf(stderr, "in the child: %s\n", unexpected.what());
        return false;
    }
}

// Waits for the end of the child that `process` is, and says how it failed.
std::string failure_of_child(pid_t process) {
    if (process < 0) {
        return "no fork";
    }
    int status = 0;
    if (waitpid(process, &status, 0) != process) {
        return "no status";
    }
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? "it hangs" : "signal " + std::to_string(WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? "" : "exit status " + std::to_string(WEXITSTATUS(status));
}

// Forks, and calls `child` in the child, which ends as it returns, true for success; or says how it failed.
template <class Child>
std::string fails_in_child(Child child) {
    const pid_t process = fork_with_time_limit();
    if (process == 0) {
        _exit(succeeds(child) ? 0 : 1);
    }
    return failure_of_child(process);
}

// Threads that do something again and again while the process forks.
class busy_threads {
public:
    template <class Work>
    void repeat(Work work) {
        threads_.emplace_back([this, work] {
            while (!stop_) {
                work();
            }
        });
    }

    // Calls `fails_in_child(child)` as many times, or until a child fails. Then ends the threads. Returns how
    // the child failed.
    template <class Child>
    std::string fork_until_failure(int forks, Child child) {
        std::string failure;
        for (int round = 0; round != forks && failure.empty(); ++round) {
            failure = fails_in_child(child);
        }
        stop_ = true;
        for (std::thread& each : threads_) {
            each.join();
        }
        return failure;
    }

private:
    std::atomic<bool> stop_ = false;
    std::vector<std::thread> threads_;
};

bool new_executor_works() {
    futures::thread_pool_executor executor(2);
    auto nested = executor.submit([&executor] { return executor.submit([] { return 20; }).result() + 1; });
    int sum = 0;
    for (const int each : executor.map([](int x) { return x; }, std::vector{1, 2, 3})) {
        sum += each;
    }
    return nested.result() == 21 && sum == 6;
}

template <class Call>
bool throws_broken_executor(Call call) {
    try {
        call();
        return false;
    } catch (const futures::broken_executor&) {
        return true;
    }
}

bool refuses_work(futures::thread_pool_executor<>& executor) {
    return throws_broken_executor([&] { executor.submit([] {}); });
}

futures::Future<int> add_one(futures::thread_pool_executor<>&, futures::Future<int> awaited) {
    co_return co_await awaited + 1;
}

// Waits for tasks of each pool in a task of the other, in all the ways in which tasks can depend on each
// other.
int compose(futures::thread_pool_executor<>& first, futures::thread_pool_executor<>& second) {
    const auto in_both = [&] {
        const auto continued = second.submit([] { return 1; }).then(first, [](int x) { return x + 1; });
        const auto both = futures::gather(continued, add_one(second, continued));
        const auto& [two, three] = both.result();
        return two + three;
    };
    futures::task_group group(second);
    const auto grouped = group.submit(in_both);
    const int sum = first.submit(in_both).result();
    group.wait();
    return sum + grouped.result();
}

bool can_not_be_awaited(const futures::Future<int>& future) {
    return throws_broken_executor([&] { static_cast<void>(future.result()); });
}

// The threads that `orphan_a_thread` has made and that have not ended.
std::atomic<int> orphans = 0;

struct counts_end_of_thread {
    ~counts_end_of_thread() { --orphans; }
};

// Leaves a thread to the end of the process.
void orphan_a_thread() {
    auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
    auto& where = *executor;
    ++orphans;
    where
        .submit([owner = std::move(executor)]() mutable {
            static const thread_local counts_end_of_thread counts;
            static_cast<void>(counts);
            owner.reset();
        })
        .result();
}

}  // namespace

TEST_CASE("the child of a fork can use an executor of its own") {
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor, 2);
    CHECK(fails_in_child(new_executor_works) == "");
    busy.release();
    CHECK(new_executor_works());
}

TEST_CASE("the child of a fork can destroy the executor that it inherits") {
    auto executor = std::make_unique<futures::thread_pool_executor<>>(2);
    const auto destroys = [&executor] {
        executor.reset();
        return true;
    };
    SECTION("that has started no thread") {
        CHECK(fails_in_child(destroys) == "");
    }
    SECTION("whose threads are idle") {
        executor->submit([] {}).result();
        CHECK(fails_in_child(destroys) == "");
    }
    SECTION("whose threads are busy, and tasks wait") {
        tests::busy_workers busy(*executor, 2);
        const auto waits = executor->submit([] {});
        CHECK(fails_in_child(destroys) == "");
    }
    SECTION("that was shut down, and whose threads may or may not have ended") {
        executor->submit([] {}).result();
        executor->shutdown({.wait = false});
        CHECK(fails_in_child(destroys) == "");
    }
    SECTION("that was shut down, and whose threads have ended") {
        executor->submit([] {}).result();
        executor->shutdown();
        CHECK(fails_in_child(destroys) == "");
    }
}

TEST_CASE("the child of a fork can't use an executor that it inherits, and is told so") {
    futures::thread_pool_executor executor(2);
    const auto finished = executor.submit([] { return 5; });
    finished.result();
    const tests::busy_workers busy(executor, 2);
    CHECK(fails_in_child([&] { return refuses_work(executor); }) == "");
    CHECK(fails_in_child([&] {
              executor.shutdown();
              executor.shutdown({.cancel_futures = true});
              return refuses_work(executor);
          }) == "");
    CHECK(fails_in_child([&] { return finished.result() == 5; }) == "");
}

TEST_CASE("what the child of a fork does to an executor is nothing to the parent") {
    auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
    tests::busy_workers busy(*executor);
    const auto waiting = executor->submit([] { return 5; });
    CHECK(fails_in_child([&] {
              executor->shutdown({.cancel_futures = true});
              executor.reset();
              return true;
          }) == "");
    busy.release();
    CHECK(waiting.result() == 5);
    CHECK(executor->submit([] { return 6; }).result() == 6);
}

TEST_CASE("a task can fork") {
    futures::thread_pool_executor executor(2);
    const tests::busy_workers busy(executor);
    CHECK(executor
              .submit([&executor] {
                  return fails_in_child(
                      [&executor] { return refuses_work(executor) && new_executor_works(); });
              })
              .result() == "");
}

TEST_CASE("a coroutine can fork away from its executor, and awaits in the child what is done") {
    futures::thread_pool_executor home(1);
    futures::thread_pool_executor other(1);
    const auto forks = [](futures::thread_pool_executor<>&, futures::thread_pool_executor<>& elsewhere,
                          futures::Future<int> done) -> futures::Future<std::string> {
        co_await elsewhere.schedule();
        const pid_t process = fork_with_time_limit();
        const int awaited = co_await done;
        if (process == 0) {
            _exit(awaited == 1 ? 0 : 1);
        }
        co_return failure_of_child(process);
    };
    auto done = home.submit([] { return 1; });
    done.wait();
    CHECK(forks(home, other, std::move(done)).result() == "");
}

TEST_CASE("a child of a fork forks in turn") {
    auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
    executor->submit([] {}).result();
    CHECK(fails_in_child([&] {
              auto own = std::make_unique<futures::thread_pool_executor<>>(1);
              own->submit([] {}).result();
              const bool works = fails_in_child([&] {
                                     const bool refused = refuses_work(*own) && refuses_work(*executor);
                                     own.reset();
                                     executor.reset();
                                     return refused && new_executor_works();
                                 }) == "";
              return works && own->submit([] { return 7; }).result() == 7;
          }) == "");
}

TEST_CASE("the child of a fork ends by exit(), with executors and threads left from the parent") {
    static futures::thread_pool_executor<> of_static_storage(1);
    of_static_storage.submit([] {}).result();
    std::latch left_alone(1);
    std::latch released(1);
    auto executor = std::make_unique<futures::thread_pool_executor<>>(1);
    auto& where = *executor;
    const auto orphaned = where.submit([&, owner = std::move(executor)]() mutable {
        owner.reset();
        left_alone.count_down();
        released.wait();
    });
    left_alone.wait();
    CHECK(fails_in_child([] {
              std::exit(0);
              return false;
          }) == "");
    released.count_down();
    orphaned.result();
}

TEST_CASE("in the child of a fork only its own threads count as runnable") {
    const int many = 2 * futures::usable_cpus() + 1;
    futures::thread_pool_executor executor(many);
    const tests::busy_workers busy(executor, many);
    const auto spinning_pays = [] {
        return futures::detail::runnable_threads::fit() == (futures::usable_cpus() > 1);
    };
    CHECK(fails_in_child(spinning_pays) == "");
    CHECK_FALSE(futures::detail::runnable_threads::fit());
}

namespace {

// Futures of the parent's that are not done, of a task that waits, of one that runs and of a promise.
struct inherited {
    futures::thread_pool_executor<> executor{1};
    futures::Promise<int> promise;
    tests::busy_workers busy{executor};
    futures::Future<void> running = busy.task();
    futures::Future<int> waiting = executor.submit([] { return 5; });
    futures::Future<int> promised = promise.get_future();
};

}  // namespace

TEST_CASE("in the child of a fork, waiting for a future that was not done throws") {
    inherited from_parent;
    CHECK(fails_in_child([&] {
              const auto throws_for = [](const auto& future) {
                  return throws_broken_executor([&] { future.wait(); }) &&
                         throws_broken_executor([&] { static_cast<void>(future.result()); }) &&
                         throws_broken_executor([&] { future.exception(std::chrono::hours(1)); }) &&
                         throws_broken_executor([&] { futures::wait({future}); }) &&
                         throws_broken_executor(
                             [&] { static_cast<void>(futures::as_completed({future}).begin()); }) &&
                         future.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
              };
              return throws_for(from_parent.running) && throws_for(from_parent.waiting) &&
                     throws_for(from_parent.promised);
          }) == "");
    from_parent.promise.set_result(1);
}

TEST_CASE("in the child of a fork, an inherited future can be asked, cancelled and dropped") {
    inherited from_parent;
    CHECK(fails_in_child([&] {
              const bool asked = !from_parent.running.done() && from_parent.running.running() &&
                                 !from_parent.running.cancel() && !from_parent.running.request_stop() &&
                                 from_parent.executor.worker_count() == 0 &&
                                 from_parent.executor.pending_count() <= 1;
              from_parent.waiting.add_done_callback([](const auto&) {});
              const bool cancelled = from_parent.waiting.cancel() && from_parent.waiting.cancelled();
              from_parent.promise.set_result(7);
              const bool set = from_parent.promised.result() == 7;
              from_parent.waiting = {};
              from_parent.running = {};
              return asked && cancelled && set;
          }) == "");
    from_parent.promise.set_result(1);
}

TEST_CASE("in the child of a fork, what iterates the parent's futures can be dropped") {
    std::latch released(1);
    futures::thread_pool_executor executor(1);
    auto results = executor.map(
        [&](int element) {
            if (element != 0) {
                released.wait();
            }
            return element;
        },
        std::vector{0, 1, 2});
    static_cast<void>(results.begin());
    const auto running = executor.submit([&] { released.wait(); });
    auto completed = std::make_unique<futures::as_completed_range<void>>(futures::as_completed({running}));
    CHECK(fails_in_child([&] {
              { const auto dropped = std::move(results); }
              completed.reset();
              return true;
          }) == "");
    released.count_down();
}

TEST_CASE(
    "in the child of a fork, a group and a completion queue of the parent refuse to wait, and can be "
    "dropped") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    auto group = std::make_unique<futures::task_group<>>(executor);
    group->submit([] {});
    auto queue = std::make_unique<futures::completion_queue<void>>();
    queue->add(executor.submit([] {}));
    const auto refuses = [](const auto& call) {
        try {
            call();
            return false;
        } catch (const futures::broken_executor&) {
            return true;
        }
    };
    CHECK(fails_in_child([&] {
              const bool refused = refuses([&] { group->wait(); }) &&
                                   refuses([&] { group->submit([] {}); }) &&
                                   refuses([&] { static_cast<void>(queue->next()); }) &&
                                   refuses([&] { queue->add(busy.task()); });
              group->cancel();
              group.reset();
              queue.reset();
              futures::completion_queue<void> own_queue;
              const bool not_done = refuses([&] { own_queue.add(busy.task()); });
              futures::thread_pool_executor own(1);
              futures::task_group own_group(own);
              own_queue.add(own_group.submit([] {}));
              own_group.wait();
              return refused && not_done && own_queue.next().done();
          }) == "");
    busy.release();
    group->wait();
    CHECK(queue->next().done());
}

TEST_CASE("the child's copy of a worker runs nothing more once the task that forked returns") {
    // The child ends when its only thread does.
    futures::thread_pool_executor executor(1);
    int results[2];
    REQUIRE(pipe(results) == 0);
    const auto forks = executor.submit([&] {
        const pid_t process = fork();
        if (process == 0) {
            alarm(time_limit);
        }
        return process;
    });
    const auto next = executor.submit([&] {
        const char ran = 'r';
        return write(results[1], &ran, 1) == 1;
    });
    const pid_t child = forks.result();
    REQUIRE(child > 0);
    CHECK(next.result());
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_FALSE(WIFSIGNALED(status));
    CHECK(close(results[1]) == 0);
    char ran[2];
    CHECK(read(results[0], ran, 2) == 1);  // by the parent, and by nobody else
    CHECK(close(results[0]) == 0);
}

TEST_CASE("a fork at any moment leaves the child able to use what it inherits") {
    if (tests::under_address_sanitizer) {
        return;  // its own allocator's locks are what the child of a fork hangs at
    }
    constexpr int forks = 100;
    futures::thread_pool_executor executor(2);
    tests::busy_workers busy(executor, 2);
    std::vector<futures::Promise<int>> promises(2);
    std::vector<futures::Future<int>> touched{promises[0].get_future(), promises[1].get_future(),
                                              executor.submit([] { return 1; })};
    busy_threads others;
    for (int i = 0; i < 3; ++i) {
        others.repeat([&] {
            static_cast<void>(futures::wait(touched, {.timeout = std::chrono::nanoseconds(1)}));
            executor.submit([] {}).cancel();
        });
    }
    const std::string failure = others.fork_until_failure(forks, [&] {
        static_cast<void>(executor.worker_count());
        for (const auto& future : touched) {
            future.add_done_callback([](const auto&) {});
            future.request_stop();
            future.cancel();
        }
        const bool cancelled = touched[0].cancelled() && touched[2].cancelled();
        touched.clear();
        promises.clear();
        return cancelled && refuses_work(executor);
    });
    promises.clear();
    CHECK(failure == "");
}

TEST_CASE("a fork at any moment leaves the child able to compose, and to use what is composed of futures") {
    if (tests::under_address_sanitizer) {
        return;  // its own allocator's locks are what the child of a fork hangs at
    }
    constexpr int forks = 100;
    futures::thread_pool_executor first(2);
    futures::thread_pool_executor second(1);
    futures::Promise<int> promise;
    const auto promised = promise.get_future();
    const auto gathered = futures::gather(promised, first.submit([] { return 1; }));
    std::vector<futures::Future<int>> composed{
        promised.then(first, [](int x) { return x; }), promised.then([](int x) { return x; }),
        gathered.then(second, [](const std::tuple<int, int>& both) { return std::get<0>(both); }),
        add_one(first, promised)};
    busy_threads others;
    for (int i = 0; i < 2; ++i) {
        others.repeat([&] { compose(first, second); });
    }
    others.repeat([&] {
        for (const auto& each : composed) {
            each.then(second, [](int x) { return x; }).cancel();
        }
        static_cast<void>(futures::wait(composed, {.timeout = std::chrono::nanoseconds(1)}));
    });
    const std::string failure = others.fork_until_failure(forks, [&] {
        bool refused = std::all_of(composed.begin(), composed.end(), can_not_be_awaited);
        composed[0].cancel();
        promise.set_result(1);
        refused = refused && can_not_be_awaited(composed[1]);
        composed.clear();
        futures::thread_pool_executor one(1);
        futures::thread_pool_executor other(1);
        return refused && promised.result() == 1 && compose(one, other) == 10;
    });
    promise.set_result(1);
    CHECK(composed[3].result() == 2);
    CHECK(failure == "");
}

// Whatever lock a thread of the parent holds at that moment, the child must not come to need it.
TEST_CASE("a fork at any moment leaves the child able to work") {
    if (tests::under_address_sanitizer) {
        return;  // its own allocator's locks are what the child of a fork hangs at
    }
    constexpr int forks = 300;
    const auto ignore = [](std::string_view, const std::exception_ptr&) {};
    futures::set_log_handler(ignore);
    auto executor = std::make_unique<futures::thread_pool_executor<>>(3);
    busy_threads others;
    others.repeat([&] { executor->submit([&] { executor->submit([] {}).result(); }).result(); });
    others.repeat([&] {
        executor->submit([] { throw std::runtime_error("lost"); }).wait();
        orphan_a_thread();
        while (orphans > 20) {  // on a busy machine, they could be more than there may be
            std::this_thread::yield();
        }
    });
    others.repeat([&] { futures::set_log_handler(ignore); });
    const std::string failure = others.fork_until_failure(forks, [&executor] {
        executor.reset();
        std::string logged;
        futures::set_log_handler(
            [&logged](std::string_view message, std::exception_ptr) { logged = message; });
        futures::detail::log("a line", nullptr);
        orphan_a_thread();
        return logged == "a line" && new_executor_works();
    });
    futures::set_log_handler(nullptr);
    CHECK(failure == "");
}

TEST_CASE("the child of a fork goes on with futures of its own, and refuses or drops the parent's") {
    futures::thread_pool_executor executor(1);
    const auto done = executor.submit([] { return 1; });
    done.wait();
    futures::Promise<int> promise;
    const auto same = [](int x) { return x; };
    const auto waits = promise.get_future().then(executor, same);
    const auto both = futures::gather(waits, done);
    const auto refused = [](auto call) {
        try {
            call();
            return false;
        } catch (const futures::broken_executor&) {
            return true;
        }
    };
    const std::string failure = fails_in_child([&] {
        const bool refuses = refused([&] { done.then(same).result(); }) &&
                             refused([&] { waits.then(same); }) &&
                             refused([&] { static_cast<void>(futures::gather(waits, done)); }) &&
                             refused([&] { both.result(); });
        futures::thread_pool_executor own(1);
        const auto nested = own.submit([&] { return own.submit([] { return 1; }).then(same).result(); });
        return refuses && both.cancel() && waits.cancel() && nested.result() == 1 &&
               done.then(own, same).result() == 1;
    });
    CHECK(failure == "");
    promise.set_result(2);
    CHECK(std::get<0>(both.result()) == 2);
}

TEST_CASE("in the child of a fork, a range of the parent's futures yields what is done, and then throws") {
    std::vector<futures::Promise<int>> promises(5);
    std::vector<futures::Future<int>> each;
    for (const auto& promise : promises) {
        each.push_back(promise.get_future());
    }
    promises[3].set_result(3);
    promises[1].set_result(1);
    auto range = futures::as_completed(each);
    std::vector<futures::Future<int>> expected{each[1], each[3]};
    const auto yields_what_is_done = [&] {
        std::vector<futures::Future<int>> yielded;
        return throws_broken_executor([&] {
                   for (auto future : range) {
                       yielded.push_back(future);
                   }
               }) &&
               yielded == expected;
    };
    SECTION("made before the fork") {
        CHECK(fails_in_child(yields_what_is_done) == "");
    }
    SECTION("begun before the fork") {
        static_cast<void>(range.begin());
        promises[4].set_result(4);
        promises[0].set_result(0);
        expected = {each[1], each[0], each[3], each[4]};
        CHECK(fails_in_child(yields_what_is_done) == "");
        promises[2].set_result(2);
    }
    SECTION("all of which are done") {
        for (const int index : {4, 2, 0}) {
            promises[static_cast<std::size_t>(index)].set_result(index);
        }
        CHECK(fails_in_child([&] {
                  std::size_t yielded = 0;
                  for (const auto& future : range) {
                      yielded += future.done();
                  }
                  return yielded == each.size();
              }) == "");
    }
    SECTION("of which the child completes some itself") {
        CHECK(fails_in_child([&] {
                  auto at = range.begin();
                  const bool has_first = *at == each[1] && *++at == each[3];
                  promises[2].set_result(2);
                  const bool has_its_own = *++at == each[2];
                  promises[0].set_result(0);
                  return has_first && has_its_own && *++at == each[0] &&
                         throws_broken_executor([&] { ++at; });
              }) == "");
    }
}

TEST_CASE("in the child of a fork, the timeout of a range of the parent's still passes") {
    const futures::Promise<int> never;
    auto range = futures::as_completed({never.get_future()}, std::chrono::seconds(0));
    CHECK(fails_in_child([&] {
              try {
                  static_cast<void>(range.begin());
                  return false;
              } catch (const futures::timeout_error&) {
                  return true;
              }
          }) == "");
}

TEST_CASE("a fork at any moment leaves the child able to iterate futures that complete then") {
    if (tests::under_address_sanitizer) {
        return;  // its own allocator's locks are what the child of a fork hangs at
    }
    constexpr int forks = 30;
    constexpr std::size_t many = 10'000;
    std::string failure;
    for (int round = 0; round != forks && failure.empty(); ++round) {
        std::vector<futures::Promise<void>> promises(many);
        std::vector<futures::Future<void>> each;
        for (const auto& promise : promises) {
            each.push_back(promise.get_future());
        }
        auto range = futures::as_completed(each);
        std::thread completes([&] {
            for (auto& promise : promises) {
                promise.set_result();
            }
        });
        auto at = range.begin();
        std::size_t taken = 0;
        while (taken != many / 100 * static_cast<std::size_t>(round)) {
            ++at;
            ++taken;
        }
        failure = fails_in_child([&] {
            const std::size_t before = taken;
            std::unordered_set<futures::Future<void>> yielded;
            const bool throws = throws_broken_executor([&] {
                for (auto future : range) {
                    ++taken;
                    yielded.insert(std::move(future));
                }
            });
            const auto done = static_cast<std::size_t>(
                std::ranges::count_if(each, [](const auto& future) { return future.done(); }));
            return taken == done && taken - before == yielded.size() && throws == (done != many);
        });
        completes.join();
    }
    CHECK(failure == "");
}

namespace {

// Calls `waits(executor, forks, never)` in a task of a pool of one worker. That is to submit `forks` and to
// wait, so that the worker runs `forks` on the spot, which forks and returns in both processes. Only in the
// parent, `never` is done then. In the child, `waits` returns whether the wait goes on as it should. Returns
// how the child failed.
template <class Waits>
std::string fails_in_child_of_wait(Waits waits) {
    futures::thread_pool_executor executor(1);
    return executor
        .submit([&] {
            futures::Promise<void> promise;
            pid_t process = -1;
            std::string failure;
            const auto forks = [&] {
                process = fork_with_time_limit();
                if (process != 0) {
                    failure = failure_of_child(process);
                    promise.set_result();
                }
            };
            const bool goes_on = succeeds([&] { return waits(executor, forks, promise.get_future()); });
            if (process == 0) {
                _exit(goes_on ? 0 : 1);
            }
            return failure;
        })
        .result();
}

}  // namespace

TEST_CASE("a task forks that wait() runs on the spot, and in the child the wait returns or throws") {
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              const auto task = executor.submit(forks);
              return futures::wait({never, task}, {.return_when = futures::return_when::first_completed})
                         .done == std::vector{task};
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              const auto task = executor.submit(forks);
              return throws_broken_executor([&] { futures::wait({never, task}); });
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              // The wait must find out what `both` depends on.
              const auto both = futures::gather(executor.submit(forks), never);
              return throws_broken_executor([&] { futures::wait({both}); });
          }) == "");
}

TEST_CASE("a task forks that result() runs on the spot, and in the child it throws") {
    for (const futures::timeout_duration limit :
         {futures::timeout_duration(), futures::timeout_duration(std::chrono::hours(1))}) {
        CHECK(fails_in_child_of_wait([limit](auto& executor, auto& forks, const auto& never) {
                  const auto both = futures::gather(executor.submit(forks), never);
                  return throws_broken_executor([&] { static_cast<void>(both.result(limit)); });
              }) == "");
    }
}

TEST_CASE(
    "a task forks that as_completed() runs on the spot, and in the child the range yields it, and throws") {
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              const auto task = executor.submit(forks);
              auto range = futures::as_completed({never, task});
              auto at = range.begin();
              return *at == task && throws_broken_executor([&] { ++at; });
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              auto range = futures::as_completed({futures::gather(executor.submit(forks), never)});
              return throws_broken_executor([&] { static_cast<void>(range.begin()); });
          }) == "");
}

TEST_CASE(
    "a task forks that a completion queue or a group runs on the spot, which refuses to go on in the child") {
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              futures::completion_queue<void> queue;
              queue.add(never);
              queue.add(executor.submit(forks));
              return throws_broken_executor([&] { static_cast<void>(queue.next()); });
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto& never) {
              futures::completion_queue<std::tuple<std::monostate, std::monostate>> queue;
              queue.add(futures::gather(executor.submit(forks), never));
              return throws_broken_executor([&] { static_cast<void>(queue.next()); });
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto&) {
              futures::task_group group(executor);
              group.submit(forks);
              group.submit([] {});
              return throws_broken_executor([&] { group.wait(); });
          }) == "");
    CHECK(fails_in_child_of_wait([](auto& executor, auto& forks, const auto&) {
              futures::task_group group(executor);
              group.submit(forks);
              group.submit([] {});
              return true;  // the group's destructor doesn't wait for the second task
          }) == "");
}

TEST_CASE("the child of a fork can destroy a completion queue for which a thread of the parent waits") {
    auto queue = std::make_unique<futures::completion_queue<void>>();
    futures::Promise<void> promise;
    queue->add(promise.get_future());
    std::thread waits([&] { static_cast<void>(queue->next()); });
    // Nothing tells when it sleeps. If it doesn't yet, this tests less.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(fails_in_child([&] {
              queue.reset();
              return true;
          }) == "");
    promise.set_result();
    waits.join();
}
