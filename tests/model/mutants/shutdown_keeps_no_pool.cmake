# A shutdown uses a pool whose last owner it has cancelled.
set(header concurrent/futures/executor/thread_pool_executor.hpp)
set(group shutdown)
set(only "cancels the task which holds")
set(finds "use after destruction|data race|crash")
set(old [==[
        const detail::shared_pool<pool> kept = pool_;
]==])
set(new [==[
        const detail::shared_pool<pool>& kept = pool_;
]==])
