# A push asks whether it is admitted, and whether to wake a worker, before its item is counted.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: ")
set(finds "closer sees|one of the two sees the other")
set(old [==[
        push_lock_.lock_adding_one();
        const std::lock_guard lock(push_lock_, std::adopt_lock);
        if (!admit()) {
            push_lock_.set_count(push_lock_.count() - 1);
            return false;
        }
]==])
set(new [==[
        if (!admit()) {
            return false;
        }
        push_lock_.lock_adding_one();
        const std::lock_guard lock(push_lock_, std::adopt_lock);
]==])
