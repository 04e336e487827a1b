# A push asks whether it is admitted, and whether to wake a worker, before it has the lock.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: ")
set(finds "closer sees|one of the two sees the other")
set(old [==[
        const std::lock_guard lock(push_lock_);
        if (!admit()) {
            return false;
        }
]==])
set(new [==[
        if (!admit()) {
            return false;
        }
        const std::lock_guard lock(push_lock_);
]==])
