# Who looks whether something waits misses what is pushed at the moment, and isn't seen either.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: looking")
set(finds "one of the two sees the other")
set(old [==[
        const std::lock_guard lock(push_lock_);
        return size() != 0;]==])
set(new [==[
        return size() != 0;]==])
