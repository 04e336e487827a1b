# The continuation of a future that is done goes to a pool that was destroyed.
set(header concurrent/futures/task/queued_state.hpp)
set(group composition)
set(only "a future is continued while its pool")
set(finds "data race|use after destruction|crash")
set(old [==[
    kept = pool_base::find(owner_, owner_number());
]==])
set(new [==[
    kept = shared_pool<pool_base>(*owner_);
]==])
