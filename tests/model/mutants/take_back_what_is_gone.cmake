# The owner takes back what was stolen meanwhile.
set(header concurrent/futures/queue/local_queue.hpp)
set(group queues)
set(only "local_queue: the owner takes back")
set(finds "check|data race|crash")
set(old [==[
const bool here = (place & ~known_early) == address();]==])
set(new [==[
const bool here = true;]==])
