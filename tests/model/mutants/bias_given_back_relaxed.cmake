# Who has taken the lock from its owner publishes nothing to the owner that then biases it anew.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and two")
set(finds "data race")
set(old [==[
            bias_.store(bias::none, std::memory_order_release);  // pairs with `revoke` and `set_bias`
]==])
set(new [==[
            bias_.store(bias::none, std::memory_order_relaxed);
]==])
