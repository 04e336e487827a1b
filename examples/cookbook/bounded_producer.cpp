// Bounded producer
//
// `submit` never blocks, so a producer that is faster than the workers fills the memory. Here a semaphore
// holds the producer back. A done callback gives the place back, so a task that fails or is cancelled gives
// it back too. If the input is a range, use `map` with `buffersize` instead.
//
// **Warning:** don't call this `submit` inside a task of the same executor. A task that waits for a place
// keeps its worker. If all workers wait for places, no task ends, and the program hangs. The library will get
// the option `max_pending` later, with which tasks may submit.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <semaphore>
#include <utility>

namespace futures = concurrent::futures;

class bounded_executor {
public:
    // At most `limit` tasks wait or run at any moment.
    bounded_executor(int max_workers, int limit) : places_(limit), executor_(max_workers) {}

    // Blocks until there is a place.
    template <class Fn>
    auto submit(Fn fn) {
        places_.acquire();
        try {
            auto future = executor_.submit(std::move(fn));
            future.add_done_callback([this](const auto&) { places_.release(); });
            return future;
        } catch (...) {  // nothing was submitted
            places_.release();
            throw;
        }
    }

private:
    std::counting_semaphore<> places_;
    futures::thread_pool_executor<> executor_;  // last, so destroyed first: its tasks use `places_`
};

int main() {
    std::atomic<int> under_way = 0;
    int most = 0;
    {
        bounded_executor executor(2, 3);
        for (int number = 0; number < 100; ++number) {
            executor.submit([&under_way] { --under_way; });
            most = std::max(most, ++under_way);
        }
    }
    assert(most <= 3);
    assert(under_way == 0);
}
