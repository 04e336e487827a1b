# The owner gives up the bias, and publishes nothing of what it did while it had it.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "whose owner gives up the bias")
set(finds "data race")
set(old [==[
    bias_.compare_exchange_strong(before, bias::none, std::memory_order_release);
]==])
set(new [==[
    bias_.compare_exchange_strong(before, bias::none, std::memory_order_relaxed);
]==])
