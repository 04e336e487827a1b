// SPDX-License-Identifier: MIT

// What a debugger is to show, at a breakpoint in `look`.

#include <concurrent/futures.hpp>
#include <memory>
#include <stdexcept>
#include <utility>

namespace futures = concurrent::futures;

namespace {

template <class T>
struct one_of_each {
    futures::Promise<T> promise;
    futures::Future<T> future = promise.get_future();
};

struct point {
    int x;
    int y;
};

struct sold_out : std::runtime_error {
    using std::runtime_error::runtime_error;
};

#if defined(__GNUC__)
__attribute__((noinline))
#endif
void look() {
    static volatile int looked = 0;
    looked = looked + 1;
}

template <class T, class Exception>
futures::Future<T> failed_with(Exception exception) {
    futures::Promise<T> promise;
    promise.set_exception(std::make_exception_ptr(std::move(exception)));
    promise.get_future().exception();
    return promise.get_future();
}

}  // namespace

int main() {
    const futures::Future<int> invalid;
    one_of_each<int> pending;
    one_of_each<int> running;
    running.promise.set_running_or_notify_cancel();
    one_of_each<int> cancelled;
    cancelled.future.cancel();
    one_of_each<int> number;
    number.promise.set_result(42);
    one_of_each<point> pair;
    pair.promise.set_result({3, 4});
    one_of_each<void> nothing;
    nothing.promise.set_result();
    int referred = 7;
    one_of_each<int&> reference;
    reference.promise.set_result(referred);
    const auto failed = failed_with<int>(std::runtime_error("out of paper"));
    const auto derived = failed_with<int>(sold_out("out of ink"));
    const auto odd = failed_with<int>(42);
    const futures::any_future no_type;
    const futures::any_future any = number.future;
    const futures::any_future any_odd = odd;

    one_of_each<void> gate;
    futures::thread_pool_executor executor(2);
    futures::thread_pool_executor<futures::priority> busy(1);
    futures::thread_pool_executor<futures::lifo> closed(3);
    closed.shutdown();
    one_of_each<void> begun;
    busy.submit([&] {
        begun.promise.set_result();
        gate.future.wait();
    });
    begun.future.wait();
    busy.submit([] {});
    busy.submit([] {});
    busy.submit([] {}).cancel();

    const auto continued = pending.future.then([](int value) { return value; });
    const auto cancelled_later = pending.future.then([](int value) { return value; });
    cancelled_later.cancel();
    const auto coroutine = [](futures::Future<int> awaited) -> futures::Future<int> {
        co_return co_await std::move(awaited);
    };
    const auto suspended = coroutine(pending.future);
    const auto ended = coroutine(number.future);

    look();
    gate.promise.set_result();
}
