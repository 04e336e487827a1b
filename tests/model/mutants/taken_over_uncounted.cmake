# A pop that takes the pushed items over leaves them uncounted for a moment.
set(header concurrent/futures/queue/fifo.hpp)
set(group queues)
set(only "fifo_queue: what waits is counted")
set(finds "the other item is counted")
set(old [==[
    note_popping();
    also.set_count(0);
}
]==])
set(new [==[
    also.set_count(0);
}
]==])
