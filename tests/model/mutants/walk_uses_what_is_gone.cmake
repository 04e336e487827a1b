# A future that becomes done doesn't say so to a worker's walk before its memory may be freed.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "a worker stops waiting while what it waited for is completed")
set(finds "use after destruction|crash|data race")
set(old [==[
        waiters_.tell_ending();
]==])
set(new [==[
]==])
