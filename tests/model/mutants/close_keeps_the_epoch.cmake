# A shutdown leaves the epoch as it is, so a worker that is about to park sleeps for ever.
set(header concurrent/futures/pool/sleep.hpp)
set(group shutdown)
set(only "")
set(finds "lost wake-up")
set(old [==[
awake = no_longer_sleepy(now) - parked]==])
set(new [==[
awake = now - parked]==])
