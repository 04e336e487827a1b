# Whoever asks for idle workers misses one that searches without pushes being told.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "a worker that has just ended a task")
set(finds "lost wake-up")
set(old [==[
    return idle(counts()) || initializing_.load() != 0 || searching_unseen_.load() != 0 || idle(counts());
]==])
set(new [==[
    return idle(counts()) || initializing_.load() != 0 || idle(counts());
]==])
