// Await a future in Asio
//
// A coroutine of Asio can only await what Asio knows. `as_awaitable` makes an `asio::awaitable` of a future:
// when the future is done, a done callback posts the rest of the coroutine to the coroutine's own executor.
// So Asio's thread never waits for the pool, and the coroutine stays on Asio's thread. A failure of the task
// is thrown by `co_await`, as by `result()`. The work guard keeps `io.run()` from returning meanwhile.
//
// Declare the pool after the `io_context`, which the callbacks use. Call `io.run()` on a thread of its own,
// not in a task of that pool: the library can't know what Asio waits for.
//
// This needs Asio without Boost; with Boost, write `boost::asio`. Asio 1.22 doesn't know that newer versions
// of Clang have coroutines; `-DASIO_HAS_CO_AWAIT` tells it.

#include <concurrent/futures.hpp>

#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <cassert>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace futures = concurrent::futures;

template <class T>
asio::awaitable<T> as_awaitable(futures::Future<T> future) {
    auto when_done = [](auto handler, const futures::Future<T>& awaited) {
        auto executor = asio::get_associated_executor(handler);
        awaited.add_done_callback(
            [handler = std::move(handler), executor, work = asio::make_work_guard(executor)](
                const futures::Future<T>&) mutable { asio::post(executor, std::move(handler)); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(when_done, asio::use_awaitable,
                                                                         future);
    co_return std::move(future).result();
}

std::string length_of(const std::string& text) {
    if (text.empty())
        throw std::invalid_argument("no text");
    return std::to_string(text.size());
}

asio::awaitable<void> session(futures::thread_pool_executor<>& executor, std::string& log) {
    const auto thread = std::this_thread::get_id();
    log = co_await as_awaitable(executor.submit(length_of, "four"));
    try {
        co_await as_awaitable(executor.submit(length_of, ""));
    } catch (const std::invalid_argument& failure) {
        log += std::string(", ") + failure.what();
    }
    assert(std::this_thread::get_id() == thread);
}

int main() {
    asio::io_context io;
    futures::thread_pool_executor executor(1);
    std::string log;
    asio::co_spawn(io, session(executor, log), asio::detached);
    io.run();
    assert(log == "4, no text");
}
