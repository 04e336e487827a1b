# Who gives up the last reference destroys what others may still read.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "of two that have read")
set(finds "data race")
set(old [==[
word_.fetch_sub(one_handle, std::memory_order_acq_rel);]==])
set(new [==[
word_.fetch_sub(one_handle, std::memory_order_relaxed);]==])
