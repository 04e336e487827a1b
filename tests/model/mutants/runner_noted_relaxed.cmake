# A worker that helps does not see the number that the awaited task got when it began to run.
set(header concurrent/futures/queue/local_queue.hpp)
set(group queues)
set(only "what was pushed since a task began")
set(finds "what the task has not pushed is left")
set(old [==[
        item.place_.store(address() | running, std::memory_order_release);
]==])
set(new [==[
        item.place_.store(address() | running, std::memory_order_relaxed);
]==])
