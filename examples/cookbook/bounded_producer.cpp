// Bounded producer
//
// `submit` never blocks: a producer that is faster than the workers fills the memory. A semaphore holds it
// back. The place is given back by a done callback, so also when the task fails or is cancelled. Where the
// input is a range, `map` with `buffersize` needs none of this.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <semaphore>
#include <utility>

namespace futures = concurrent::futures;

class bounded_executor {
public:
    // At most `limit` tasks are waiting or running.
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
    futures::thread_pool_executor<> executor_;  // last: its tasks use the other
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
