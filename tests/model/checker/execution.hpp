// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <source_location>
#include <string>
#include <unordered_map>
#include <vector>

#include "exploration.hpp"
#include "fiber.hpp"
#include "memory.hpp"
#include "operations.hpp"
#include "timestamp.hpp"

namespace model {

struct limits {
    int preemptions = 3;
    int stale_reads = 2;
};

// The objects of one kind, by number. A number that is left over in memory that something else has taken
// doesn't pass for an object that is gone: the address would have to be the same.
template <class State>
class registry {
public:
    std::uint32_t add(const void* address) {
        if (used_ == all_.size()) {
            all_.emplace_back();
        }
        all_[used_].state = State();
        all_[used_].address = address;
        return used_++;
    }
    void remove(std::uint32_t number) { all_[number].address = nullptr; }
    [[nodiscard]] State* find(std::uint32_t number, const void* address) {
        return number < used_ && all_[number].address == address ? &all_[number].state : nullptr;
    }
    [[nodiscard]] State& operator[](std::uint32_t number) { return all_[number].state; }
    void clear() { used_ = 0; }

private:
    struct object {
        const void* address = nullptr;
        State state;
    };
    std::deque<object> all_;
    std::uint32_t used_ = 0;
};

// One run of a scenario: its threads, what they know of each other, and who goes on.
class execution {
public:
    enum class outcome { finished, was_here, failed };

    execution(exploration& choices, const limits& limits) : choices_(choices), limits_(limits) {}

    // The one that runs, or null.
    [[nodiscard]] static execution* active() noexcept { return active_; }
    // How many were begun.
    [[nodiscard]] static std::uint64_t number() noexcept { return executions_; }

    // Runs `body` on the first thread until all threads have ended, or until it was abandoned.
    outcome run(void (*body)());

    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] std::string trace() const;
    [[nodiscard]] std::size_t steps() const noexcept { return trace_.size(); }

    [[noreturn]] void fail(const std::string& what);

    // What the scenario's threads do; see operations.hpp.

    std::uint32_t add_atomic(const void* address, std::uint64_t value);
    std::uint32_t add_mutex(const void* address) { return mutexes_.add(address); }
    std::uint32_t add_condition(const void* address) { return conditions_.add(address); }
    std::uint32_t add_plain(const void* address);
    void remove_atomic(object_id object);
    void remove_mutex(object_id object);
    void remove_condition(object_id object);
    void remove_plain(object_id object, place where);

    std::uint64_t load(object_id object, std::memory_order order, place where);
    void store(object_id object, std::uint64_t value, std::memory_order order, place where);
    std::uint64_t modify(object_id object, std::memory_order success, std::memory_order failure,
                         const modification& change, place where);
    void lock(object_id object);
    void unlock(object_id object);
    bool wait(object_id condition, object_id mutex, std::optional<std::int64_t> until);
    void notify(object_id object, bool all);
    thread_number start(void (*body)(void*), void* argument);
    void join(thread_number thread);
    void join_others();
    void fence_all();
    bool pause(std::int64_t nanoseconds);
    std::int64_t now();
    std::uint32_t choose(std::uint32_t options);
    void read(object_id object, place where);
    void write(object_id object, place where);
    void read_plain(const void* address, std::size_t size);
    void write_plain(const void* address, std::size_t size);
    void delete_plain(const void* address, std::size_t size);
    void use_foreign_atomic(const void* address);

    [[nodiscard]] thread_number current() const noexcept { return current_; }

private:
    enum class status { running, locking, waiting, joining, pausing, finished };

    struct thread {
        fiber own;
        void (*body)(void*) = nullptr;
        void* argument = nullptr;

        timestamp knows;
        timestamp fenced;  // what it can't miss any more, although nothing has published it to this thread
        std::uint64_t history = 0;  // a hash of all that it did and saw, and so of all that this depends on
        std::uint64_t own_writes = 0;   // to atomics
        std::uint64_t writes_seen = 0;  // by others, when it last read an atomic

        status what = status::running;
        mutex_state* mutex = nullptr;  // that it locks
        bool timed = false;            // it waits for a time only
        thread_number joined = 0;
    };

    struct step {
        thread_number thread;
        const char* what;
        std::uint32_t object;
        std::uint64_t value;
        place where;
    };

    [[noreturn]] static void thread_main();
    [[noreturn]] void abandon(outcome how);

    thread& self() noexcept { return threads_[current_]; }
    std::uint64_t writes_of_others() noexcept { return writes_ - self().own_writes; }

    // Before each thing that another thread could see: lets another go on, or this.
    void give_way();
    // By a thread that can go on only when `what` allows it.
    void block(status what);
    [[nodiscard]] bool can_go_on(thread_number number) const;
    void pick(bool free);
    void go_on(thread_number next);
    [[nodiscard]] std::uint64_t state_hash(bool free) const;

    epoch event(std::uint64_t what);
    void note(const char* what, std::uint32_t object, std::uint64_t value, place where);
    void write_value(location& at, std::uint64_t value, std::memory_order order, const timestamp* head);
    void know_value(location& at, std::size_t index, std::memory_order order);

    void read_cell(plain_state& cell);
    void check_written(const plain_state& cell);
    void write_cell(plain_state& cell);
    plain_state* used_cell(const void* address);

    template <class State>
    State& find(registry<State>& all, object_id object, const char* what);

    static inline execution* active_ = nullptr;
    static inline std::uint64_t executions_ = 0;

    exploration& choices_;
    const limits limits_;

    std::array<thread, most_threads> threads_;
    thread_number thread_count_ = 0;
    thread_number current_ = 0;
    fiber explorer_;
    outcome outcome_ = outcome::finished;
    std::string failure_;

    registry<location> atomics_;
    registry<mutex_state> mutexes_;
    registry<condition_state> conditions_;
    registry<plain_state> plain_;
    std::unordered_map<const void*, foreign_atomic> foreign_atomics_;
    std::size_t live_plain_ = 0;

    int preemptions_ = 0;
    int stale_reads_ = 0;
    std::uint64_t writes_ = 0;                   // to atomics, by all
    int idle_pauses_ = 0;                        // in a row, while nothing was written
    std::uint64_t sequentially_consistent_ = 0;  // the history of the last such operation
    std::vector<step> trace_;
};

}  // namespace model
