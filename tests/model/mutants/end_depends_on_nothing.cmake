# A worker that ends another pool doesn't see what the tasks of that wait for.
set(header concurrent/futures/task/pool_end.hpp)
set(group shutdown)
set(only "the only worker ends another pool")
set(finds "lost wake-up|deadlock")
set(old [==[
    pool_.blocked_waits().for_each(search);
]==])
set(new [==[
]==])
