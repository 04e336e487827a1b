# A worker that sleeps keeps its spare from running.
set(header concurrent/futures/pool/worker.hpp)
set(group composition)
set(only "what a worker has to run for others waits")
set(finds "lost wake-up")
set(old [==[
    pool_.blocked_waits().add(wait, &local_queue_);
    give_permit_back();
]==])
set(new [==[
    pool_.blocked_waits().add(wait, &local_queue_);
]==])
