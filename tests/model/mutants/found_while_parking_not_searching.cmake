# A worker that finds an item when it is about to sleep does not count as searching, and so wakes nobody for the rest.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "a worker that finds two tasks")
set(finds "lost wake-up")
set(old [==[
                    static_cast<void>(take_parked());
                }
                start_searching(self);
]==])
set(new [==[
                    static_cast<void>(take_parked());
                    note_wake_wanted();
                }
]==])
