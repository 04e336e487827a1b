// SPDX-License-Identifier: MIT

#pragma once

// The pools that others use, each behind the same face: `Pool(threads)` and `submit(fn)`, which returns a
// std::future. Those that this machine lacks are left out.

#include <barrier>
#include <concurrent/futures.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<asio/thread_pool.hpp>)
#define BENCHMARKS_HAVE_ASIO
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#endif
#if __has_include(<oneapi/tbb/task_arena.h>)
#define BENCHMARKS_HAVE_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif
#if __has_include(<thread_pool/thread_pool.hpp>)
#define BENCHMARKS_HAVE_THREAD_POOL
#include <thread_pool/thread_pool.hpp>
#endif

#include "harness.hpp"

namespace benchmarks {

struct ours {
    static constexpr const char* name = "concurrent::futures";
    explicit ours(int threads) : executor(threads) {}
    template <class Fn>
    auto submit(Fn&& fn) {
        return executor.submit(std::forward<Fn>(fn));
    }
    concurrent::futures::thread_pool_executor<> executor;
};

// A pool for all rounds, as a program has one, and as oneTBB and Java keep their threads. They have started.
inline std::shared_ptr<concurrent::futures::thread_pool_executor<>> kept_executor(int threads) {
    auto executor = std::make_shared<concurrent::futures::thread_pool_executor<>>(threads);
    std::barrier all(threads);
    std::vector<concurrent::futures::Future<void>> tasks;
    for (int thread = 0; thread < threads; ++thread) {
        tasks.push_back(executor->submit([&all] { all.arrive_and_wait(); }));
    }
    for (const auto& task : tasks) {
        task.result();
    }
    return executor;
}

// No pool: a thread for each task.
struct std_async {
    static constexpr const char* name = "std::async";
    explicit std_async(int) {}
    template <class Fn>
    auto submit(Fn&& fn) {
        return std::async(std::launch::async, std::forward<Fn>(fn));
    }
};

#if defined(BENCHMARKS_HAVE_ASIO)
struct asio_pool {
    static constexpr const char* name = "Asio thread_pool, packaged_task";
    explicit asio_pool(int threads) : pool(static_cast<std::size_t>(threads)) {}
    ~asio_pool() { pool.join(); }
    template <class Fn>
    auto submit(Fn&& fn) {
        std::packaged_task<std::invoke_result_t<Fn>()> task(std::forward<Fn>(fn));
        auto future = task.get_future();
        asio::post(pool, std::move(task));
        return future;
    }
    asio::thread_pool pool;
};
#endif

#if defined(BENCHMARKS_HAVE_TBB)
// As long as it lives, oneTBB uses so many threads, the calling one included.
struct tbb_limit {
    explicit tbb_limit(int threads)
        : control(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)) {}
    tbb::global_control control;
};

// Adds a rival that computes with so many threads of oneTBB. Its time is to be at least `least_ratio` of
// ours.
template <class Measure>
void add_tbb(contest& to, std::string name, int threads, double least_ratio, Measure measure) {
    to.add(
        std::move(name),
        [threads, measure] {
            const tbb_limit limit(threads);
            return measure();
        },
        at_least(least_ratio));
}

struct tbb_arena {
    static constexpr const char* name = "oneTBB task_arena::enqueue, packaged_task";
    // One slot is kept for the thread that waits, which enqueue doesn't use.
    explicit tbb_arena(int threads) : limit(threads + 1), arena(threads, 0) { arena.initialize(); }
    template <class Fn>
    auto submit(Fn&& fn) {
        // A TBB task must be copyable.
        auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Fn>()>>(std::forward<Fn>(fn));
        auto future = task->get_future();
        arena.enqueue([task] { (*task)(); });
        return future;
    }
    tbb_limit limit;
    tbb::task_arena arena;
};
#endif

#if defined(BENCHMARKS_HAVE_THREAD_POOL)
struct debian_thread_pool {
    static constexpr const char* name = "libthread-pool-dev";
    explicit debian_thread_pool(int threads) : pool(static_cast<std::size_t>(threads)) {}
    template <class Fn>
    auto submit(Fn&& fn) {
        return pool.Submit(std::forward<Fn>(fn));
    }
    thread_pool::ThreadPool pool;
};
#endif

// Calls `visit.template operator()<Pool>()` for each of them.
template <class Visit>
void for_each_rival_pool(Visit visit) {
#if defined(BENCHMARKS_HAVE_ASIO)
    visit.template operator()<asio_pool>();
#endif
#if defined(BENCHMARKS_HAVE_THREAD_POOL)
    visit.template operator()<debian_thread_pool>();
#endif
#if defined(BENCHMARKS_HAVE_TBB)
    visit.template operator()<tbb_arena>();
#endif
}

}  // namespace benchmarks
