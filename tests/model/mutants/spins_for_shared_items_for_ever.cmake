# A worker that was started or woken in vain waits for items of the shared queue, and never looks into the others.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group pool)
set(only "a worker that is started in vain")
set(finds "deadlock")
set(old [==[
        return target != spin_target::nothing && spin_until(pauses, [&] { return seems_to_have(target); });
]==])
set(new [==[
        if (target == spin_target::nothing) {
            return false;
        }
        while (!spin_until(pauses, [&] { return seems_to_have(target); }) && target == spin_target::shared_item) {
            sync::this_thread::yield();
        }
        return true;
]==])
