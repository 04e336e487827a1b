# The result is not published.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "who sees that it is done")
set(finds "data race")
set(old [==[
            if (word_.compare_exchange_weak(word, settled<to, released>(word), std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {]==])
set(new [==[
            if (word_.compare_exchange_weak(word, settled<to, released>(word), std::memory_order_relaxed,
                                            std::memory_order_relaxed)) {]==])
