# A thread takes an item back from the queue of another by the owner's way.
set(header concurrent/futures/queue/local_queue.hpp)
set(group queues)
set(only "another thread takes back")
set(finds "data race|check|crash|leak")
set(old [==[
        return queue == own ? queue->take_out]==])
set(new [==[
        static_cast<void>(own);
        return true ? queue->take_out]==])
