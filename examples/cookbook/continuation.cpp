// Then: go on with a result without waiting for it
//
// `future.then(fn)` calls `fn` with the value once it is there, as a task of the executor that ran the
// future. So no thread waits in between. If the first step fails, or is cancelled, so is the next, and `fn`
// is not called; unless `fn` takes the future itself. `gather` is done when several futures are.
//
// A task may wait for such futures, even on a pool of one worker: it runs what they depend on.
//
// After `shutdown()`, and so also at the end of its scope, the executor refuses the next step. Its future
// then fails with `executor_shutdown`.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    futures::thread_pool_executor executor(1);
    auto length = [](const std::string& text) { return text.size(); };

    auto text = executor.submit([]() -> std::string { return "four"; });
    auto doubled = text.then(length).then([](std::size_t size) { return 2 * size; });
    assert(doubled.result() == 8);

    auto failed = executor.submit([]() -> std::string { throw std::runtime_error("no text"); });
    auto or_zero = failed.then(length).then(
        [](const futures::Future<std::size_t>& done) { return done.exception() ? 0 : done.result(); });
    assert(or_zero.result() == 0);

    // A function that submits the next step returns its future; `then` gives the future of the last result.
    auto nested = text.then([&](const std::string& word) { return executor.submit(length, word + word); });
    assert(nested.result() == 8);

    std::vector<futures::Future<std::size_t>> lengths{doubled, or_zero, nested};
    auto sum = futures::gather(lengths).then([](const std::vector<std::size_t>& all) {
        return std::accumulate(all.begin(), all.end(), std::size_t{0});
    });
    assert(sum.result() == 16);

    // A task may wait for steps of its own pool, though its worker is the only one.
    auto in_task = executor.submit([&] {
        auto word = executor.submit([]() -> std::string { return "seven"; });
        return word.then(length).then([](std::size_t size) { return 2 * size; }).result();
    });
    assert(in_task.result() == 10);
}
