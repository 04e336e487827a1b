# The last handle leaves the memory to a queue that has released it already.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "the last handle destroys the result of a task that a queue")
set(finds "leak")
set(old [==[
        if (!(word_.fetch_or(cleared, std::memory_order_acq_rel) & holds_memory)) {
            delete this;
        }
]==])
set(new [==[
        word_.fetch_or(cleared, std::memory_order_acq_rel);
]==])
