# A worker that goes to sleep doesn't say that it is to be called.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "goes to sleep is called")
set(finds "lost wake-up")
set(old [==[
                ++parked_count_;
                note_wake_wanted();
]==])
set(new [==[
                ++parked_count_;
]==])
