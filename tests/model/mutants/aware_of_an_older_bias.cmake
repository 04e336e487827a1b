# The owner biases the lock anew, and still says that it knows of the last revocation.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race")
set(old [==[
    owner_.store(owner_state::outside, std::memory_order_relaxed);
]==])
set(new [==[
]==])
