# A walk takes what keeps a task from ending for what the task waits for, as that is queued at the moment.
set(header concurrent/futures/state/dependency_walk.hpp)
set(group composition)
set(only "a worker that sleeps is told")
set(finds "crash")
set(old [==[
            const bool is_leaf = !state.is_unqueued();
]==])
set(new [==[
            const bool is_leaf = parent.is_leaf;
]==])
