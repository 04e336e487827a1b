# A push takes no notice of its not being admitted.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: closing")
set(finds "closer sees")
set(old [==[
        if (!admit()) {
            push_lock_.set_count(push_lock_.count() - 1);
            return false;
        }
]==])
set(new [==[
        static_cast<void>(admit());
]==])
