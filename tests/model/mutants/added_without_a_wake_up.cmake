# A worker that sleeps is not woken for what is added.
set(header concurrent/futures/algorithm/outstanding_futures.hpp)
set(group groups)
set(only "asleep in next")
set(finds "lost wake-up")
set(old [==[
            }
        }
        notify();
]==])
set(new [==[
            }
        }
]==])
