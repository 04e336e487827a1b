# A counting lock orders nothing when it is unlocked.
set(header concurrent/futures/sync/counting_lock.hpp)
set(group locks)
set(only "counting_lock keeps")
set(finds "data race")
set(old [==[
word_.store(count * one, std::memory_order_release);]==])
set(new [==[
word_.store(count * one, std::memory_order_relaxed);]==])
