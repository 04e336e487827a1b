# A worker that sleeps does not tell others that what it waits for was queued again.
set(header concurrent/futures/state/dependency_walk.hpp)
set(group coroutine)
set(only "a coroutine is queued in a pool whose worker waits")
set(finds "lost wake-up")
set(old [==[
            tell_of(*told);
            open(*told);
]==])
set(new [==[
            open(*told);
]==])
