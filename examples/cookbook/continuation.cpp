// Then: go on with a result without waiting for it
//
// A done callback submits the next step when the first is done, so no thread waits in between. A `Promise`
// makes the future of the next step. If the first step fails, that future fails with the same exception.
//
// **Warning:** don't wait inside a task for a future that this `then` returns, if both use the same pool. The
// worker can't know which task sets a promise, so it sleeps. If all workers sleep, nobody runs that task, and
// the program hangs. Wait on another thread, or call `then` once more. The library will get its own `then`
// later, for which tasks may wait.
//
// After `shutdown()`, and so also at the end of its scope, the executor refuses the next step. Its future
// then fails with `broken_promise_error`.

#include <concurrent/futures.hpp>

#include <cassert>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace futures = concurrent::futures;

// Returns the future of `fn(value of future)`. `executor` must live until that is done.
template <class T, class Fn>
auto then(futures::executor auto& executor, const futures::Future<T>& future, Fn fn) {
    using result = std::invoke_result_t<Fn&, const T&>;
    auto promise = std::make_shared<futures::Promise<result>>();
    auto next = promise->get_future();
    future.add_done_callback([&executor, promise, fn](const futures::Future<T>& first) {
        executor.submit([promise, fn, first]() mutable {
            if (!promise->set_running_or_notify_cancel())
                return;  // `next` was cancelled
            try {
                promise->set_result(fn(first.result()));
            } catch (...) {
                promise->set_exception(std::current_exception());
            }
        });
    });
    return next;
}

int main() {
    futures::thread_pool_executor executor(2);
    auto length = [](const std::string& text) { return text.size(); };

    auto text = executor.submit([]() -> std::string { return "four"; });
    auto doubled = then(executor, then(executor, text, length), [](std::size_t size) { return 2 * size; });
    assert(doubled.result() == 8);

    auto failed = executor.submit([]() -> std::string { throw std::runtime_error("no text"); });
    auto passed_on = then(executor, failed, length);
    assert(passed_on.exception() != nullptr);
}
