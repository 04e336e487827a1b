// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>

#include "timestamp.hpp"

// What the types in include/ do in an execution. Each takes the number that it was given when it was added
// and its address; outside an execution there is no checker, and they are what they seem.
namespace model {

using place = std::source_location;

constexpr std::uint32_t outside_execution = static_cast<std::uint32_t>(-1);

struct object_id {
    std::uint32_t number;
    const void* address;
};

// What a read-modify-write makes of the newest value; nothing, if it leaves it.
class modification {
public:
    modification(const modification&) = delete;
    modification& operator=(const modification&) = delete;
    virtual std::optional<std::uint64_t> apply(std::uint64_t newest) const = 0;

protected:
    modification() = default;
    ~modification() = default;
};

[[nodiscard]] bool in_execution() noexcept;

std::uint32_t add_atomic(const void* address, std::uint64_t value);
std::uint32_t add_mutex(const void* address);
std::uint32_t add_condition(const void* address);
std::uint32_t add_plain(const void* address);
void remove_atomic(object_id object);
void remove_mutex(object_id object);
void remove_condition(object_id object);
void remove_plain(object_id object, place where);

std::uint64_t load(object_id object, std::memory_order order, place where);
void store(object_id object, std::uint64_t value, std::memory_order order, place where);
// Returns the value before.
std::uint64_t modify(object_id object, std::memory_order success, std::memory_order failure,
                     const modification& change, place where);

void lock(object_id mutex);
void unlock(object_id mutex);
// False if the time was up first.
bool wait(object_id condition, object_id mutex, std::optional<std::int64_t> until);
void notify(object_id condition, bool all);

thread_number start_thread(void (*body)(void*), void* argument);
void join_thread(thread_number thread);
// Waits until all other threads have ended.
void join_others();
[[nodiscard]] thread_number current_thread() noexcept;
// Of the execution, or of the one before if there is none now.
[[nodiscard]] std::uint64_t execution_number() noexcept;

// Lets others go on until one of them has written something; false if nobody can.
bool pause(std::int64_t nanoseconds = 0);
[[nodiscard]] std::int64_t now();

// The scenario's own choice, of which each is tried: from 0, the usual one.
[[nodiscard]] std::uint32_t choose(std::uint32_t options);

// Whether the scenario wants its threads to spin a little before they sleep.
[[nodiscard]] bool spins() noexcept;

// Whether the scenario wants locks to be biased to their owners.
[[nodiscard]] bool biases() noexcept;

// Has all threads pass a fence at once: this one sees what the others wrote before, and they see what it
// wrote. It publishes nothing else.
void fence_all();

// Whether the scenario wants this start of a thread to fail. Called once for each.
[[nodiscard]] bool start_fails() noexcept;

void read(object_id plain, place where);
void write(object_id plain, place where);

// Any memory; nothing outside an execution.
void read_plain(const void* address, std::size_t size);
void write_plain(const void* address, std::size_t size);
void delete_plain(const void* address, std::size_t size);
void use_foreign_atomic(const void* address);

}  // namespace model
