# A worker that has found something doesn't call the next.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "two workers that sleep are called")
set(finds "lost wake-up")
set(old [==[
            if (wake_wanted() && pool_.something_waits()) {
                next = choose_one();
            }
]==])
set(new [==[
]==])
