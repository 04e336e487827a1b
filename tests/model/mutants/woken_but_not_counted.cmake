# A worker that is woken does not count as searching.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up|check|livelock|step")
set(old [==[
                    after = after - worker_counts::one_parked + worker_counts::one_searching;
]==])
set(new [==[
                    after = after - worker_counts::one_parked;
]==])
