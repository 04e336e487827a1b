// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "books.hpp"
#include "counted.hpp"

namespace endurance {

namespace futures = concurrent::futures;

// Whether the calling thread is one of the pool's own.
inline bool is_worker_of(const pool_record& pool) {
    const std::string& name = futures::this_thread_name();
    return name.size() > pool.prefix.size() && name.starts_with(pool.prefix) &&
           name[pool.prefix.size()] == '_';
}

// An executor and what must hold when it has been destroyed.
template <class Queue>
class pool {
public:
    // \throws what the executor's constructor throws
    pool(pool_record& its_record, futures::thread_pool_options options) : record(its_record) {
        executor.emplace(std::move(options));
    }
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    ~pool() {
        if (!executor) {
            return;
        }
        const bool by_itself = is_worker_of(record);
        record.closing = true;
        executor.reset();
        if (!by_itself) {
            require(record.running == 0 && record.threads == 0,
                    "an executor's destructor returns when all of its tasks and threads have ended",
                    record.running.load(), record.threads.load());
            record.joined = true;
        }
    }

private:
    counted passenger_;  // destroyed last

public:
    pool_record& record;
    std::optional<futures::thread_pool_executor<Queue>> executor;
};

template <class Queue>
using pool_pointer = std::shared_ptr<pool<Queue>>;

// A pool of any queue, or none.
using any_pool =
    std::variant<pool_pointer<futures::fifo>, pool_pointer<futures::lifo>, pool_pointer<futures::priority>>;

// Null if there is none.
inline const pool_record* record_of(const any_pool& which) {
    return std::visit([](const auto& each) { return each ? &each->record : nullptr; }, which);
}

template <class T>
struct held {
    futures::Future<T> future;
    task_record* task;
    long expected;
};

// What all the threads of a round share.
class world {
public:
    static constexpr unsigned pool_count = 3;

    // None, if it was made no later than the one with this `id`: for a moment the pointer may be the last.
    any_pool pool_at(std::size_t index, unsigned long id = 0) {
        const std::lock_guard lock(mutex_);
        const pool_record* const record = record_of(pools_[index]);
        return record && record->id > id ? pools_[index] : any_pool();
    }

    // Returns what was there.
    any_pool exchange_pool(std::size_t index, any_pool replacement) {
        const std::lock_guard lock(mutex_);
        return std::exchange(pools_[index], std::move(replacement));
    }

    // Shows the future to the other threads, and returns one that was shown longer ago, if any.
    std::optional<held<counted>> exchange_future(held<counted> shown, std::size_t where) {
        constexpr std::size_t most = 8;
        const std::lock_guard lock(mutex_);
        if (futures_.size() < most) {
            futures_.push_back(std::move(shown));
            return std::nullopt;
        }
        return std::exchange(futures_[where % most], std::move(shown));
    }

    // By the last thread.
    std::vector<held<counted>> take_futures() {
        const std::lock_guard lock(mutex_);
        return std::exchange(futures_, {});
    }

private:
    std::mutex mutex_;
    std::array<any_pool, pool_count> pools_;
    std::vector<held<counted>> futures_;
};

}  // namespace endurance
