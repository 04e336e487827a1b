# Who gives up the last reference destroys what others may still read.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "of two that have read")
set(finds "data race")
set(old [==[
references_of(word_.fetch_sub(one_reference, std::memory_order_acq_rel)) == 1]==])
set(new [==[
references_of(word_.fetch_sub(one_reference, std::memory_order_relaxed)) == 1]==])
