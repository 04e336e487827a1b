# Nobody looks again when a spare worker ends, although all others sleep.
set(header concurrent/futures/sync/blocked_wait.hpp)
set(group composition)
set(only "a spare ends while all others of its pool sleep")
set(finds "lost wake-up")
set(old [==[
        look_again(true);
]==])
set(new [==[
]==])
