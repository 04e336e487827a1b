# A worker that has nothing to do keeps its spare from running.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group composition)
set(only "what a worker has to run for others waits")
set(finds "lost wake-up")
set(old [==[
        self.give_permit_back();
        if (!sleep_.park(self)) {
]==])
set(new [==[
        if (!sleep_.park(self)) {
]==])
