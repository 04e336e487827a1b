# A continuation that can be run tells nobody.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "a worker runs the continuation that it waits for")
set(finds "lost wake-up")
set(old [==[
            waiters_.tell_change();
]==])
set(new [==[
]==])
