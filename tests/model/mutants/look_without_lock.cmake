# A thread that looks whether an item waits misses a push that happens at the moment, and the push misses it.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: looking")
set(finds "one of the two sees the other")
set(old [==[
        const std::lock_guard lock(push_lock_);
        return size() != 0;]==])
set(new [==[
        return size() != 0;]==])
