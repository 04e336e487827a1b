# A worker runs what another waits for on top of its own task, which that may wait for.
set(header concurrent/futures/state/helping_wait.hpp)
set(group composition)
set(only "what a worker has to run for others waits")
set(finds "crash")
set(old [==[
    if (self && (found_out != dependency_walk::step::for_spare || !leave_to_spare(found.state()))) {
]==])
set(new [==[
    if (self) {
]==])
