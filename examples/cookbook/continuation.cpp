// Then: go on with a result without waiting for it
//
// A done callback submits the next step when the first is done, so no thread waits in between. What comes of
// the next step is a future again, made by a `Promise`; an error of the first step goes through to it.

#include <concurrent/futures.hpp>

#include <cassert>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace futures = concurrent::futures;

// The future of fn(value of future). `executor` outlives what it returns.
template <class T, class Fn>
auto then(futures::executor auto& executor, const futures::Future<T>& future, Fn fn) {
    using result = std::invoke_result_t<Fn&, const T&>;
    auto promise = std::make_shared<futures::Promise<result>>();
    auto next = promise->get_future();
    future.add_done_callback([&executor, promise, fn](const futures::Future<T>& first) {
        executor.submit([promise, fn, first]() mutable {
            if (!promise->set_running_or_notify_cancel())
                return;  // nobody wants it any more
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
