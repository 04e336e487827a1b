# The owner of a biased lock publishes nothing as it unlocks.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race")
set(old [==[
        owner_.store(owner_state::outside, std::memory_order_release);  // pairs with `wait_for_owner`
]==])
set(new [==[
        owner_.store(owner_state::outside, std::memory_order_relaxed);
]==])
