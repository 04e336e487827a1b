# The last handle doesn't see what others have done before they went.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "moves out what another")
set(finds "data race")
set(old [==[
        return references_of(word_.load(std::memory_order_acquire)) == 1;]==])
set(new [==[
        return references_of(word_.load(std::memory_order_relaxed)) == 1;]==])
