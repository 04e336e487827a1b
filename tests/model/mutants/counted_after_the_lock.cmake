# A push counts its item by an operation that orders nothing before its look at who sleeps.
set(header concurrent/futures/sync/counting_lock.hpp)
set(group locks)
set(only "counting_lock: whoever adds")
set(finds "one of the two sees the other")
set(old [==[
        return lock_adding(one, std::memory_order_seq_cst);
]==])
set(new [==[
        return lock_adding(one, std::memory_order_acquire);
]==])
