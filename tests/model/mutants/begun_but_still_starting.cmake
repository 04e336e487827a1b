# A thread that has begun still counts as starting, so no other is started.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "two workers are started")
set(finds "lost wake-up")
set(old [==[
(now & ~(worker_counts::is_starting | worker_counts::start_failed))]==])
set(new [==[
(now & ~worker_counts::start_failed)]==])
