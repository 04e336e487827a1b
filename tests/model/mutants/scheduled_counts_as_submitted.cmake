# A worker that waits for a task runs a coroutine that has gone on by schedule() on the thread of that task.
set(header concurrent/futures/task/task.hpp)
set(group waiting)
set(only "a coroutine that goes on by schedule")
set(finds "crash")
set(old [==[
        return !passes_failures_on<Fn> && base::submitter_may_wait();
]==])
set(new [==[
        return base::submitter_may_wait();
]==])
