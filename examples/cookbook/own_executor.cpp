// An executor of your own
//
// A class with a `submit` and a `shutdown` is an executor, so it works wherever code takes `executor auto&`.
// `package` makes what it queues: a callable of one type, and the future that a call of it completes. The
// base class brings `map`. This one runs each task at once, on the thread that submits it.

#include <concurrent/futures.hpp>

#include <cassert>
#include <stdexcept>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

class inline_executor : public futures::executor_base<inline_executor> {
public:
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        auto [task, future] = futures::package(std::forward<Fn>(fn), std::forward<Args>(args)...);
        task();
        return future;
    }
    void shutdown(futures::shutdown_options = {}) {}
};
static_assert(futures::executor<inline_executor>);

int main() {
    inline_executor executor;
    assert(executor.submit([](int x, int y) { return x + y; }, 40, 2).result() == 42);

    std::vector<int> squares;
    for (int square : executor.map([](int x) { return x * x; }, std::vector{1, 2, 3}))
        squares.push_back(square);
    assert(squares == (std::vector{1, 4, 9}));

    // A task that fails fails its future, as in a pool.
    auto failed = executor.submit([] { throw std::runtime_error("no connection"); });
    assert(failed.exception() != nullptr);
}
