# A worker that joins a branch doesn't see what the worker waits for that runs it.
set(header concurrent/futures/task/branch.hpp)
set(group waiting)
set(only "invoke: a worker of another pool joins")
set(finds "lost wake-up|deadlock")
set(old [==[
if (local_queue* const runner = local_queue::queue_of_runner(joined_, true)) {]==])
set(new [==[
if (local_queue* const runner = nullptr) {]==])
