#pragma once

#include <stdexcept>  // std::runtime_error

#if !defined(__cpp_exceptions)
#error "concurrent::futures needs exceptions: without them no future could carry one, and no call could fail"
#endif

namespace concurrent::futures {

// Their visibility is given because some standard libraries tell exceptions apart by where their type's
// description is: one that a shared library throws which is built with -fvisibility=hidden must be known to
// all others.

/// What every exception that this library itself throws derives from, but for `std::invalid_argument`
/// (a wrong argument) and what the standard library throws (`std::bad_alloc`, `std::system_error`).
class [[gnu::visibility("default")]] error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Thrown by `result()` and `exception()` of a future that was cancelled.
class [[gnu::visibility("default")]] cancelled_error : public error {
public:
    using error::error;
};

/// Thrown when a timeout passed before what was waited for was there.
class [[gnu::visibility("default")]] timeout_error : public error {
public:
    using error::error;
};

/// Thrown when a future or promise is used in a state that doesn't allow it: a handle that is not `valid()`,
/// a promise that was set already.
class [[gnu::visibility("default")]] invalid_state_error : public error {
public:
    using error::error;
};

/// What a future fails with whose `Promise` was destroyed before it was set.
class [[gnu::visibility("default")]] broken_promise_error : public error {
public:
    using error::error;
};

/// Thrown by `submit` and `map` after `shutdown`.
class [[gnu::visibility("default")]] executor_shutdown : public error {
public:
    using error::error;
};

/// Thrown by, and what futures fail with on, an executor that can't run anything any more.
class [[gnu::visibility("default")]] broken_executor : public error {
public:
    using error::error;
};

/// A thread pool whose initializer threw. What the initializer threw is nested: `std::rethrow_if_nested`.
class [[gnu::visibility("default")]] broken_thread_pool : public broken_executor {
public:
    using broken_executor::broken_executor;
};

}  // namespace concurrent::futures
