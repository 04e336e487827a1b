# A waiter is announced when the future may be done already.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "who waits for a result")
set(finds "lost wake-up")
set(old [==[
            word_.fetch_add(has_waiters - locked, std::memory_order_release);
]==])
set(new [==[
            unlock();
            word_.fetch_or(has_waiters, std::memory_order_relaxed);
]==])
