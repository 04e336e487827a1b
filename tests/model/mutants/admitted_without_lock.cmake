# A push asks whether it is admitted, and whether to wake a worker, before its item is counted.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: ")
set(finds "closer sees|one of the two sees the other")
set(old [==[
        counting_guard lock(push_lock_, adding_one);
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
]==])
set(new [==[
        if (!admit()) {
            return false;
        }
        counting_guard lock(push_lock_, adding_one);
]==])
