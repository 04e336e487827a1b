# A push that finds a worker about to park leaves the epoch as it is.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
        worker_counts::word after = no_longer_sleepy(before) - unparked * worker_counts::one_parked +
]==])
set(new [==[
        worker_counts::word after = before - unparked * worker_counts::one_parked +
]==])
