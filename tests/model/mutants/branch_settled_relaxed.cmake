# The caller sees that a stolen call has ended, but not what the call has written.
set(header concurrent/futures/task/branch.hpp)
set(group waiting)
set(only "invoke: another worker steals")
set(finds "data race|check")
set(old [==[
state_.exchange(how, std::memory_order_acq_rel);]==])
set(new [==[
state_.exchange(how, std::memory_order_relaxed);]==])
