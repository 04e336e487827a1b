# A waiter is announced when the future may be done already.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "who waits for a result")
set(finds "lost wake-up")
set(old [==[
            if (word_.compare_exchange_weak(word, word | has_waiters, std::memory_order_relaxed)) {
                link();
                unlock();
                return true;
            }
]==])
set(new [==[
            link();
            unlock();
            word_.fetch_or(has_waiters, std::memory_order_relaxed);
            return true;
]==])
