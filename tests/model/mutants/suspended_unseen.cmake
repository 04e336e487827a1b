# Who waits for a coroutine isn't told that it waits for something else now.
set(header concurrent/futures/state/shared_state.hpp)
set(group coroutine)
set(only "coroutine of another pool")
set(finds "lost wake-up")
set(old [==[
            word_.fetch_or(suspended | unqueued, std::memory_order_relaxed);  // relaxed: the lock orders it
            waiters_.tell_change();]==])
set(new [==[
            word_.fetch_or(suspended | unqueued, std::memory_order_relaxed);]==])
