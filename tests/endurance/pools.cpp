// SPDX-License-Identifier: MIT

// How executors are made and come to their end.

#include <concurrent/futures.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"

namespace endurance {

namespace {

// In GCC's emulation for Windows, a thread_local's memory is freed before its destructor runs: bug 80816 of
// GCC.
#if defined(__MINGW32__) && !defined(__clang__)
constexpr bool thread_locals_are_destroyed_in_time = false;
#else
constexpr bool thread_locals_are_destroyed_in_time = true;
#endif

// That a thread of a pool runs: from its initializer until it ends.
class presence {
public:
    explicit presence(pool_record& pool) : pool_(pool) { ++pool_.threads; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { --pool_.threads; }

private:
    counted passenger_;  // destroyed last
    pool_record& pool_;
};

struct initializer {
    pool_record* pool;
    std::uint64_t seed;
    counted passenger{};

    void operator()() const {
        faults::own_work own;
        if constexpr (thread_locals_are_destroyed_in_time) {
            static thread_local std::optional<presence> present;
            present.emplace(*pool);
        }
        random_source random(seed + static_cast<std::uint64_t>(pool->threads + passenger.value()));
        own.fail_afterwards(random);
        if (pool->may_break && random.one_in(3)) {
            ++pool->initializers_failed;
            throw initializer_failed(*pool);
        }
    }
};

}  // namespace

template <class Queue>
void client::make_pool_of(std::size_t index) {
    pool_record& record = the_books.new_pool();
    const bool has_initializer = random_.one_in(2);
    record.may_break = has_initializer && random_.one_in(4);
    std::shared_ptr<pool<Queue>> made;
    const std::uint64_t seed = random_.seed();
    const int max_workers = static_cast<int>(1 + random_.up_to(4));
    insist(random_, [&] {
        futures::thread_pool_options options;
        if (max_workers != 4) {
            options.max_workers = max_workers;
        }
        options.thread_name_prefix = record.prefix;
        if (has_initializer) {
            options.initializer = initializer{&record, seed};
        }
        made = std::make_shared<pool<Queue>>(record, std::move(options));
    });
    ++total.executors;
    // The pool that was there ends here, if this is the last pointer to it.
    world_.exchange_pool(index, std::move(made));
}

void client::make_pool(std::size_t index) {
    switch (random_.up_to(3)) {
        case 0:
            make_pool_of<futures::fifo>(index);
            break;
        case 1:
            make_pool_of<futures::lifo>(index);
            break;
        default:
            make_pool_of<futures::priority>(index);
    }
}

void client::close_pool(std::size_t index) {
    any_pool closed = random_.one_in(2) ? world_.exchange_pool(index, {}) : world_.pool_at(index);
    std::visit(
        [this](const auto& each) {
            if (!each) {
                return;
            }
            const int workers = each->executor->worker_count();
            require(workers >= 0 && workers <= each->executor->max_workers(),
                    "a pool has no more workers than it may");
            static_cast<void>(each->executor->pending_count());
            if (random_.one_in(2)) {
                return;
            }
            const futures::shutdown_options options{.wait = random_.one_in(2),
                                                    .cancel_futures = random_.one_in(2),
                                                    .request_stop = random_.one_in(2)};
            each->record.closing = true;
            if (options.cancel_futures) {
                each->record.cancels = true;
            }
            std::vector<std::thread> others;
            for (unsigned count = random_.one_in(4) ? 2 : 0; count != 0; --count) {
                others.emplace_back([&, seed = random_.seed()] {
                    random_source random(seed);
                    const faults::library_call call(random);
                    each->executor->shutdown(options);
                });
            }
            {
                const faults::library_call call(random_);
                each->executor->shutdown(options);
                each->executor->shutdown(options);
            }
            total.shutdowns += 2 + others.size();
            for (std::thread& other : others) {
                other.join();
            }
            if (options.wait) {
                require(each->record.running == 0 && each->record.threads == 0,
                        "shutdown() returns when all tasks and threads have ended",
                        each->record.running.load(), each->record.threads.load());
            }
        },
        closed);
}

}  // namespace endurance
