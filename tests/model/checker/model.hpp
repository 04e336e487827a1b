#pragma once

#include <cstddef>
#include <source_location>
#include <string>
#include <utility>

#include <concurrent/futures/scheduling/synchronization.hpp>

#include "failure.hpp"
#include "operations.hpp"

namespace model {

struct scenario_options {
    // How often at most a thread is interrupted that could go on.
    int preemptions = 3;
    // How often at most an atomic shows a value that is not its newest.
    int stale_reads = 2;
    // Whether threads that wait for something short spin for it first.
    bool spins = false;
    // What the checker must find; empty: nothing.
    std::string finds = {};
};

// One is made for each, as a static variable; the program tries them all.
class scenario {
public:
    scenario(std::string name, scenario_options options, void (*body)());

    std::string name;
    scenario_options options;
    void (*body)();
};

// One is made as a static variable for another that executions change: each begins with it as it was then.
class restored {
public:
    template <class T>
    explicit restored(T& variable) : restored(&variable, sizeof(T)) {}

private:
    restored(void* start, std::size_t size);
};

using thread = concurrent::futures::detail::sync::thread;
template <class T>
using atomic = concurrent::futures::detail::sync::atomic<T>;
using mutex = concurrent::futures::detail::sync::mutex;
using condition_variable = concurrent::futures::detail::sync::condition_variable;

// What must hold in every execution.
void check(bool holds, const char* what, place where = place::current());

// A value in plain memory. Two threads that use it, one of them to write, must be ordered by something; and
// all must be gone when the execution is over.
template <class T>
class checked {
public:
    explicit checked(T value = T()) : value_(std::move(value)), number_(add_plain(this)) {}
    checked(const checked& other) : value_(other.get()), number_(add_plain(this)) {}
    checked(checked&& other) : value_(other.get()), number_(add_plain(this)) { other.set(T()); }
    checked& operator=(const checked& other) {
        set(other.get());
        return *this;
    }
    ~checked() { remove_plain(id(), place::current()); }

    [[nodiscard]] const T& get(place where = place::current()) const {
        read(id(), where);
        return value_;
    }
    void set(T value, place where = place::current()) {
        write(id(), where);
        value_ = std::move(value);
    }

private:
    [[nodiscard]] object_id id() const { return {number_, this}; }

    T value_;
    std::uint32_t number_;
};

}  // namespace model
