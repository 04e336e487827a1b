// SPDX-License-Identifier: MIT

#pragma once

#if defined(SINGLE_HEADER)
#include <concurrent_futures.hpp>
#else
#include <concurrent/futures.hpp>
#endif
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// A program is put together of parts: the executable itself and shared libraries, each of which has the
// library compiled into it.

namespace tests {

using executor = concurrent::futures::thread_pool_executor<>;

// What one part does, by its own copy of the library's code.
class part {
public:
    virtual std::unique_ptr<executor> make_executor(int max_workers) const = 0;
    // Submits a task, waits for it, and returns the thread that ran it.
    virtual std::thread::id submit_and_wait(executor& where) const = 0;
    // The same, by `wait`.
    virtual std::thread::id submit_and_wait_for_all(executor& where) const = 0;
    // Futures that are made of those of tasks, each with the result 5.
    virtual concurrent::futures::Future<int> make_continuation(executor& where) const = 0;
    virtual concurrent::futures::Future<int> make_gathered(executor& where) const = 0;
    virtual concurrent::futures::Future<int> make_coroutine(executor& where) const = 0;
    // By a `then` after the task is done.
    virtual concurrent::futures::Future<int> continue_what_is_done(executor& where) const = 0;
    // By a `then` of this part, whichever made the future.
    virtual concurrent::futures::Future<int> continue_given(
        const concurrent::futures::Future<int>& future) const = 0;
    virtual int wait_for(const concurrent::futures::Future<int>& future) const = 0;
    virtual void shut_down(executor& where) const = 0;
    virtual std::string thread_name() const = 0;
    virtual void log_to(std::vector<std::string>* lines) const = 0;
    virtual void lose_an_exception() const = 0;
    virtual void throw_timeout_error() const = 0;
    virtual bool catches_as_timeout_error(const part& thrower) const = 0;
    // A future of an executor, without its type.
    virtual concurrent::futures::any_future make_any_future() const = 0;
    // Whether it is such a future, and no other.
    virtual bool recognises(const concurrent::futures::any_future& any) const = 0;
    // What a process has but one of.
    virtual std::vector<const void*> singletons() const = 0;

protected:
    ~part() = default;
};

}  // namespace tests
