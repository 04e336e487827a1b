# A push doesn't look whether the queue is closed.
set(header concurrent/futures/scheduling/fifo.hpp)
set(group queues)
set(only "fifo_queue: closing")
set(finds "closer sees")
set(old [==[
        if (closed.load(std::memory_order_relaxed)) {  // the lock orders it
            return false;
        }
]==])
set(new [==[
        static_cast<void>(closed);
]==])
