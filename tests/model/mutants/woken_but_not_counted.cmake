# A worker that is woken does not count as searching.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up|check|livelock|step")
set(old [==[
        worker_counts::word after = no_longer_sleepy(before) - unparked * worker_counts::one_parked +
                                    unparked * worker_counts::one_searching;
]==])
set(new [==[
        worker_counts::word after = no_longer_sleepy(before) - unparked * worker_counts::one_parked;
]==])
