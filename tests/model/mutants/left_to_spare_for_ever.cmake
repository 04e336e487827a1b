# A worker finds again what it has left to a spare, and runs it.
set(header concurrent/futures/state/helping_wait.hpp)
set(group composition)
set(only "what a worker has to run for others waits")
set(finds "livelock")
set(old [==[
    walk_.note_left_to_spare();
]==])
set(new [==[
]==])
