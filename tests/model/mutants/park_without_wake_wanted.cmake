# A worker that parks does not say that it can be woken.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
                ++parked_count_;
                note_wake_wanted();
]==])
set(new [==[
                ++parked_count_;
]==])
