# A worker that was idle and has taken a task seems to be busy before it has claimed it.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "a task that waits with a limit leaves")
set(finds "lost wake-up")
set(old [==[
                self.activity_.store(worker::activity::claiming, std::memory_order_relaxed);
]==])
set(new [==[
]==])
