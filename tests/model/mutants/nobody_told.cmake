# A worker that waits with a limit is not told that the last idle worker has found something else.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "when no other worker is left")
set(finds "lost wake-up")
set(old [==[
            notified = watches_.take_all();
]==])
set(new [==[
            static_cast<void>(watches_.take_all());
]==])
