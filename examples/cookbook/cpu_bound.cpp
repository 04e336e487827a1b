// CPU-bound loops
//
// A task for each element costs more than a small computation does. With `auto_chunksize`, `map` makes about
// four tasks for each worker, if the range knows its size. As many workers as CPUs are enough.

#include <concurrent/futures.hpp>

#include <cassert>
#include <ranges>

namespace futures = concurrent::futures;

bool is_prime(int number) {
    for (int divisor = 2; divisor * divisor <= number; ++divisor) {
        if (number % divisor == 0)
            return false;
    }
    return number > 1;
}

int main() {
    futures::thread_pool_executor executor(futures::usable_cpus());
    int primes = 0;
    for (bool prime : executor.map({.auto_chunksize = true}, is_prime, std::views::iota(0, 100'000)))
        primes += prime;
    assert(primes == 9592);
}
