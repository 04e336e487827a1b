# A future is removed at which a thread was to look next.
set(header concurrent/futures/algorithm/outstanding_futures.hpp)
set(group groups)
set(only "a failure cancels")
set(finds "use after destruction|data race|crash")
set(old [==[
        if (each->unexamined == &removed) {
]==])
set(new [==[
        if (!each->unexamined) {
]==])
