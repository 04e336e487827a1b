# A push takes no notice of its not being admitted.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: closing")
set(finds "closer sees")
set(old [==[
        if (!admit()) {
            lock.set_count(lock.count() - 1);
            return false;
        }
]==])
set(new [==[
        static_cast<void>(admit());
]==])
