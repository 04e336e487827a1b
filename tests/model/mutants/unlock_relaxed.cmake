# The lock keeps apart, but orders nothing.
set(header concurrent/futures/sync/spin_lock.hpp)
set(group locks)
set(only "")
set(finds "data race")
set(old [==[
locked_.store(false, std::memory_order_release)]==])
set(new [==[
locked_.store(false, std::memory_order_relaxed)]==])
