# What is pushed is no longer known to run, although another worker has claimed it.
set(header concurrent/futures/queue/local_queue.hpp)
set(group queues)
set(only "what a thread claims while another pushes it")
set(finds "it is known to run")
set(old [==[
    item.place_.compare_exchange_strong(before, address() | known_early, std::memory_order_release);
]==])
set(new [==[
    item.place_.store(address() | known_early, std::memory_order_release);
]==])
