# A thread that finds a new count misses what was moved before.
set(header concurrent/futures/sync/counting_lock.hpp)
set(group locks)
set(only "counting_lock: a new count")
set(finds "in one place at least")
set(old [==[
        word_.store(count * one | locked, std::memory_order_release);
]==])
set(new [==[
        word_.store(count * one | locked, std::memory_order_relaxed);
]==])
