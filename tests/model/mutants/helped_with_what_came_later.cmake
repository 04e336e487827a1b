# A worker that waits takes what the other worker has pushed after the awaited task was done.
set(header concurrent/futures/queue/local_queue.hpp)
set(group queues)
set(only "what was pushed since a task began")
set(finds "what the task has not pushed is left")
set(old [==[
        if (!oldest_ || !still_runs()) {
]==])
set(new [==[
        static_cast<void>(still_runs);
        if (!oldest_) {
]==])
