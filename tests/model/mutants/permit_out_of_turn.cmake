# A worker takes the permit to run although another has it.
set(header concurrent/futures/sync/permit.hpp)
set(group locks)
set(only "of a worker and its spares")
set(finds "data race")
set(old [==[
    changed_.wait(lock, [&] { return released_ == turn; });
]==])
set(new [==[
    changed_.wait(lock, [&] { return released_ <= turn; });
]==])
