# A shutdown does not wake the workers that are parked.
set(header concurrent/futures/pool/sleep.hpp)
set(group shutdown)
set(only "")
set(finds "lost wake-up")
set(old [==[
    for (; parked != 0; --parked) {
        unpark_one();
    }
]==])
set(new [==[
]==])
