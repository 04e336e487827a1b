# A thread that settles a branch does not see the caller that has gone to sleep meanwhile.
set(header concurrent/futures/task/branch.hpp)
set(group waiting)
set(only "invoke: the caller sleeps")
set(finds "lost wake-up|deadlock")
set(old [==[
const std::uintptr_t before = state_.exchange(how, std::memory_order_acq_rel);]==])
set(new [==[
const std::uintptr_t before = state_.load(std::memory_order_acquire);
        state_.store(how, std::memory_order_release);]==])
