# A claim takes no notice of a thread that cancels at the same time.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "runs or is cancelled")
set(finds "use after destruction|check|leak")
set(old [==[
            if (word_.compare_exchange_weak(word, with_state(word, future_state::running),
                                            std::memory_order_relaxed)) {
                return true;
            }
]==])
set(new [==[
            word_.store(with_state(word, future_state::running), std::memory_order_relaxed);
            return true;
]==])
