// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>

#include "counted.hpp"

// What is known of everything that was begun in a round, for the audit at its end.
namespace endurance {

struct pool_record {
    explicit pool_record(unsigned long number)
        : id(number), prefix(std::string("e").append(std::to_string(number))) {}

    const unsigned long id;
    const std::string prefix;  // of its threads' names
    bool may_break = false;

    std::atomic<bool> closing{false};  // before its shutdown or destruction begins
    std::atomic<bool> cancels{false};  // before a shutdown begins that cancels
    std::atomic<bool> joined{false};   // after its destruction on a thread that isn't its own
    std::atomic<bool> mapped{false};
    std::atomic<int> running{0};              // its tasks
    std::atomic<int> threads{0};              // those that have an initializer
    std::atomic<int> initializers_failed{0};  // the first breaks the pool
    std::atomic<int> failures_logged{0};      // of the others
    std::atomic<int> breakages_logged{0};     // of futures that nobody looked at
};

// An exception of this program, which somebody must have caught, or else the log handler been given.
struct thrown_record {
    thrown_record(bool throws_callback, bool passed_on)
        : by_callback(throws_callback), is_passed_on(passed_on) {}

    const bool by_callback;
    const bool is_passed_on;  // several futures may have it, and each is looked at or logged
    std::atomic<int> retrieved{0};
    std::atomic<int> logged{0};
};

// What a future has been seen to end with.
enum class ending { none, value, exception, cancelled, broken };

struct task_record {
    pool_record& pool;
    std::atomic<int> runs{0};
    std::atomic<bool> refused{false};
    std::atomic<bool> returned{false};
    std::atomic<thrown_record*> thrown{nullptr};
    std::atomic<ending> seen{ending::none};
    std::atomic<bool> breakage_retrieved{false};
};

// A task that is continued, or a continuation. It may end without having run, by what came before it.
struct link_record {
    std::atomic<int> runs{0};
    std::atomic<bool> returned{false};
    std::atomic<thrown_record*> thrown{nullptr};
};

struct callback_record {
    std::atomic<bool> added{false};
    std::atomic<int> calls{0};
};

struct map_record {
    std::array<std::atomic<std::uint8_t>, 64> calls{};  // for each of the first elements
};

// Records stay where they are until they are cleared.
class books {
public:
    pool_record& new_pool() {
        static std::atomic<unsigned long> number{0};
        return add(pools_, ++number);
    }
    thrown_record& new_thrown(bool by_callback, bool is_passed_on = false) {
        return add(thrown_, by_callback, is_passed_on);
    }
    task_record& new_task(pool_record& pool) { return add(tasks_, pool); }
    link_record& new_link() { return add(links_); }
    callback_record& new_callback() { return add(callbacks_); }
    map_record& new_map() { return add(maps_); }

    // When everything has ended: fails if anything was lost, or done twice, and adds to the figures.
    void audit_and_clear();

    std::atomic<int> broken_promises{0};         // whose futures nobody looked at
    std::atomic<int> broken_promises_logged{0};  // by the library

private:
    template <class Record, class... Args>
    Record& add(std::deque<Record>& records, Args&&... args) {
        const std::lock_guard lock(mutex_);
        return records.emplace_back(std::forward<Args>(args)...);
    }

    static void audit(const task_record& task);
    void audit(const pool_record& pool, int breakages) const;

    std::mutex mutex_;
    std::deque<pool_record> pools_;
    std::deque<thrown_record> thrown_;
    std::deque<task_record> tasks_;
    std::deque<link_record> links_;
    std::deque<callback_record> callbacks_;
    std::deque<map_record> maps_;
};

inline books the_books;

// What tasks and callbacks throw.
class purposeful : public std::exception {
public:
    explicit purposeful(thrown_record& its_record) noexcept : record(&its_record) {}
    purposeful(const purposeful&) = default;
    purposeful& operator=(const purposeful&) = delete;
    // What `retrieved` has done comes before this, by the exception's count of references; but that is in a
    // part of the standard library which ThreadSanitizer doesn't see.
    ~purposeful() override { static_cast<void>(record->retrieved.load()); }

    const char* what() const noexcept override { return "on purpose"; }

    // The last that is done with it by who has caught it.
    void retrieved() const noexcept {
        require(passenger_.value() == 0, "an exception is alive");
        ++record->retrieved;
    }

    thrown_record* record;

private:
    counted passenger_;
};

// What initializers throw.
class initializer_failed : public std::exception {
public:
    explicit initializer_failed(pool_record& its_pool) noexcept : pool(&its_pool) {}
    initializer_failed(const initializer_failed&) = default;
    initializer_failed& operator=(const initializer_failed&) = delete;
    // See `~purposeful`: what the log handler has done comes before.
    ~initializer_failed() override { static_cast<void>(pool->breakages_logged.load()); }

    pool_record* pool;

private:
    counted passenger_;
};

// A future has ended with `how`; however many look, and however often, it is the same.
void note_ending(task_record& task, ending how);

// The current exception is that of the task, which was not cancelled. Rethrows what no task fails with.
void note_thrown(task_record& task);

// The log handler.
void note_log(std::string_view message, const std::exception_ptr& exception);

}  // namespace endurance
