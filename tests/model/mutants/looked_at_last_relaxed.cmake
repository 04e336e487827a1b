# The last handle doesn't see what others have done before they went.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "moves out what another")
set(finds "data race")
set(old [==[
        return (word_.load(std::memory_order_acquire) & handles) == number * one_handle;]==])
set(new [==[
        return (word_.load(std::memory_order_relaxed) & handles) == number * one_handle;]==])
