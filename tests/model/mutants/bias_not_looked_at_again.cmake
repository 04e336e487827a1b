# The owner takes the lock by what it has seen of the bias before it says that it is inside.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race")
set(old [==[
            if (bias_.load(std::memory_order_relaxed) == bias::owner) [[likely]] {
]==])
set(new [==[
            if (true) {
]==])
