# A gather doesn't count the callbacks that may still use it.
set(header concurrent/futures/algorithm/gather.hpp)
set(group composition)
set(only "a gather fails")
set(finds "use after destruction|crash|data race")
set(old [==[
        if (parts != 0 && open_.fetch_sub(parts, std::memory_order_acq_rel) == parts) {
]==])
set(new [==[
        if (parts != 0 && open_.fetch_sub(parts, std::memory_order_acq_rel) == parts + 1) {
]==])
