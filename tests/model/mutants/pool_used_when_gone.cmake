# The continuation of a future that is done goes to a pool that was destroyed.
set(header concurrent/futures/task/queued_state.hpp)
set(group composition)
set(only "a future is continued while its pool")
set(finds "data race|use after destruction|crash")
set(old [==[
        shared_pool<pool_base> found = future().unless_done([this] { return shared_pool(*owner_); });
]==])
set(new [==[
        shared_pool<pool_base> found(*owner_);
]==])
