# What others have done under the lock of a continuation is not ordered before it is queued, and run.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "a continuation runs in its pool")
set(finds "data race")
set(old [==[
word & ~unqueued, std::memory_order_acq_rel]==])
set(new [==[
word & ~unqueued, std::memory_order_release]==])
