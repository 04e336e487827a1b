# A cancelled task leaves its queue, and the pool may end, while the thread that cancels it still needs that.
set(header concurrent/futures/state/shared_state.hpp)
set(group shutdown)
set(only "cancelled while its pool")
set(finds "use after destruction|data race")
set(old [==[
    wait_for_unlocking();
]==])
set(new [==[
]==])
