# A worker that ends another pool is told so while a thread of that runs.
set(header concurrent/futures/pool/threads.hpp)
set(group shutdown)
set(only "the only worker ends another pool")
set(finds "lost wake-up|deadlock")
set(old [==[
    if (running_ == 0) {
        return false;
    }
    watch.next_]==])
set(new [==[
    if (running_ != 0) {
        return false;
    }
    watch.next_]==])
