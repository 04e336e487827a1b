# A worker that has found an item does not wake the next worker.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "two workers that sleep are woken")
set(finds "lost wake-up")
set(old [==[
            if (wake_wanted() && pool_.something_waits()) {
                next = choose_one();
            }
]==])
set(new [==[
]==])
