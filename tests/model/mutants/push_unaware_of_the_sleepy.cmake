# A push tells a worker nothing that is about to park.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
        return sleepy() || (searching() == 0 &&]==])
set(new [==[
        return (searching() == 0 &&]==])
