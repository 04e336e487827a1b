// SPDX-License-Identifier: MIT

#pragma once

#include <exception>  // std::exception_ptr, std::current_exception
#include <stdexcept>  // std::runtime_error

#if !defined(__cpp_exceptions)
#error "concurrent::futures needs exceptions: without them no future could carry one, and no call could fail"
#endif

namespace concurrent::futures { inline namespace v0_1 {

// Some standard libraries compare exception types by the address of their type description. Default
// visibility gives all shared libraries one address, so they can catch what a library built with
// -fvisibility=hidden throws.

/// All exceptions that this library throws derive from `error`, except `std::invalid_argument` (a wrong
/// argument) and what the standard library throws (`std::bad_alloc`, `std::system_error`).
///
/// \code
/// try {
///     executor.submit([] {}).result();
/// } catch (const futures::error& failure) {  // the library's; whatever else comes is the task's
///     std::puts(failure.what());
/// }
/// \endcode
class [[gnu::visibility("default")]] error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// `result()` and `exception()` throw this if the future was cancelled.
///
/// \code
/// futures::Promise<int> promise;
/// promise.get_future().cancel();
/// try {
///     promise.get_future().result();
///     assert(false);
/// } catch (const futures::cancelled_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] cancelled_error : public error {
public:
    using error::error;
};

/// A call throws this if its timeout passes before what it waits for is done.
///
/// \code
/// futures::Promise<int> promise;
/// try {
///     promise.get_future().result(std::chrono::milliseconds(1));
///     assert(false);
/// } catch (const futures::timeout_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] timeout_error : public error {
public:
    using error::error;
};

/// A call on a future or promise throws this if the state doesn't allow the call: the handle is not
/// `valid()`, or the promise was set already.
///
/// \code
/// try {
///     futures::Future<int>().result();
///     assert(false);
/// } catch (const futures::invalid_state_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] invalid_state_error : public error {
public:
    using error::error;
};

/// A future fails with this if its `Promise` is destroyed before it is set, or its `packaged_task` before it
/// is called.
///
/// \code
/// auto future = futures::Promise<int>().get_future();
/// try {
///     future.result();
///     assert(false);
/// } catch (const futures::broken_promise_error&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_promise_error : public error {
public:
    using error::error;
};

namespace detail {

// Throws an `Error`. Not inlined, so that each place that throws costs one call.
template <class Error>
[[noreturn, gnu::cold, gnu::noinline]] void throw_error(const char* message) {
    throw Error(message);
}

// Returns an `Error` with this message, or, if there is no memory for it, what says so.
template <class Error>
[[gnu::cold, gnu::noinline]] std::exception_ptr make_error(const char* message) noexcept {
    try {
        return std::make_exception_ptr(Error(message));
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace detail

/// `submit` and `map` throw this after `shutdown`.
///
/// \code
/// executor.shutdown();
/// try {
///     executor.submit([] {});
///     assert(false);
/// } catch (const futures::executor_shutdown&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] executor_shutdown : public error {
public:
    using error::error;
};

/// `submit` and `map` throw this, and futures fail with it, if the executor can't run anything any more.
///
/// \code
/// futures::thread_pool_executor broken({.initializer = [] { throw std::runtime_error("no connection"); }});
/// try {
///     broken.submit([] {}).result();
///     assert(false);
/// } catch (const futures::broken_executor&) {
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_executor : public error {
public:
    using error::error;
};

/// `submit` and `map` throw this, and futures fail with it, if an initializer of the thread pool threw. What
/// the initializer threw is nested: see `std::rethrow_if_nested`.
///
/// \code
/// futures::thread_pool_executor broken({.initializer = [] { throw std::runtime_error("no connection"); }});
/// try {
///     broken.submit([] {}).result();
///     assert(false);
/// } catch (const futures::broken_thread_pool& failure) {
///     try {
///         std::rethrow_if_nested(failure);
///         assert(false);
///     } catch (const std::runtime_error& cause) {
///         assert(cause.what() == std::string("no connection"));
///     }
/// }
/// \endcode
class [[gnu::visibility("default")]] broken_thread_pool : public broken_executor {
public:
    using broken_executor::broken_executor;
};

}}  // namespace concurrent::futures
