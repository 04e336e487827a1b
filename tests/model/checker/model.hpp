// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <source_location>
#include <string>
#include <utility>

#include <concurrent/futures/sync/synchronization.hpp>

#include "failure.hpp"
#include "operations.hpp"

// A checker of the library's protocols: it runs a scenario, which is a few threads with a few calls each,
// again and again, until each interleaving of them was tried that the bounds allow, and with each value that
// the memory orders let an atomic show. (The way of CHESS, Musuvathi and Qadeer, "Iterative context bounding
// for systematic testing of multithreaded programs", PLDI 2007, and of CDSChecker, Norris and Demsky, OOPSLA
// 2013.)
//
// What is checked is the library's own code. All by which its threads see each other comes from
// sync/synchronization.hpp, and include/ here has a header of that name, which is found first: each
// operation goes to operations.hpp. Four more headers are replaced: platform.hpp asks the system nothing,
// spin_wait.hpp and back_off.hpp leave it to the checker how long a thread spins, and asymmetric_fence.hpp
// has the checker's own fence. Where that was shown to be a mutex (spin_lock.cpp), abstract/ has a mutex in
// the place of spin_lock.hpp, which leaves far less to try.
//
// How it runs. The threads of a scenario are fibers of one thread of the process (fiber.hpp), with
// thread-local variables and exceptions of their own. Before each operation that another thread could see,
// `execution` decides which of them goes on. A decision, as any other (which value a load reads, which of
// several a notification wakes, whether a wait's time is up), is a choice of `exploration`, which goes depth
// first through all sequences of choices, with ever more preemptions up to the bound: a switch away from a
// thread that could go on is one, from one that can't is none. What is left by the bounds is tried at random,
// some thousand times.
//
// What is not tried twice. An execution is given up when it has come to a state in which one before it was,
// with no fewer preemptions left. A state is known by what each thread did and saw, as a hash: of each
// operation, with the write that it reads or follows, or the unlocking, notification, start or end of a
// thread. That says all on which the threads' next steps depend, as they are deterministic, and as a race,
// which it doesn't tell, ends the execution; but for collisions of 60 bits.
//
// Memory. Each atomic keeps the values that it had, in the order of their writing, with what their writers
// knew (`timestamp`: a vector clock). A load may read any of those, unless the thread knows, by what happened
// before, of a newer one written or read: that is coherence and happens-before. An acquire load takes over
// what a release wrote, also through a chain of read-modify-writes; those read the newest. Mutexes, and the
// start and end of threads, order as well. Old values are read a bounded number of times in an execution.
//
// Plain memory has one value, and each use of it must be ordered with each writing. The compiler tells of all
// uses in the scenario and the library's headers (plain_memory.cpp); so two threads that use a queue's links
// or a result without order are found whatever comes of it. `checked` values are such memory whose lifetime
// is looked after as well. The standard library's reference counts are taken for acquire and release.
//
// So everything that it reports the standard allows to happen. What the standard allows and it doesn't try:
// - that a read sees what is written later (load buffering), and a modification order that is not the order
//   of the writing (2+2W): x86 does neither, other processors may;
// - of sequentially consistent operations, more than that their one order is that of the execution;
// - failures of a compare-exchange whose comparison holds, and wake-ups of a condition that nobody notified:
//   the library's loops only go round once more;
// - that a thread can't be started or memory is short;
// - that a thread comes between the steps of the standard library's own atomics, as in `std::shared_ptr`;
// - races that only code in the standard library's binary takes part in.
// Fences the library has none, but for the asymmetric one. Its heavy half is one step, at which all threads
// pass a fence.
//
// A thread that spins or yields rests until another has written something; when all rest again and again,
// they are as good as asleep. Clocks go on from look to look; a wait with a time limit may end at any moment.
//
// What is found, by these words: "lost wake-up or deadlock", when no thread can go on and not all have ended;
// "livelock", after thousands of steps; "data race", on plain memory; "use after destruction", of an
// atomic, a mutex, a condition or a `checked` value that is gone, or of memory that is deleted; "leak";
// "crash"; and "check", where a scenario's own `check` fails. The failure is printed with all that led to it
// and with the arguments by which the program runs the very same again. litmus.cpp shows that the checker
// finds all that, and nothing where nothing is; mutants/, that it finds what could go wrong in the library.
//
// Each program takes `--only <part of a name>`, `--preemptions <n>`, `--stale <n>` (old values),
// `--executions <most>`, `--random <n>`, `--seed <n>` and `--replay <schedule>`.
namespace model {

struct scenario_options {
    // How often at most a thread is preempted that could go on; no more than 15.
    int preemptions = 3;
    // How often at most an atomic shows a value that is not its newest.
    int stale_reads = 2;
    // Whether threads that wait for something short spin for it first.
    bool spins = false;
    // Whether locks are biased to their owners.
    bool biases = false;
    // Which start of a thread fails in each execution, counted from 1, the scenario's own included; 0: none.
    int failing_start = 0;
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
